//! Markets and events for unit tests.

use triptych_crds::strategies::OrderType;

use crate::decimal::{Notional, Price, Quantity, Ratio};
use crate::event::{
    DepthDiff, DepthSnapshot, Event, EventKind, InstrumentId, Level, Levels, Side, Timestamp, Trade,
};
use crate::market::{Instrument, Market, Top};
use crate::portfolio::{Account, CloseReason, Order, Portfolio, PortfolioName};
use crate::proposal::{Proposal, StrategyIndex};
use crate::risk::{Action, RiskContext, RiskRule, Verdict, assess};
use crate::strategies::Strategy;

/// Ticks of 0.01, steps of 0.001.
pub(crate) fn instrument() -> Instrument {
    Instrument {
        id: InstrumentId(0),
        symbol: "BTCUSDT".into(),
        price_increment: "0.01".parse().unwrap(),
        quantity_increment: "0.001".parse().unwrap(),
    }
}

pub(crate) fn market() -> Market {
    Market::new(instrument())
}

fn event(milliseconds: i64, kind: EventKind) -> Event {
    let at = Timestamp::from_milliseconds(milliseconds);
    Event {
        instrument: InstrumentId(0),
        ts_event: Some(at),
        ts_recv: at,
        kind,
    }
}

/// A trade of 1 at this venue time, received at once.
pub(crate) fn trade(milliseconds: i64, price: &str) -> Event {
    let trade = Trade {
        trade_id: u64::try_from(milliseconds).unwrap(),
        price: price.parse().unwrap(),
        quantity: "1".parse().unwrap(),
        aggressor: Side::Buy,
    };
    event(milliseconds, EventKind::Trade(trade))
}

fn levels(side: &[(&str, i64)]) -> Vec<Level> {
    side.iter()
        .map(|&(price, units)| Level {
            price: price.parse::<Price>().unwrap(),
            quantity: Quantity::from_units(units),
        })
        .collect()
}

/// A diff with one update id; quantities in units of 10⁻⁸.
pub(crate) fn depth(
    milliseconds: i64,
    id: u64,
    bids: &[(&str, i64)],
    asks: &[(&str, i64)],
) -> Event {
    let levels = Levels {
        bids: levels(bids),
        asks: levels(asks),
    };
    let diff = DepthDiff {
        first_update_id: id,
        final_update_id: id,
        levels,
    };
    event(milliseconds, EventKind::DepthDiff(diff))
}

/// A book at update id 1: bids 99 and 98, asks 101 and 102, one unit each, at time 0.
fn book_snapshot() -> Event {
    let levels = Levels {
        bids: levels(&[("99", 1), ("98", 1)]),
        asks: levels(&[("101", 1), ("102", 1)]),
    };
    let snapshot = DepthSnapshot {
        last_update_id: 1,
        levels,
    };
    Event {
        ts_event: None,
        ..event(0, EventKind::DepthSnapshot(snapshot))
    }
}

/// A market with that book.
pub(crate) fn market_with_book() -> Market {
    let mut market = market();
    let book = book_snapshot();
    market.apply(&book, book.ts_recv);
    market
}

/// A portfolio of one instrument with this much of quote and base asset, without fees.
pub(crate) fn portfolio(quote: &str, base: &str) -> Portfolio {
    let account = Account {
        quote: quote.parse::<Notional>().unwrap(),
        base: vec![base.parse().unwrap()],
        taker_fee_basis_points: Ratio::ZERO,
    };
    Portfolio::new(PortfolioName::Enforced, account)
}

/// An order on the instrument of the tests.
pub(crate) fn order(side: Side, quantity: &str, price: &str) -> Order {
    Order {
        instrument: InstrumentId(0),
        side,
        quantity: quantity.parse().unwrap(),
        price: price.parse().unwrap(),
    }
}

fn top_at(price: &str) -> Top {
    let level = Level {
        price: price.parse().unwrap(),
        quantity: Quantity::from_units(1),
    };
    Top {
        bid: level,
        ask: level,
        update_id: 1,
        ts_recv: Timestamp::default(),
    }
}

