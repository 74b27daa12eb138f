//! What holds for every sequence of requests and moves of the crowd.

use proptest::prelude::*;
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{Side, Timestamp};
use triptych_market_data::generator::{DEFAULT_START, Generator};
use triptych_market_data::instruments::Instruments;

use super::tests::{BASE, QUOTE, SYMBOL, at, request, venue};
use super::*;

#[derive(Debug, Clone)]
enum Action {
    Place(usize, OrderRequest),
    Cancel(usize, u64),
    Amend(usize, u64, i64),
    Crowd(u16),
    Halt(bool),
}

fn some_instruction() -> impl Strategy<Value = Instruction> {
    let price = (5_990_000_i64..6_010_000).prop_map(|ticks| Price::from_units(ticks * 1_000_000));
    let quantity = (10_i64..200_000).prop_map(|lots| Quantity::from_units(lots * 1_000));
    let time_in_force = prop_oneof![
        4 => Just(TimeInForce::GoodTilCanceled),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
    ];
    let kind = prop_oneof![Just(TriggerKind::StopLoss), Just(TriggerKind::TakeProfit)];
    (0..10, price.clone(), price, quantity, time_in_force, kind).prop_map(
        |(choice, price, stop_price, quantity, time_in_force, kind)| {
            let limit = Limit {
                price,
                quantity,
                time_in_force,
            };
            let trigger = Trigger { kind, stop_price };
            match choice {
                0..=4 => Instruction::Limit(limit),
                5 => Instruction::LimitMaker { price, quantity },
                6 => Instruction::Market(MarketSize::Base(quantity)),
                7 => Instruction::Market(MarketSize::Quote(value_of(price, quantity))),
                8 => Instruction::ConditionalMarket { trigger, quantity },
                _ => Instruction::ConditionalLimit { trigger, limit },
            }
        },
    )
}

fn some_action() -> impl Strategy<Value = Action> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let mode = prop::sample::select(SelfTradePrevention::ALLOWED.to_vec());
    let place = (0_usize..3, side, some_instruction(), mode).prop_map(
        |(account, side, instruction, self_trade_prevention)| {
            let request = OrderRequest {
                self_trade_prevention,
                ..request(side, instruction)
            };
            Action::Place(account, request)
        },
    );
    prop_oneof![
        12 => place,
        2 => (0_usize..3, 1_u64..60).prop_map(|(account, id)| Action::Cancel(account, id)),
        2 => (0_usize..3, 1_u64..60, 1_i64..100_000).prop_map(|(account, id, lots)| Action::Amend(account, id, lots)),
        6 => (1_u16..200).prop_map(Action::Crowd),
        1 => any::<bool>().prop_map(Action::Halt),
    ]
}

/// A refused request is as good as none: only what holds afterwards counts.
fn carry_out(
    venue: &mut Venue,
    accounts: &[AccountId],
    crowd: &mut Generator,
    action: &Action,
    now: Timestamp,
) {
    match action {
        Action::Place(account, request) => {
            let _ = venue.place(accounts[*account], request, now);
        }
        Action::Cancel(account, id) => {
            let cancel = Cancel {
                symbol: SYMBOL,
                key: OrderKey::Id(OrderId(*id)),
                name: None,
                restriction: None,
            };
            let _ = venue.cancel(accounts[*account], &cancel, now);
        }
        Action::Amend(account, id, lots) => {
            let amendment = Amendment {
                symbol: SYMBOL,
                key: OrderKey::Id(OrderId(*id)),
                quantity: Quantity::from_units(lots * 1_000),
                name: None,
            };
            let _ = venue.amend(accounts[*account], &amendment, now);
        }
        Action::Crowd(events) => {
            for event in crowd.take(usize::from(*events)) {
                venue.on_market_event(SYMBOL, &event, now);
            }
        }
        Action::Halt(halted) => {
            let status = if *halted {
                SymbolStatus::Halt
            } else {
                SymbolStatus::Trading
            };
            venue.set_status(SYMBOL, status, now);
        }
    }
}

