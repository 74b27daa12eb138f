//! Whatever the venue does with orders, in whatever order it tells: what was accepted never exceeds a
//! limit.

use proptest::prelude::*;
use triptych_crds::strategies::OrderType;
use triptych_engine::candidate::Enforcement;
use triptych_engine::decimal::{Notional, Price, Quantity, Ratio};
use triptych_engine::decision::{enforce, judge};
use triptych_engine::event::{BookTicker, Event, EventKind, InstrumentId, Level, Side, Timestamp};
use triptych_engine::market::{Instrument, Market};
use triptych_engine::portfolio::{Account, CloseReason, Order, Portfolio, PortfolioName};
use triptych_engine::proposal::{Proposal, StrategyIndex};
use triptych_engine::risk::balance::Balance;
use triptych_engine::risk::gross_exposure::GrossExposure;
use triptych_engine::risk::net_exposure::NetExposure;
use triptych_engine::risk::order_rate::OrderRate;
use triptych_engine::risk::quantity_limits::QuantityLimits;
use triptych_engine::risk::{Action, RiskContext, RiskRule};

const WHOLE: i64 = 100_000_000;
const LARGEST_ORDER: i64 = 5 * WHOLE;
const ORDERS_PER_SECOND: u32 = 5;

/// 1,000 of the quote asset, at most.
fn limit() -> Notional {
    "1000".parse().expect("a decimal")
}

/// What a venue and its market do.
#[derive(Debug, Clone)]
enum Step {
    /// A strategy proposes an order.
    Propose {
        instrument: u16,
        is_sale: bool,
        quantity: i64,
    },
    /// A part of a working order is filled, in percent, at its price or better by so much.
    Fill {
        order: usize,
        percent: i64,
        better: i64,
    },
    /// What is left of a working order is rejected, expired or cancelled.
    End { order: usize },
    /// The price moves.
    Move { instrument: u16, price: i64 },
}

fn steps(prices_move: bool) -> impl Strategy<Value = Vec<Step>> {
    let propose = (0_u16..2, any::<bool>(), 1..2 * LARGEST_ORDER).prop_map(
        |(instrument, is_sale, quantity)| Step::Propose {
            instrument,
            is_sale,
            quantity,
        },
    );
    let fill =
        (any::<usize>(), 1_i64..=100, 0..WHOLE).prop_map(|(order, percent, better)| Step::Fill {
            order,
            percent,
            better,
        });
    let end = any::<usize>().prop_map(|order| Step::End { order });
    let price = if prices_move { 50..200_i64 } else { 100..101 };
    let moved = (0_u16..2, price).prop_map(|(instrument, price)| Step::Move { instrument, price });
    prop::collection::vec(
        prop_oneof![4 => propose, 4 => fill, 1 => end, 1 => moved],
        1..80,
    )
}

/// A trader's view of its account, and the orders that the venue has.
struct Desk {
    portfolio: Portfolio,
    markets: Vec<Market>,
    rules: Vec<Box<dyn RiskRule>>,
    working: Vec<Order>,
    now: i64,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    Accepted { is_reduction: bool },
    Denied,
    Nothing,
}

