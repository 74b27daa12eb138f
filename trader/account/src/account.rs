//! What an account holds, and the orders that it wants.

use std::collections::BTreeMap;
use std::sync::Arc;

use triptych_crds::strategies::OrderType;
use triptych_engine::candidate::{Candidate, CandidateId};
use triptych_engine::decimal::{Notional, Price, Quantity, Ratio};
use triptych_engine::event::{InstrumentId, Side, Timestamp};
use triptych_engine::market::{Instrument, Top};
use triptych_engine::portfolio::{
    Account as Stated, CloseReason, ClosedTrade, Holding, Order as Traded, Portfolio,
    PortfolioName, Protection, Reached,
};

use crate::order::{Order, OrderKey};

/// The candidate that a stop and a target protect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Origin {
    candidate: CandidateId,
    /// Place among the names of strategies.
    strategy: usize,
}

/// An order at work.
#[derive(Debug, Clone)]
struct Working {
    order: Order,
    left: Quantity,
    origin: Origin,
}

/// What a fill cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fee {
    /// In the quote asset.
    Quote(Notional),
    /// In the base asset: a purchase brings that much less.
    Base(Quantity),
    /// In another asset, which is not counted here.
    Other,
}

/// A fill, whole or in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// Its price.
    pub price: Price,
    /// Its quantity.
    pub quantity: Quantity,
    /// What it cost.
    pub fee: Fee,
    /// When, by the receiver's clock.
    pub at: Timestamp,
}

/// What a fill came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// What is left of the order.
    pub left: Quantity,
    /// What it closed of the position.
    pub closed: Option<ClosedTrade>,
}

/// What an account holds: positions with their stops and targets, and orders at work.
#[derive(Debug)]
pub struct Account {
    holding: Holding<Origin>,
    /// Smallest step of a quantity, by instrument.
    increments: Vec<Quantity>,
    working: BTreeMap<OrderKey, Working>,
    /// Names of strategies that had an order.
    strategies: Vec<Arc<str>>,
    /// How many orders a stop or target had.
    closings: BTreeMap<(CandidateId, CloseReason), u8>,
}

