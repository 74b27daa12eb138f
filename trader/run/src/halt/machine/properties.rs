//! Properties over random histories with failing disks and crashes.

use proptest::prelude::*;

use super::tests::{Trader, gone, view};
use super::*;

/// A step of a random history.
#[derive(Debug, Clone)]
enum Step {
    /// The TradingInstance is seen; the number names one of the halts so far to resume.
    See {
        asks: TradingState,
        resume: Option<prop::sample::Index>,
    },
    Gone,
    Stop(Stopper, u8),
    /// One latch operation succeeds.
    Work,
    /// One latch operation fails.
    Fail,
    /// A latch write reaches the disk, and the process dies before it knows.
    CrashAfterWrite,
    /// The process dies.
    Crash,
}

fn state() -> impl Strategy<Value = TradingState> {
    prop_oneof![
        3 => Just(TradingState::Active),
        1 => Just(TradingState::Reducing),
        1 => Just(TradingState::Halted),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let see = (state(), prop::option::of(any::<prop::sample::Index>()));
    let stopper = prop_oneof![Just(Stopper::Breaker), Just(Stopper::Endpoint)];
    prop_oneof![
        6 => see.prop_map(|(asks, resume)| Step::See { asks, resume }),
        1 => Just(Step::Gone),
        2 => (stopper, 0..3u8).prop_map(|(by, reason)| Step::Stop(by, reason)),
        8 => Just(Step::Work),
        1 => Just(Step::Fail),
        1 => Just(Step::CrashAfterWrite),
        1 => Just(Step::Crash),
    ]
}

/// What the world knows at a moment of a history.
struct History {
    trader: Trader,
    /// Every identifier that was ever given.
    ids: Vec<String>,
    seen: Option<InstanceView>,
}

impl History {
    fn new() -> Self {
        Self {
            trader: Trader::on(None, 0),
            ids: vec!["halt-of-somebody-else".to_owned()],
            seen: None,
        }
    }

    fn go(&mut self, step: &Step) {
        match step {
            Step::See { asks, resume } => {
                let resume = resume.map(|index| index.get(&self.ids).clone());
                self.see(view(*asks, resume.as_deref()));
            }
            Step::Gone => self.see(gone()),
            Step::Stop(by, reason) => self.trader.take(Input::Stop {
                by: *by,
                state: TradingState::Halted,
                reason: reason.to_string(),
            }),
            Step::Work => match self.trader.machine.latch_work() {
                Some(LatchWork::Read) => {
                    let found = self.trader.disk.clone();
                    self.trader.take(Input::LatchRead(found));
                }
                Some(LatchWork::Write(halt)) => {
                    self.trader.disk.clone_from(&halt);
                    self.trader.take(Input::Latched(halt));
                }
                None => {}
            },
            Step::Fail => match self.trader.machine.latch_work() {
                Some(LatchWork::Read) => {
                    self.trader.take(Input::LatchUnreadable("fault".to_owned()));
                }
                Some(LatchWork::Write(_)) => {
                    self.trader.take(Input::LatchFailed("fault".to_owned()));
                }
                None => {}
            },
            Step::CrashAfterWrite => {
                if let Some(LatchWork::Write(halt)) = self.trader.machine.latch_work() {
                    self.trader.disk = halt;
                }
                self.crash();
            }
            Step::Crash => self.crash(),
        }
        if let Some(id) = self.trader.machine.wished_id()
            && !self.ids.contains(&id.0)
        {
            self.ids.push(id.0.clone());
        }
    }

    fn see(&mut self, view: InstanceView) {
        self.seen = Some(view.clone());
        self.trader.take(Input::Instance(view));
    }

    fn crash(&mut self) {
        let disk = self.trader.disk.take();
        self.trader = Trader::on(disk, self.trader.made);
        self.seen = None;
    }

    fn asked(&self) -> u8 {
        let asked = self.seen.as_ref().and_then(InstanceView::asked);
        asked.map_or(0, |asked| severity(asked.state))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_asked_for_is_in_force_at_once(steps in prop::collection::vec(step(), 1..60)) {
        let mut history = History::new();
        for step in &steps {
            history.go(step);
            let in_force = severity(history.trader.state());
            prop_assert!(in_force >= history.asked());
            if let Step::Stop(..) = step {
                prop_assert_eq!(in_force, 2);
            }
        }
    }

    #[test]
    fn a_latched_halt_ends_by_its_own_identifier_only(steps in prop::collection::vec(step(), 1..60)) {
        let mut history = History::new();
        // The latched halt that the trader showed last, and the identifiers resumed so far.
        let mut shown: Option<(String, u8)> = None;
        let mut resumed: Vec<String> = Vec::new();
        for step in &steps {
            history.go(step);
            if let Some(InstanceView::There { resume: Some(id), .. }) = &history.seen {
                resumed.push(id.0.clone());
            }
            let standing = history.trader.machine.standing();
            if let Some((id, strictness)) = &shown
                && severity(standing.state) < *strictness
            {
                prop_assert!(resumed.contains(id), "{id} ended without its resume");
                prop_assert!(history.asked() < *strictness);
            }
            let latched = standing.halt.and_then(|halt| halt.id);
            match latched {
                Some(id) => shown = Some((id.0, severity(standing.state))),
                None if standing.state == TradingState::Active => shown = None,
                None => {}
            }
        }
    }

    #[test]
    fn an_identifier_is_shown_only_while_the_disk_holds_the_halt(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let mut history = History::new();
        for step in &steps {
            history.go(step);
            if let Some(id) = history.trader.id() {
                let on_disk = history.trader.disk.as_ref().map(|halt| halt.id.0.clone());
                prop_assert_eq!(Some(id), on_disk);
            }
        }
    }

    #[test]
    fn a_restart_at_any_point_keeps_the_latched_halt(steps in prop::collection::vec(step(), 1..60)) {
        let mut history = History::new();
        for step in &steps {
            history.go(step);
            let latched = history.trader.id();
            if latched.is_some() {
                let mut restarted = Trader::on(history.trader.disk.clone(), u32::MAX / 2);
                restarted.work();
                restarted.see(view(TradingState::Active, None));
                prop_assert_eq!(restarted.id(), latched);
            }
        }
    }

    #[test]
    fn in_the_end_the_latch_holds_what_is_in_force(steps in prop::collection::vec(step(), 1..60)) {
        let mut history = History::new();
        for step in &steps {
            history.go(step);
        }
        history.trader.work();
        history.see(view(TradingState::Active, None));
        history.trader.work();
        prop_assert!(history.trader.machine.latch_work().is_none());
        let on_disk = history.trader.disk.as_ref().map(|halt| halt.id.0.clone());
        prop_assert_eq!(history.trader.id(), on_disk);
        prop_assert_eq!(
            history.trader.state() == TradingState::Active,
            history.trader.disk.is_none()
        );
    }
}
