//! The model's promises, on small markets made by hand.

use triptych_crds::strategies::OrderType;
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{
    DepthDiff, DepthSnapshot, Event, EventKind, InstrumentId, Level, Levels, Liquidity, Side,
    Timestamp, Trade,
};
use triptych_engine::market::{Instrument, Market};

use crate::{EndReason, FillModel, NewOrder, OrderId, QueueModel, Report, SimulatedMarket};

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

fn levels(bids: &[(&str, &str)], asks: &[(&str, &str)]) -> Levels {
    let level = |&(at, of): &(&str, &str)| Level {
        price: price(at),
        quantity: quantity(of),
    };
    Levels {
        bids: bids.iter().map(level).collect(),
        asks: asks.iter().map(level).collect(),
    }
}

/// An instrument's market with own orders, told event by event. It starts with bids 99 (2), 98 (5)
/// and asks 101 (1), 102 (4).
struct Scene {
    market: Market,
    simulated: SimulatedMarket,
    update_id: u64,
    orders: u64,
}

impl Scene {
    /// Orders need 10 ms, and rest for a second.
    fn new(queue: QueueModel) -> Self {
        let instrument = Instrument {
            id: InstrumentId(0),
            symbol: "BTCUSDT".into(),
            price_increment: price("1"),
            quantity_increment: quantity("0.1"),
        };
        let model = FillModel {
            latency_ns: 10_000_000,
            rest_ns: 1_000_000_000,
            queue,
            maker_fee_basis_points: "0".parse().unwrap(),
            taker_fee_basis_points: "10".parse().unwrap(),
        };
        let mut scene = Self {
            market: Market::new(instrument),
            simulated: SimulatedMarket::new(model),
            update_id: 1,
            orders: 0,
        };
        let snapshot = DepthSnapshot {
            last_update_id: 1,
            levels: levels(&[("99", "2"), ("98", "5")], &[("101", "1"), ("102", "4")]),
        };
        scene.event(0, EventKind::DepthSnapshot(snapshot));
        scene
    }

    /// Sends an order at a moment.
    fn send(&mut self, milliseconds: i64, side: Side, limit: Option<&str>, of: &str) {
        self.orders += 1;
        self.simulated.submit(NewOrder {
            id: OrderId(self.orders),
            side,
            order_type: limit.map_or(OrderType::Market, |_| OrderType::Limit),
            limit: price(limit.unwrap_or("0")),
            quantity: quantity(of),
            sent: at(milliseconds),
        });
    }

    /// Something happens in the market; what became of orders until then and by it.
    fn event(&mut self, milliseconds: i64, kind: EventKind) -> Vec<String> {
        let event = Event {
            instrument: InstrumentId(0),
            ts_event: Some(at(milliseconds)),
            ts_recv: at(milliseconds),
            kind,
        };
        let mut reports = Vec::new();
        self.simulated
            .arrive(event.ts_recv, &self.market, |report| reports.push(report));
        self.market.apply(&event, event.ts_recv);
        self.simulated
            .follow(&event, &self.market, |report| reports.push(report));
        reports.iter().map(words).collect()
    }

    fn trade(&mut self, milliseconds: i64, aggressor: Side, at: &str, of: &str) -> Vec<String> {
        self.event(
            milliseconds,
            EventKind::Trade(Trade {
                trade_id: 1,
                price: price(at),
                quantity: quantity(of),
                aggressor,
            }),
        )
    }

    fn book(
        &mut self,
        milliseconds: i64,
        bids: &[(&str, &str)],
        asks: &[(&str, &str)],
    ) -> Vec<String> {
        self.update_id += 1;
        self.event(
            milliseconds,
            EventKind::DepthDiff(DepthDiff {
                first_update_id: self.update_id,
                final_update_id: self.update_id,
                levels: levels(bids, asks),
            }),
        )
    }

    /// Time passes and nothing changes.
    fn wait(&mut self, milliseconds: i64) -> Vec<String> {
        self.trade(milliseconds, Side::Buy, "1000", "0")
    }
}

fn words(report: &Report) -> String {
    match report {
        Report::Filled(fill) => format!(
            "{} {} {}@{} {} left {} fee {} {}ms",
            fill.order.0,
            fill.side,
            fill.quantity,
            fill.price,
            fill.liquidity.name(),
            fill.left,
            fill.fee,
            fill.at.nanoseconds() / 1_000_000
        ),
        Report::Ended {
            order,
            left,
            reason,
            at,
            ..
        } => format!(
            "{} {} {left} {}ms",
            order.0,
            reason.name(),
            at.nanoseconds() / 1_000_000
        ),
    }
}

