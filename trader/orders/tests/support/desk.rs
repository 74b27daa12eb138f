//! A trader that decides, is killed, and starts again.

use triptych_account::OrderKey;
use triptych_engine::candidate::CandidateId;
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{Side, Timestamp};
use triptych_engine::portfolio::CloseReason;
use triptych_orders::client_order_id::{Epoch, Owner};
use triptych_orders::exchange::Request;
use triptych_orders::finding::Finding;
use triptych_orders::journal::Journal;
use triptych_orders::path::{Draft, Holder, OrderPath, PathError};
use triptych_venue::{OrderKind, TimeInForce};

use super::disk::Disk;
use super::exchange::{Coming, Exchange};
use super::{PATIENCE, later, symbol};

/// The trader, its disk and the venue.
pub(crate) struct Desk {
    pub(crate) random: fastrand::Rng,
    pub(crate) disk: Disk,
    pub(crate) exchange: Exchange,
    pub(crate) now: Timestamp,
    pub(crate) path: Option<OrderPath<Disk>>,
    pub(crate) findings: Vec<Finding>,
    coming: Vec<Coming>,
    epoch: u64,
    decided: u128,
    pub(crate) kills: u32,
}

/// Whether a trader lived on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Life {
    GoesOn,
    Killed,
}

impl Desk {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            disk: Disk::default(),
            exchange: Exchange::new(!seed),
            now: Timestamp::from_milliseconds(1_800_000_000_000),
            path: None,
            findings: Vec::new(),
            coming: Vec::new(),
            epoch: 0,
            decided: 0,
            kills: 0,
        }
    }

    /// Starts a trader on what is left on the disk.
    pub(crate) fn start(&mut self) -> Life {
        self.epoch += 1;
        let begun = self.begin();
        match begun {
            Ok((path, finding)) => {
                // Killed before its first record was safe, a trader leaves an empty journal, and no order.
                let is_new = self.exchange.orders.is_empty();
                self.findings.extend(finding.filter(|_| !is_new));
                self.path = Some(path);
                Life::GoesOn
            }
            Err(error) => self.killed(&error),
        }
    }

    fn begin(&self) -> Result<(OrderPath<Disk>, Option<Finding>), PathError> {
        let (journal, recovered) = Journal::resume(self.disk.clone(), &self.disk.bytes())?;
        let holder = Holder {
            owner: Owner::new("cluster", "instance"),
            epoch: Epoch::new(self.epoch).unwrap(),
            run: "run".into(),
        };
        OrderPath::begin(journal, &recovered, holder, PATIENCE, &[symbol()], self.now)
    }

    fn killed(&mut self, error: &PathError) -> Life {
        assert!(error.to_string().contains("killed"), "{error}");
        self.kill();
        Life::Killed
    }

    /// The process and its answers are gone; what it sent is not.
    pub(crate) fn kill(&mut self) {
        self.kills += 1;
        self.path = None;
        self.coming.clear();
        self.disk.lose_power(&mut self.random);
    }

    /// A little time goes by: answers come, orders are decided on.
    pub(crate) fn step(&mut self, may_trade: bool) -> Life {
        self.now = later(self.now, self.random.u64(1..120));
        self.exchange.go_on(self.now);
        match self.try_step(may_trade) {
            Ok(()) => Life::GoesOn,
            Err(error) => self.killed(&error),
        }
    }

    fn try_step(&mut self, may_trade: bool) -> Result<(), PathError> {
        let Some(path) = &mut self.path else {
            return Ok(());
        };
        let now = self.now;
        self.random.shuffle(&mut self.coming);
        let (arrived, coming) = self.coming.drain(..).partition(|(at, _)| *at <= now);
        self.coming = coming;
        let arrived: Vec<Coming> = arrived;
        for (_, answered) in arrived {
            self.findings.extend(path.learn(answered, now)?);
        }
        let mut requests = path.due(now);
        if may_trade && self.random.u8(0..4) == 0 {
            let drafts = (0..self.random.u32(1..3))
                .map(|_| draft(&mut self.random, &mut self.decided, now))
                .collect();
            requests.extend(path.intend(drafts, now)?.requests);
        }
        if self.random.u8(0..10) == 0 || !may_trade {
            let working: Vec<_> = path.own().unsettled().cloned().collect();
            for own in working.iter().take(if may_trade { 1 } else { usize::MAX }) {
                path.intend_cancel(&own.intent.client_order_id, "test", now)?;
            }
        }
        for request in requests {
            if !may_trade {
                assert!(!matches!(request, Request::Place { .. }));
            }
            self.coming.push(self.exchange.carry(request, now));
        }
        Ok(())
    }

    /// Nothing goes wrong any more: every order ends, and everything is known.
    pub(crate) fn come_to_rest(&mut self) {
        self.exchange.calm = true;
        self.disk.kill_at(None);
        if self.path.is_none() {
            assert_eq!(self.start(), Life::GoesOn);
        }
        for _ in 0..20_000 {
            assert_eq!(self.step(false), Life::GoesOn);
            let path = self.path.as_ref().unwrap();
            let settled = path.own().unsettled().next().is_none();
            if settled
                && path.is_reconciled()
                && !self.exchange.is_anything_under_way()
                && self.coming.len() < 3
            {
                return;
            }
        }
        let open: Vec<_> = self.path.as_ref().unwrap().own().unsettled().collect();
        panic!("there is no end: {open:#?}");
    }
}

fn draft(random: &mut fastrand::Rng, decided: &mut u128, now: Timestamp) -> Draft {
    // Sometimes the same decision once more, as after a restart on the same events.
    if random.u8(0..5) > 0 || *decided == 0 {
        *decided += 1;
    }
    let candidate: CandidateId = format!("{:032x}", *decided << 64).parse().unwrap();
    let price = Price::from_units(10_000_000_000);
    let kinds = [
        OrderKind::Market,
        OrderKind::Limit {
            price,
            time_in_force: TimeInForce::GoodTillCancel,
        },
    ];
    Draft {
        key: OrderKey {
            candidate,
            purpose: CloseReason::Signal,
            part: 0,
        },
        strategy: "test".into(),
        symbol: symbol(),
        side: if random.bool() { Side::Buy } else { Side::Sell },
        kind: kinds[random.usize(0..2)],
        quantity: Quantity::from_units(random.i64(1..1_000_000)),
        touch: price,
        stop: None,
        target: None,
        reduces: false,
        live_ratio: None,
        decided: Timestamp::from_nanoseconds(now.nanoseconds() - random.i64(0..900_000_000)),
    }
}
