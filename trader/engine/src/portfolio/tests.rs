//! The portfolio's arithmetic: by example, and against what must hold for all trades.

use proptest::prelude::*;

use super::*;
use crate::event::Level;

const HERE: InstrumentId = InstrumentId(0);

fn account(fee_basis_points: &str) -> Account {
    Account {
        quote: "10000".parse().unwrap(),
        base: vec!["5".parse().unwrap(), Quantity::ZERO],
        taker_fee_basis_points: fee_basis_points.parse().unwrap(),
    }
}

fn portfolio(fee_basis_points: &str) -> Portfolio {
    Portfolio::new(PortfolioName::Enforced, account(fee_basis_points))
}

fn order(side: Side, quantity: &str, price: &str) -> Order {
    Order {
        instrument: HERE,
        side,
        quantity: quantity.parse().unwrap(),
        price: price.parse().unwrap(),
    }
}

fn top(bid: i64, ask: i64) -> Top {
    let level = |price| Level {
        price: Price::from_units(price),
        quantity: Quantity::from_units(1),
    };
    Top {
        bid: level(bid),
        ask: level(ask),
        update_id: 1,
        ts_recv: Timestamp::default(),
    }
}

fn top_at(price: &str) -> Top {
    let units = price.parse::<Price>().unwrap().units();
    top(units, units)
}

fn fill(portfolio: &mut Portfolio, order: &Order) -> Option<ClosedTrade> {
    portfolio.fill(order, CloseReason::Signal, Timestamp::default())
}

#[test]
fn a_position_has_the_average_price_of_what_opened_it_and_closes_at_it() {
    let mut portfolio = portfolio("10");
    fill(&mut portfolio, &order(Side::Buy, "1", "100"));
    fill(&mut portfolio, &order(Side::Buy, "3", "104"));
    let position = portfolio.position(HERE);
    assert_eq!(position.average_price().unwrap().to_string(), "103");
    let closed = fill(&mut portfolio, &order(Side::Sell, "2", "110")).unwrap();
    assert_eq!(closed.entry_value.to_string(), "206");
    // Fees: half of 0.1 + 0.312, and 0.22 of the sale.
    assert_eq!(closed.fees.to_string(), "0.426");
    assert_eq!(closed.profit.to_string(), "13.574");
    assert!(!closed.is_loss());
    let position = portfolio.position(HERE);
    assert_eq!(position.quantity().to_string(), "2");
    assert_eq!(position.average_price().unwrap().to_string(), "103");
    assert_eq!(position.realised().to_string(), "14");
    assert_eq!(position.fees().to_string(), "0.632");
    assert_eq!(portfolio.base_balance(HERE).to_string(), "7");
    assert_eq!(portfolio.free_quote().to_string(), "9807.368");
}

#[test]
fn a_trade_through_zero_closes_one_side_and_opens_the_other() {
    let mut portfolio = portfolio("0");
    fill(&mut portfolio, &order(Side::Buy, "1", "100"));
    let closed = fill(&mut portfolio, &order(Side::Sell, "3", "90")).unwrap();
    assert_eq!(closed.quantity.to_string(), "1");
    assert_eq!(closed.profit.to_string(), "-10");
    assert!(closed.is_loss());
    let position = portfolio.position(HERE);
    assert_eq!(position.quantity().to_string(), "-2");
    assert_eq!(position.average_price().unwrap().to_string(), "90");
    portfolio.mark(HERE, &top_at("85"));
    let snapshot = portfolio.snapshot(HERE);
    assert_eq!(snapshot.unrealised_profit.to_string(), "10");
    assert_eq!(snapshot.equity.to_string(), "10000");
    assert_eq!(snapshot.gross_exposure.to_string(), "170");
    assert_eq!(snapshot.net_exposure.to_string(), "-170");
}

#[test]
fn working_orders_count_at_their_worst_until_they_are_gone() {
    let mut portfolio = portfolio("100");
    portfolio.mark(HERE, &top_at("100"));
    let (purchase, sale) = (order(Side::Buy, "2", "100"), order(Side::Sell, "3", "100"));
    portfolio.open(&purchase);
    portfolio.open(&sale);
    assert_eq!(portfolio.exposure().gross.to_string(), "300");
    assert_eq!(portfolio.exposure().net_high.to_string(), "200");
    assert_eq!(portfolio.exposure().net_low.to_string(), "-300");
    assert_eq!(portfolio.free_quote().to_string(), "9798");
    assert_eq!(portfolio.free_base(HERE).to_string(), "2");
    portfolio.release(&sale);
    portfolio.release(&purchase);
    assert_eq!(portfolio.exposure(), Exposure::default());
    assert_eq!(portfolio.free_quote().to_string(), "10000");
}