#[test]
fn an_order_meets_the_market_of_its_arrival_and_not_of_its_decision() {
    let mut scene = Scene::new(QueueModel::RiskAverse);
    scene.send(100, Side::Buy, None, "1");
    assert!(
        scene.book(109, &[], &[("101", "0")]).is_empty(),
        "it is on its way"
    );
    assert_eq!(
        scene.wait(150),
        ["1 Buy 1@102 Taker left 0 fee 0.102 110ms"]
    );
}

#[test]
fn a_market_order_takes_level_by_level_and_ends_where_the_book_does() {
    let mut scene = Scene::new(QueueModel::RiskAverse);
    scene.send(0, Side::Sell, None, "9");
    assert_eq!(
        scene.wait(50),
        [
            "1 Sell 2@99 Taker left 7 fee 0.198 10ms",
            "1 Sell 5@98 Taker left 2 fee 0.49 10ms",
            "1 BookExhausted 2 10ms",
        ]
    );
    assert!(scene.simulated.is_idle());
}

#[test]
fn a_limit_order_takes_up_to_its_limit_and_waits_with_the_rest() {
    let mut scene = Scene::new(QueueModel::RiskAverse);
    scene.send(0, Side::Buy, Some("101"), "3");
    assert_eq!(scene.wait(50), ["1 Buy 1@101 Taker left 2 fee 0.101 10ms"]);
    // It is alone at its price: the next seller meets it.
    assert_eq!(
        scene.trade(60, Side::Sell, "101", "0.5"),
        ["1 Buy 0.5@101 Maker left 1.5 fee 0 60ms"]
    );
    assert!(
        scene.trade(70, Side::Buy, "101", "9").is_empty(),
        "a buyer meets no purchase"
    );
    assert_eq!(scene.wait(1_010), ["1 Expired 1.5 1010ms"]);
}

#[test]
fn what_waited_before_is_filled_before() {
    let mut scene = Scene::new(QueueModel::RiskAverse);
    scene.send(0, Side::Buy, Some("99"), "1");
    assert!(scene.wait(20).is_empty());
    assert!(
        scene.trade(30, Side::Sell, "99", "1.5").is_empty(),
        "two were ahead"
    );
    assert_eq!(
        scene.trade(40, Side::Sell, "99", "0.7"),
        ["1 Buy 0.2@99 Maker left 0.8 fee 0 40ms"]
    );
}

#[test]
fn a_price_that_goes_through_the_limit_fills_the_whole_order() {
    for crossed_by_trade in [true, false] {
        let mut scene = Scene::new(QueueModel::RiskAverse);
        scene.send(0, Side::Buy, Some("99"), "3");
        scene.wait(20);
        let found = if crossed_by_trade {
            scene.trade(30, Side::Sell, "98", "0.1")
        } else {
            scene.book(30, &[("99", "0")], &[("99", "1")])
        };
        assert_eq!(found, ["1 Buy 3@99 Maker left 0 fee 0 30ms"]);
    }
}

#[test]
fn two_orders_do_not_take_the_same_quantity_of_a_level_twice() {
    let mut scene = Scene::new(QueueModel::RiskAverse);
    scene.send(0, Side::Buy, None, "1");
    scene.send(1, Side::Buy, None, "1");
    assert_eq!(
        scene.wait(50),
        [
            "1 Buy 1@101 Taker left 0 fee 0.101 10ms",
            "2 Buy 1@102 Taker left 0 fee 0.102 11ms",
        ]
    );
    // Published anew, it is there again: the others did what the recording says.
    scene.book(60, &[], &[("101", "1")]);
    scene.send(60, Side::Buy, None, "1");
    assert_eq!(scene.wait(90), ["3 Buy 1@101 Taker left 0 fee 0.101 70ms"]);
}

