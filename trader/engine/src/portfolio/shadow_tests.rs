//! Shadow portfolios: what stops and targets close, and when.

use triptych_crds::strategies::OrderType;

use super::super::MAX_BRACKETS;
use super::*;
use crate::decimal::Price;
use crate::decimal::Ratio;
use crate::event::Level;
use crate::event::Side;
use crate::proposal::StrategyIndex;

const HERE: InstrumentId = InstrumentId(0);

fn shadow() -> Shadow {
    let account = Account {
        quote: "1000".parse().unwrap(),
        base: vec![Quantity::ZERO],
        taker_fee_basis_points: Ratio::ZERO,
    };
    Shadow::new(PortfolioName::AllTaken, Some(&account))
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn top(bid: &str, ask: &str) -> Top {
    let level = |text| Level {
        price: price(text),
        quantity: Quantity::from_units(1),
    };
    Top {
        bid: level(bid),
        ask: level(ask),
        update_id: 1,
        ts_recv: Timestamp::default(),
    }
}

fn take(shadow: &mut Shadow, side: Side, quantity: &str, levels: Option<(&str, &str)>) {
    let proposal = Proposal {
        strategy: StrategyIndex(0),
        instrument: HERE,
        side,
        order_type: OrderType::Market,
        touch: price("100"),
        quantity: quantity.parse().unwrap(),
        stop: levels.map(|(stop, _)| price(stop)),
        target: levels.map(|(_, target)| price(target)),
    };
    shadow.take(&proposal, proposal.quantity, Timestamp::default());
}

fn closes(shadow: &mut Shadow, bid: &str, ask: &str) -> Vec<(CloseReason, String, String)> {
    let top = top(bid, ask);
    std::iter::from_fn(|| shadow.close_reached(HERE, &top, Timestamp::default()))
        .map(|trade| {
            (
                trade.reason,
                trade.quantity.to_string(),
                trade.profit.to_string(),
            )
        })
        .collect()
}

fn held(shadow: &Shadow) -> String {
    shadow.portfolio().position(HERE).quantity().to_string()
}

fn one(reason: CloseReason, quantity: &str, profit: &str) -> (CloseReason, String, String) {
    (reason, quantity.to_owned(), profit.to_owned())
}

#[test]
fn a_long_position_closes_at_the_bid_that_reaches_its_levels_and_no_earlier() {
    for (bid, closed) in [
        ("99.01", None),
        ("99", Some(one(CloseReason::Stop, "2", "-2"))),
        ("90", Some(one(CloseReason::Stop, "2", "-20"))),
        ("101.99", None),
        ("102", Some(one(CloseReason::Target, "2", "4"))),
    ] {
        let mut shadow = shadow();
        take(&mut shadow, Side::Buy, "2", Some(("99", "102")));
        let expected: Vec<_> = closed.into_iter().collect();
        assert_eq!(closes(&mut shadow, bid, "200"), expected, "{bid}");
    }
}

#[test]
fn a_short_position_closes_at_the_ask() {
    for (ask, closed) in [
        ("100.99", None),
        ("101", Some(one(CloseReason::Stop, "2", "-2"))),
        ("98", Some(one(CloseReason::Target, "2", "4"))),
    ] {
        let mut shadow = shadow();
        take(&mut shadow, Side::Sell, "2", Some(("101", "98")));
        let expected: Vec<_> = closed.into_iter().collect();
        assert_eq!(closes(&mut shadow, "1", ask), expected, "{ask}");
    }
}

#[test]
fn each_candidate_keeps_its_own_levels_and_a_sale_takes_from_the_oldest() {
    let mut shadow = shadow();
    take(&mut shadow, Side::Buy, "1", Some(("95", "110")));
    take(&mut shadow, Side::Buy, "1", Some(("97", "120")));
    take(&mut shadow, Side::Buy, "1", None);
    take(&mut shadow, Side::Sell, "1.5", None);
    assert_eq!(held(&shadow), "1.5");
    assert_eq!(
        closes(&mut shadow, "96", "97"),
        [one(CloseReason::Stop, "1", "-4")]
    );
    assert_eq!(
        closes(&mut shadow, "95", "96"),
        [one(CloseReason::Stop, "0.5", "-2.5")],
        "half of the oldest is left"
    );
    assert_eq!(held(&shadow), "0");
}

#[test]
fn a_turn_of_the_position_ends_the_levels_of_the_other_side() {
    let mut shadow = shadow();
    take(&mut shadow, Side::Buy, "1", Some(("95", "110")));
    take(&mut shadow, Side::Sell, "3", Some(("105", "90")));
    assert_eq!(held(&shadow), "-2");
    assert_eq!(closes(&mut shadow, "94", "95"), []);
    assert_eq!(
        closes(&mut shadow, "104", "105"),
        [one(CloseReason::Stop, "2", "-10")]
    );
}

#[test]
fn brackets_are_bounded_and_none_loses_its_protection() {
    let mut shadow = shadow();
    for _ in 0..MAX_BRACKETS + 10 {
        take(&mut shadow, Side::Buy, "1", Some(("95", "110")));
    }
    let closed = closes(&mut shadow, "95", "96");
    assert_eq!(closed.len(), MAX_BRACKETS);
    assert_eq!(held(&shadow), "0");
}

#[test]
fn a_position_is_made_as_large_as_asked_and_its_levels_with_it() {
    let mut shadow = shadow();
    take(&mut shadow, Side::Buy, "2", Some(("95", "110")));
    take(&mut shadow, Side::Buy, "1", None);
    let top = top("99", "101");
    let mut reduce_to = |largest: &str| {
        let largest = largest.parse().unwrap();
        let now = Timestamp::default();
        let closed = shadow.reduce_to(HERE, largest, &top, CloseReason::Stop, now);
        closed.map(|trade| (trade.quantity.to_string(), trade.profit.to_string()))
    };
    assert_eq!(reduce_to("3"), None);
    assert_eq!(reduce_to("1"), Some(("2".to_owned(), "-2".to_owned())));
    assert_eq!(held(&shadow), "1");
    assert_eq!(
        closes(&mut shadow, "94", "95"),
        [one(CloseReason::Stop, "1", "-6")]
    );
}

#[test]
fn without_an_account_nothing_is_taken() {
    let mut shadow = Shadow::new(PortfolioName::Enforced, None);
    take(&mut shadow, Side::Buy, "1", Some(("95", "110")));
    assert_eq!(held(&shadow), "0");
}