fn check(venue: &Venue, accounts: &[AccountId], totals: [i128; 2]) -> Result<(), TestCaseError> {
    let market = venue.market(SYMBOL);
    for (asset, total) in [BASE, QUOTE].into_iter().zip(totals) {
        prop_assert_eq!(venue.ledger().total(asset), total, "an asset came or went");
    }
    for account in accounts {
        for (asset, side) in [(BASE, Side::Sell), (QUOTE, Side::Buy)] {
            let balance = venue.ledger().account(*account).balance(asset);
            prop_assert!(balance.free.units() >= 0, "overdrawn: {:?}", balance);
            let locked: i64 = market
                .open_orders(*account)
                .filter(|order| order.side == side)
                .map(|order| order.locked.units())
                .sum();
            prop_assert_eq!(
                balance.locked.units(),
                locked,
                "locked for open orders alone"
            );
        }
    }
    if market.status() == SymbolStatus::Trading
        && let (Some(bid), Some(ask)) = market.top()
    {
        prop_assert!(bid.price < ask.price, "crossed: {:?} {:?}", bid, ask);
    }
    let mut executed = vec![0_i64; market.orders().len()];
    for fill in market.fills() {
        let order = market.find(fill.order).unwrap();
        if let Some(limit) = order.instruction.limit_price() {
            let is_within = match order.side {
                Side::Buy => fill.price <= limit,
                Side::Sell => fill.price >= limit,
            };
            prop_assert!(is_within, "beyond its limit: {:?} {:?}", fill, order);
        }
        executed[usize::try_from(fill.order.0).unwrap() - 1] += fill.quantity.units();
    }
    for (order, executed) in market.orders().iter().zip(executed) {
        prop_assert_eq!(order.executed.units(), executed);
        prop_assert!(
            order.left().units() >= 0,
            "more than asked for: {:?}",
            order
        );
        let is_whole = order.status == OrderStatus::Filled;
        prop_assert!(!is_whole || order.left().is_zero(), "{:?}", order);
        prop_assert!(
            order.status.is_open() || order.locked.is_zero(),
            "{:?}",
            order
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nothing_is_lost_overdrawn_crossed_or_traded_beyond_its_limit(
        seed in any::<u64>(),
        actions in prop::collection::vec(some_action(), 1..80),
    ) {
        let (mut venue, accounts) = venue(3);
        let instruments = Instruments::parse(["BTCUSDT"]).unwrap();
        let mut crowd = Generator::new(seed, &instruments, DEFAULT_START);
        let totals = [BASE, QUOTE].map(|asset| venue.ledger().total(asset));
        for (step, action) in actions.iter().enumerate() {
            let now = at(i64::try_from(step).unwrap() * 500);
            carry_out(&mut venue, &accounts, &mut crowd, action, now);
            check(&venue, &accounts, totals)?;
        }
    }

    #[test]
    fn the_best_price_trades_first_and_at_a_price_who_came_first(
        offers in prop::collection::vec((6_000_000_i64..6_000_010, 1_i64..1_000), 1..30),
        lots in 1_i64..20_000,
    ) {
        let (mut venue, accounts) = venue(2);
        let mut expected: Vec<(i64, u64, i64)> = Vec::new();
        for (ticks, lots) in offers {
            let instruction = Instruction::Limit(Limit {
                price: Price::from_units(ticks * 1_000_000),
                quantity: Quantity::from_units(lots * 1_000 + 10_000),
                time_in_force: TimeInForce::GoodTilCanceled,
            });
            let placed = venue.place(accounts[0], &request(Side::Sell, instruction), at(0)).unwrap();
            expected.push((ticks, placed.order.id.0, lots * 1_000 + 10_000));
        }
        expected.sort_unstable();
        let wanted = Quantity::from_units(lots * 1_000 + 10_000);
        let instruction = Instruction::Market(MarketSize::Base(wanted));
        let placed = venue.place(accounts[1], &request(Side::Buy, instruction), at(1)).unwrap();
        let mut left = wanted.units();
        let mut makers = Vec::new();
        for (ticks, id, units) in expected {
            if left > 0 {
                makers.push((ticks * 1_000_000, id, units.min(left)));
                left -= units.min(left);
            }
        }
        let fills: Vec<_> = venue
            .market(SYMBOL)
            .fills()
            .iter()
            .filter(|fill| fill.is_maker)
            .map(|fill| (fill.price.units(), fill.order.0, fill.quantity.units()))
            .collect();
        prop_assert_eq!(fills, makers);
        prop_assert_eq!(placed.order.executed.units(), wanted.units() - left);
    }
}