#[test]
fn cancellations_move_an_order_forward_only_where_the_model_says_so() {
    for (queue, filled) in [
        (QueueModel::RiskAverse, vec![]),
        (
            QueueModel::Proportional,
            vec!["1 Buy 0.5@99 Maker left 0.5 fee 0 60ms".to_owned()],
        ),
    ] {
        let mut scene = Scene::new(queue);
        scene.send(0, Side::Buy, Some("99"), "1");
        scene.wait(20);
        // Two more join, then half of the level is cancelled: 2 ahead of 4 become 1 of 2, or stay 2.
        scene.book(30, &[("99", "4")], &[]);
        scene.book(40, &[("99", "2")], &[]);
        assert_eq!(
            scene.trade(60, Side::Sell, "99", "1.5"),
            filled,
            "{queue:?}"
        );
    }
}

#[test]
fn the_end_of_the_recording_ends_every_order() {
    let mut scene = Scene::new(QueueModel::RiskAverse);
    scene.send(0, Side::Buy, Some("99"), "1");
    scene.wait(20);
    scene.send(20, Side::Sell, None, "2");
    let mut ended = Vec::new();
    scene.simulated.end(at(25), |report| ended.push(report));
    assert_eq!(ended.len(), 2);
    for report in &ended {
        assert!(matches!(
            report,
            Report::Ended {
                reason: EndReason::EndOfRecording,
                ..
            }
        ));
    }
    assert!(scene.simulated.is_idle());
}

proptest::proptest! {
    /// Whatever happens: no order is filled beyond its quantity or worse than its limit, and each
    /// ends whole or with what is left of it.
    #[test]
    fn every_unit_of_an_order_is_filled_once_or_left(
        steps in proptest::collection::vec((0_u8..4, proptest::bool::ANY, 95_i64..106, 1_i64..40), 1..80),
        proportional in proptest::bool::ANY,
    ) {
        let queue = if proportional { QueueModel::Proportional } else { QueueModel::RiskAverse };
        let mut scene = Scene::new(queue);
        let mut orders = Vec::new();
        let mut reports = Vec::new();
        for (step, (kind, buys, at_price, tenths)) in steps.into_iter().enumerate() {
            let now = at(5 * i64::try_from(step).unwrap());
            let side = if buys { Side::Buy } else { Side::Sell };
            let (limit, of) = (Price::from_units(at_price * 100_000_000), Quantity::from_units(tenths * 10_000_000));
            let level = Level { price: limit, quantity: of };
            let kind = match kind {
                0 | 1 => {
                    let order = NewOrder {
                        id: OrderId(orders.len() as u64),
                        side,
                        order_type: if kind == 0 { OrderType::Limit } else { OrderType::Market },
                        limit,
                        quantity: of,
                        sent: now,
                    };
                    orders.push(order);
                    scene.simulated.submit(order);
                    continue;
                }
                2 => EventKind::Trade(Trade { trade_id: 1, price: limit, quantity: of, aggressor: side }),
                _ => {
                    scene.update_id += 1;
                    let mut levels = Levels::default();
                    // A book that is crossed would be void.
                    if at_price < 100 { levels.bids.push(level) } else { levels.asks.push(level) }
                    EventKind::DepthDiff(DepthDiff { first_update_id: scene.update_id, final_update_id: scene.update_id, levels })
                }
            };
            let event = Event { instrument: InstrumentId(0), ts_event: Some(now), ts_recv: now, kind };
            scene.simulated.arrive(now, &scene.market, |report| reports.push(report));
            scene.market.apply(&event, now);
            scene.simulated.follow(&event, &scene.market, |report| reports.push(report));
        }
        scene.simulated.end(at(1_000_000), |report| reports.push(report));
        for order in orders {
            let (mut filled, mut left) = (0, 0);
            for report in &reports {
                match report {
                    Report::Filled(fill) if fill.order == order.id => {
                        filled += fill.quantity.units();
                        let worse = match order.side {
                            Side::Buy => fill.price > order.limit,
                            Side::Sell => fill.price < order.limit,
                        };
                        proptest::prop_assert!(order.order_type == OrderType::Market || !worse);
                        proptest::prop_assert!(fill.at >= Timestamp::from_nanoseconds(order.sent.nanoseconds() + 10_000_000));
                        proptest::prop_assert!(fill.liquidity == Liquidity::Taker || order.order_type == OrderType::Limit);
                    }
                    Report::Ended { order: ended, left: units, .. } if *ended == order.id => left += units.units(),
                    _ => {}
                }
            }
            proptest::prop_assert_eq!(filled + left, order.quantity.units());
        }
    }
}