#[test]
fn a_reduction_leaves_the_position_on_its_side_with_every_order_before_it_filled() {
    let mut portfolio = portfolio("0");
    fill(&mut portfolio, &order(Side::Buy, "3", "100"));
    let quantity = |text: &str| text.parse().unwrap();
    assert!(portfolio.reduces(HERE, Side::Sell, quantity("3")));
    assert!(!portfolio.reduces(HERE, Side::Sell, quantity("3.00000001")));
    assert!(!portfolio.reduces(HERE, Side::Buy, quantity("1")));
    portfolio.open(&order(Side::Sell, "1", "100"));
    assert!(portfolio.reduces(HERE, Side::Sell, quantity("2")));
    assert!(!portfolio.reduces(HERE, Side::Sell, quantity("2.5")));
    assert!(!portfolio.reduces(InstrumentId(1), Side::Sell, quantity("1")));
}

#[test]
fn the_history_keeps_the_newest_trades_and_knows_their_times() {
    let mut portfolio = portfolio("0");
    for second in 0..i64::try_from(MAX_CLOSED_TRADES).unwrap() + 5 {
        fill(&mut portfolio, &order(Side::Buy, "1", "1"));
        let at = Timestamp::from_milliseconds(second * 1_000);
        portfolio.fill(&order(Side::Sell, "1", "1"), CloseReason::Stop, at);
    }
    let trades = portfolio.trades();
    assert_eq!(trades.newest_first().count(), MAX_CLOSED_TRADES);
    let newest = trades.newest_first().next().unwrap().closed_at;
    assert_eq!(trades.within(2_000_000_000, newest).count(), 3);
}

fn any_order() -> impl Strategy<Value = Order> {
    (
        0_u16..2,
        any::<bool>(),
        1_i64..10_000_000_000,
        1_i64..10_000_000_000_000,
    )
        .prop_map(|(instrument, is_purchase, quantity, price)| Order {
            instrument: InstrumentId(instrument),
            side: if is_purchase { Side::Buy } else { Side::Sell },
            quantity: Quantity::from_units(quantity),
            price: Price::from_units(price),
        })
}

proptest! {
    /// Nothing is made or lost by the way profit is split up: balances, valued at the middle, are the
    /// equity, to the last digit.
    #[test]
    fn equity_is_what_the_balances_are_worth(orders in prop::collection::vec(any_order(), 1..40), fee in 0_u32..500, middle in 1_i64..1_000_000_000_000) {
        let mut portfolio = portfolio(&fee.to_string());
        let top = top(middle, middle);
        for order in &orders {
            fill(&mut portfolio, order);
        }
        let mut worth = portfolio.free_quote().units();
        for instrument in [InstrumentId(0), InstrumentId(1)] {
            portfolio.mark(instrument, &top);
            worth += Price::from_units(middle).notional(portfolio.position(instrument).quantity()).units();
        }
        prop_assert_eq!(portfolio.equity().units(), worth);
        let snapshot = portfolio.snapshot(HERE);
        prop_assert_eq!(snapshot.equity.units(), worth);
    }

    /// The sums that are carried along are those of the positions.
    #[test]
    fn exposure_is_the_sum_over_positions(orders in prop::collection::vec((any_order(), 0_u8..3), 1..40), middle in 1_i64..1_000_000_000_000) {
        let mut portfolio = portfolio("1");
        for (order, what) in &orders {
            match what {
                0 => { fill(&mut portfolio, order); }
                1 => portfolio.open(order),
                _ => portfolio.release(order),
            }
            portfolio.mark(order.instrument, &top(middle, middle));
        }
        let mut sum = Exposure::default();
        for instrument in [InstrumentId(0), InstrumentId(1)] {
            sum.replace(Exposure::default(), portfolio.position(instrument).exposure());
        }
        prop_assert_eq!(portfolio.exposure(), sum);
    }

    #[test]
    fn a_closed_part_takes_no_more_than_its_share(cost in 0_i128..1_000_000_000_000_000_000_000_000, part in 0_i128..1_000_000, rest in 1_i128..1_000_000) {
        use super::arithmetic::part_rounded_down;
        let whole = part + rest;
        let share = part_rounded_down(cost, part, whole);
        prop_assert!(share * whole <= cost * part && cost * part < (share + 1) * whole);
    }
}