impl Desk {
    fn new() -> Self {
        let account = Account {
            quote: "5000".parse().expect("a decimal"),
            base: vec![Quantity::from_units(20 * WHOLE); 2],
            taker_fee_basis_points: "10".parse().expect("a decimal"),
        };
        let instrument = |id| Instrument {
            id: InstrumentId(id),
            symbol: "TEST".into(),
            price_increment: Price::from_units(1),
            quantity_increment: Quantity::from_units(1),
        };
        let mut desk = Self {
            portfolio: Portfolio::new(PortfolioName::Enforced, account),
            markets: (0..2).map(|id| Market::new(instrument(id))).collect(),
            rules: vec![
                Box::new(QuantityLimits {
                    minimum: Quantity::ZERO,
                    maximum: Quantity::from_units(LARGEST_ORDER),
                }),
                Box::new(GrossExposure { limit: limit() }),
                Box::new(NetExposure { limit: limit() }),
                Box::new(Balance {
                    reserve: Ratio::ZERO,
                }),
                Box::new(OrderRate::new(ORDERS_PER_SECOND, 1_000)),
            ],
            working: Vec::new(),
            now: 0,
        };
        for instrument in 0..2 {
            desk.moved(instrument, 100);
        }
        desk
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.now * 100)
    }

    fn step(&mut self, step: &Step) -> Became {
        self.now += 1;
        match *step {
            Step::Propose {
                instrument,
                is_sale,
                quantity,
            } => self.propose(instrument, is_sale, quantity),
            Step::Fill {
                order,
                percent,
                better,
            } => self.fill(order, percent, better),
            Step::End { order } => self.end(order),
            Step::Move { instrument, price } => self.moved(instrument, price),
        }
    }

    fn propose(&mut self, instrument: u16, is_sale: bool, quantity: i64) -> Became {
        let market = &self.markets[usize::from(instrument)];
        let top = market.top().expect("a price");
        let (side, touch) = if is_sale {
            (Side::Sell, top.bid.price)
        } else {
            (Side::Buy, top.ask.price)
        };
        let proposal = Proposal {
            strategy: StrategyIndex(0),
            instrument: InstrumentId(instrument),
            side,
            order_type: OrderType::Limit,
            touch,
            quantity: Quantity::from_units(quantity),
            stop: None,
            target: None,
        };
        let context = RiskContext {
            action: Action::Submit,
            proposal: &proposal,
            market,
            top,
            now: self.time(),
            portfolio: &self.portfolio,
            exposure_scale: Ratio::ONE,
        };
        let mut verdicts = Vec::new();
        judge(&self.rules, &context, &mut verdicts);
        let quantity = match enforce(&self.rules, &context, &verdicts) {
            Enforcement::Accept => proposal.quantity,
            Enforcement::Resize(quantity) => quantity,
            Enforcement::Deny(_) => return Became::Denied,
        };
        let order = Order {
            instrument: proposal.instrument,
            side,
            quantity,
            price: touch,
        };
        let is_reduction = self.portfolio.reduces(order.instrument, side, quantity);
        let now = self.time();
        for rule in &mut self.rules {
            rule.taken(Action::Submit, now);
        }
        self.portfolio.open(&order);
        self.working.push(order);
        Became::Accepted { is_reduction }
    }

    /// A fill never comes alone: what it fills is not at work any more.
    fn fill(&mut self, order: usize, percent: i64, better: i64) -> Became {
        let Some(place) = order.checked_rem(self.working.len()) else {
            return Became::Nothing;
        };
        let order = self.working[place];
        let quantity = (order.quantity.units() * percent / 100).max(1);
        let part = Order {
            quantity: Quantity::from_units(quantity),
            ..order
        };
        let better = if order.side == Side::Buy {
            -better
        } else {
            better
        };
        let price = Price::from_units((order.price.units() + better).max(1));
        self.portfolio.release(&part);
        let fill = Order { price, ..part };
        self.portfolio.fill(&fill, CloseReason::Signal, self.time());
        self.working[place].quantity = Quantity::from_units(order.quantity.units() - quantity);
        self.working.retain(|order| order.quantity.is_positive());
        Became::Nothing
    }

    fn end(&mut self, order: usize) -> Became {
        if let Some(place) = order.checked_rem(self.working.len()) {
            let order = self.working.swap_remove(place);
            self.portfolio.release(&order);
        }
        Became::Nothing
    }

    fn moved(&mut self, instrument: u16, price: i64) -> Became {
        let level = Level {
            price: Price::from_units(price * WHOLE),
            quantity: Quantity::from_units(WHOLE),
        };
        let update_id = u64::try_from(self.now).expect("time goes on");
        let event = Event {
            instrument: InstrumentId(instrument),
            ts_event: None,
            ts_recv: self.time(),
            kind: EventKind::BookTicker(BookTicker {
                update_id,
                bid: level,
                ask: level,
            }),
        };
        let now = self.time();
        let market = &mut self.markets[usize::from(instrument)];
        market.apply(&event, now);
        let top = market.top().expect("a price");
        self.portfolio.mark(InstrumentId(instrument), &top);
        Became::Nothing
    }

    fn is_overdrawn(&self) -> bool {
        let base = (0..2).map(|id| self.portfolio.free_base(InstrumentId(id)));
        self.portfolio.free_quote() < Notional::ZERO || base.into_iter().any(|b| b.units() < 0)
    }
}