impl Account {
    /// An account without orders. Without a stated portfolio it begins with nothing.
    pub fn new<'a>(
        stated: Option<&Stated>,
        instruments: impl IntoIterator<Item = &'a Instrument>,
    ) -> Self {
        let increments: Vec<_> = instruments
            .into_iter()
            .map(|instrument| instrument.quantity_increment)
            .collect();
        let nothing = Stated {
            quote: Notional::ZERO,
            base: vec![Quantity::ZERO; increments.len()],
            taker_fee_basis_points: Ratio::ZERO,
        };
        Self {
            holding: Holding::new(PortfolioName::Taken, Some(stated.unwrap_or(&nothing))),
            increments,
            working: BTreeMap::new(),
            strategies: Vec::new(),
            closings: BTreeMap::new(),
        }
    }

    /// What it holds.
    pub const fn portfolio(&self) -> &Portfolio {
        self.holding.portfolio()
    }

    /// Orders at work, by key.
    pub fn working(&self) -> impl Iterator<Item = &Order> {
        self.working.values().map(|working| &working.order)
    }

    /// A candidate was taken with this quantity, which is above zero. It wants its order, unless that is at work.
    pub fn take(&mut self, candidate: &Candidate, quantity: Quantity) -> Option<Order> {
        let proposal = &candidate.proposal;
        let order = Order {
            key: OrderKey {
                candidate: candidate.id,
                purpose: CloseReason::Signal,
                part: 0,
            },
            strategy: Arc::clone(&candidate.strategy),
            instrument: proposal.instrument,
            side: proposal.side,
            order_type: proposal.order_type,
            touch: proposal.touch,
            quantity,
            stop: proposal.stop,
            target: proposal.target,
            reduces: self
                .portfolio()
                .reduces(proposal.instrument, proposal.side, quantity),
        };
        self.open(&order).then_some(order)
    }

    /// The market of an instrument moved. It wants market orders for what has reached its stop or its target, as far as
    /// it is held and no such order is at work for it already.
    pub fn follow(&mut self, instrument: InstrumentId, top: &Top, mut wanted: impl FnMut(Order)) {
        self.holding.mark(instrument, top);
        // Fills of one entry are protected one by one, and leave together.
        let mut reached: Vec<Reached<Origin>> = Vec::new();
        while let Some(next) = self.holding.take_reached(instrument, top) {
            let same = |known: &&mut Reached<Origin>| {
                known.origin == next.origin && known.reason == next.reason
            };
            match reached.iter_mut().find(same) {
                Some(known) => {
                    let together = known.order.quantity.units() + next.order.quantity.units();
                    known.order.quantity = Quantity::from_units(together);
                }
                None => reached.push(next),
            }
        }
        for reached in reached {
            if let Some(order) = self.closing(&reached) {
                wanted(order);
            }
        }
    }

    fn closing(&mut self, reached: &Reached<Origin>) -> Option<Order> {
        let Reached {
            order: traded,
            reason: purpose,
            origin,
        } = *reached;
        let increment = self.increments[traded.instrument.index()];
        let quantity = traded.quantity.round_down_to(increment);
        let before = self.closings.get(&(origin.candidate, purpose));
        let order = Order {
            key: OrderKey {
                candidate: origin.candidate,
                purpose,
                part: before.copied().unwrap_or_default(),
            },
            strategy: Arc::clone(&self.strategies[origin.strategy]),
            instrument: traded.instrument,
            side: traded.side,
            order_type: OrderType::Market,
            touch: traded.price,
            quantity,
            stop: None,
            target: None,
            reduces: true,
        };
        (quantity.is_positive() && self.open(&order)).then_some(order)
    }

    /// An order is at work. `false` where one of the same key is already.
    pub fn open(&mut self, order: &Order) -> bool {
        if self.working.contains_key(&order.key) {
            return false;
        }
        let OrderKey {
            candidate,
            purpose,
            part,
        } = order.key;
        if purpose != CloseReason::Signal {
            self.closings
                .insert((candidate, purpose), part.saturating_add(1));
        }
        let origin = Origin {
            candidate,
            strategy: self.place_of(&order.strategy),
        };
        self.holding.open(&traded(order, order.quantity));
        let working = Working {
            order: order.clone(),
            left: order.quantity,
            origin,
        };
        self.working.insert(order.key, working);
        true
    }

    /// An order was filled, whole or in part; `None` where it is not at work.
    pub fn fill(&mut self, key: OrderKey, fill: Fill) -> Option<Filled> {
        let working = self.working.get_mut(&key)?;
        let order = &working.order;
        working.left = Quantity::from_units(working.left.units() - fill.quantity.units());
        self.holding.release(&traded(order, fill.quantity));
        let (brought, fee) = match (fill.fee, order.side) {
            (Fee::Quote(fee), _) => (fill.quantity, fee),
            (Fee::Base(fee), Side::Buy) => {
                let brought = fill.quantity.units() - fee.units();
                (Quantity::from_units(brought), fill.price.notional(fee))
            }
            (Fee::Base(fee), Side::Sell) => (fill.quantity, fill.price.notional(fee)),
            (Fee::Other, _) => (fill.quantity, Notional::ZERO),
        };
        let protection = (key.purpose == CloseReason::Signal).then_some(Protection {
            stop: order.stop,
            target: order.target,
            origin: working.origin,
        });
        let traded = Traded {
            price: fill.price,
            ..traded(order, brought)
        };
        let closed = self
            .holding
            .fill(&traded, fee, protection, key.purpose, fill.at);
        let left = working.left;
        if !left.is_positive() {
            self.working.remove(&key);
        }
        Some(Filled { left, closed })
    }

    /// What is left of an order is at work no more; returns that. `None` where the order is not at work.
    pub fn end(&mut self, key: OrderKey) -> Option<Quantity> {
        let Working { order, left, .. } = self.working.remove(&key)?;
        self.holding.release(&traded(&order, left));
        Some(left)
    }

    fn place_of(&mut self, strategy: &Arc<str>) -> usize {
        let known = self.strategies.iter().position(|name| name == strategy);
        known.unwrap_or_else(|| {
            self.strategies.push(Arc::clone(strategy));
            self.strategies.len() - 1
        })
    }
}

const fn traded(order: &Order, quantity: Quantity) -> Traded {
    Traded {
        instrument: order.instrument,
        side: order.side,
        quantity,
        price: order.touch,
    }
}