/// A trade, and the price that its instrument has afterwards.
pub(crate) fn fill_at(
    portfolio: &mut Portfolio,
    side: Side,
    quantity: &str,
    price: &str,
    valued_at: &str,
) {
    let fill = order(side, quantity, price);
    portfolio.fill(&fill, CloseReason::Signal, Timestamp::default());
    portfolio.mark(fill.instrument, &top_at(valued_at));
}

/// One bought and sold again, which the rule learns of.
pub(crate) fn round_trip(
    portfolio: &mut Portfolio,
    rule: &mut dyn RiskRule,
    now: Timestamp,
    bought: &str,
    sold: &str,
    reason: CloseReason,
) {
    portfolio.fill(&order(Side::Buy, "1", bought), CloseReason::Signal, now);
    let closed = portfolio.fill(&order(Side::Sell, "1", sold), reason, now);
    rule.closed(&closed.unwrap(), portfolio);
}

/// A proposal and the market that it is judged in; every part can be changed before.
pub(crate) struct RiskCase {
    pub(crate) proposal: Proposal,
    pub(crate) instrument: Instrument,
    /// Events after the book of [`market_with_book`].
    pub(crate) events: Vec<Event>,
    pub(crate) top: Top,
    pub(crate) now: Timestamp,
    pub(crate) action: Action,
    pub(crate) portfolio: Portfolio,
    pub(crate) exposure_scale: Ratio,
}

impl RiskCase {
    /// A limit purchase on a book of 99 to 101, at time 0.
    pub(crate) fn buy(price: &str, quantity: &str) -> Self {
        let market = market_with_book();
        Self {
            proposal: Proposal {
                strategy: StrategyIndex(0),
                instrument: InstrumentId(0),
                side: Side::Buy,
                order_type: OrderType::Limit,
                touch: price.parse().unwrap(),
                quantity: quantity.parse().unwrap(),
                stop: None,
                target: None,
            },
            instrument: instrument(),
            events: Vec::new(),
            top: market.top().unwrap(),
            now: Timestamp::default(),
            action: Action::Submit,
            portfolio: portfolio("1000000", "1000000"),
            exposure_scale: Ratio::ONE,
        }
    }

    /// The same with a sale.
    pub(crate) fn sell(price: &str, quantity: &str) -> Self {
        let mut case = Self::buy(price, quantity);
        case.proposal.side = Side::Sell;
        case
    }

    /// With a trade that happened before.
    pub(crate) fn after(mut self, side: Side, quantity: &str, price: &str) -> Self {
        let fill = order(side, quantity, price);
        self.portfolio.mark(fill.instrument, &self.top);
        self.portfolio.fill(&fill, CloseReason::Signal, self.now);
        self
    }

    pub(crate) fn evaluate(self, rule: &dyn RiskRule) -> Verdict {
        self.with_context(|context| assess(rule, context))
    }

    pub(crate) fn with_context<T>(self, judge: impl FnOnce(&RiskContext<'_>) -> T) -> T {
        let mut market = Market::new(self.instrument);
        let book = book_snapshot();
        market.apply(&book, book.ts_recv);
        for event in &self.events {
            market.apply(event, event.ts_recv);
        }
        judge(&RiskContext {
            proposal: &self.proposal,
            market: &market,
            top: self.top,
            now: self.now,
            action: self.action,
            portfolio: &self.portfolio,
            exposure_scale: self.exposure_scale,
        })
    }
}

/// The code of a denial.
pub(crate) fn denied(verdict: &Verdict) -> Option<&'static str> {
    verdict.deny_code().map(|code| code.0)
}

/// What a strategy that samples the last trade every 100 ms signals for these samples: the place of
/// the sample, and the side.
pub(crate) fn signals_of_samples(
    strategy: &mut dyn Strategy,
    prices: &[&str],
) -> Vec<(usize, Side)> {
    let mut market = market();
    let mut signals = Vec::new();
    // A trade in each interval; the one after it completes the sample.
    for (index, price) in prices.iter().chain(prices.last()).enumerate() {
        let event = trade(1_000 + 100 * i64::try_from(index).unwrap(), price);
        market.apply(&event, event.ts_recv);
        if let Some(signal) = strategy.on_event(&event, &market) {
            signals.push((index - 1, signal.side));
        }
    }
    signals
}