fn size(value: Notional) -> Notional {
    Notional::from_units(value.units().abs())
}

proptest! {
    /// At constant prices no partial fill, late fill, rejection or cancel takes exposure or balance
    /// beyond what was accepted.
    #[test]
    fn no_sequence_of_accepted_orders_exceeds_a_limit(steps in steps(false)) {
        let mut desk = Desk::new();
        let mut has_reduced = false;
        for step in &steps {
            has_reduced |= desk.step(step) == Became::Accepted { is_reduction: true };
            let exposure = desk.portfolio.exposure();
            prop_assert!(exposure.gross <= limit(), "{step:?}: {exposure:?}");
            // A reduction may take a hedge away.
            let net = size(exposure.net_high).max(size(exposure.net_low));
            prop_assert!(has_reduced || net <= limit(), "{step:?}: {exposure:?}");
            prop_assert!(!desk.is_overdrawn(), "{step:?}: {:?}", desk.portfolio);
            for order in &desk.working {
                prop_assert!(order.quantity.units() <= LARGEST_ORDER);
            }
        }
    }

    /// Prices may take exposure beyond a limit; no accepted order does, and only reductions pass then.
    #[test]
    fn while_prices_move_an_accepted_order_keeps_the_limits_or_reduces(steps in steps(true)) {
        let mut desk = Desk::new();
        let mut accepted_at = Vec::new();
        for step in &steps {
            let became = desk.step(step);
            if became == (Became::Accepted { is_reduction: false }) {
                let exposure = desk.portfolio.exposure();
                prop_assert!(exposure.gross <= limit(), "{step:?}: {exposure:?}");
                accepted_at.push(desk.now);
            }
            let recent = accepted_at.iter().filter(|at| desk.now - **at < 10).count();
            prop_assert!(recent <= ORDERS_PER_SECOND as usize);
        }
    }

    /// Whatever the portfolio holds: what only makes a position smaller is accepted.
    #[test]
    fn reductions_and_cancels_always_pass(steps in steps(true), percent in 1_i64..=100) {
        let mut desk = Desk::new();
        for step in &steps {
            desk.step(step);
        }
        desk.working.clear();
        for instrument in 0..2 {
            let id = InstrumentId(instrument);
            let position = desk.portfolio.position(id);
            let mut reducible = position.quantity().units().abs();
            let is_sale = position.quantity().is_positive();
            let side = if is_sale { Side::Sell } else { Side::Buy };
            // What is at work on that side comes first.
            while reducible > 0 && !desk.portfolio.reduces(id, side, Quantity::from_units(reducible)) {
                reducible /= 2;
            }
            let quantity = reducible * percent / 100;
            if quantity > 0 {
                let became = desk.propose(instrument, is_sale, quantity);
                prop_assert_eq!(became, Became::Accepted { is_reduction: true });
            }
            let proposal = Proposal {
                strategy: StrategyIndex(0),
                instrument: id,
                side,
                order_type: OrderType::Limit,
                touch: Price::from_units(1),
                quantity: Quantity::from_units(i64::MAX),
                stop: None,
                target: None,
            };
            let market = &desk.markets[id.index()];
            let context = RiskContext {
                action: Action::Cancel,
                proposal: &proposal,
                market,
                top: market.top().expect("a price"),
                now: desk.time(),
                portfolio: &desk.portfolio,
                exposure_scale: Ratio::ZERO,
            };
            let mut verdicts = Vec::new();
            judge(&desk.rules, &context, &mut verdicts);
            prop_assert_eq!(enforce(&desk.rules, &context, &verdicts), Enforcement::Accept);
        }
    }
}
