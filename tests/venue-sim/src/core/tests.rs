//! The cases that the documentation describes.

use triptych_engine::decimal::Price;
use triptych_engine::event::{
    BookTicker, DepthSnapshot, Event, EventKind, InstrumentId, Level, Levels, Side, Timestamp,
    Trade,
};

use super::*;

pub(super) const SYMBOL: SymbolId = SymbolId(0);
pub(super) const BASE: AssetId = AssetId(0);
pub(super) const QUOTE: AssetId = AssetId(1);

pub(super) fn venue(accounts: usize) -> (Venue, Vec<AccountId>) {
    let ledger = Ledger::new(vec!["BTC".into(), "USDT".into()]);
    let symbol = "BTCUSDT".parse().unwrap();
    let mut venue = Venue::new(ledger, vec![SymbolRules::usual(&symbol, BASE, QUOTE)]);
    let rates = CommissionRates {
        maker: "0.0004".parse().unwrap(),
        taker: "0.00075".parse().unwrap(),
    };
    let balances = [(BASE, amount("5")), (QUOTE, amount("300000"))];
    let accounts = (0..accounts)
        .map(|index| venue.open_account(index as u64, rates, &balances))
        .collect();
    (venue, accounts)
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub(super) fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(1_704_067_200_000 + milliseconds)
}

pub(super) fn request(side: Side, instruction: Instruction) -> OrderRequest {
    OrderRequest {
        symbol: SYMBOL,
        side,
        instruction,
        client_order_id: None,
        self_trade_prevention: SelfTradePrevention::DEFAULT,
        strategy_id: None,
        strategy_type: None,
    }
}

fn limit(at: &str, of: &str, time_in_force: TimeInForce) -> Instruction {
    Instruction::Limit(Limit {
        price: price(at),
        quantity: amount(of),
        time_in_force,
    })
}

fn good_til_canceled(at: &str, of: &str) -> Instruction {
    limit(at, of, TimeInForce::GoodTilCanceled)
}

fn level(price_text: &str, quantity: &str) -> Level {
    Level {
        price: price(price_text),
        quantity: amount(quantity),
    }
}

fn event(kind: EventKind) -> Event {
    Event {
        instrument: InstrumentId(0),
        ts_event: None,
        ts_recv: at(0),
        kind,
    }
}

fn crowd_book(bids: Vec<Level>, asks: Vec<Level>) -> Event {
    event(EventKind::DepthSnapshot(DepthSnapshot {
        last_update_id: 1,
        levels: Levels { bids, asks },
    }))
}

fn crowd_trade(aggressor: Side, at: &str, of: &str) -> Event {
    event(EventKind::Trade(Trade {
        trade_id: 1,
        price: price(at),
        quantity: amount(of),
        aggressor,
    }))
}

fn usual_book() -> Event {
    crowd_book(
        vec![level("59999", "1"), level("59990", "2")],
        vec![level("60001", "1"), level("60010", "2")],
    )
}

/// Prices and quantities of what an order took.
fn taken(placed: &Placed) -> Vec<(String, String)> {
    placed
        .fills
        .iter()
        .map(|fill| (fill.price.to_string(), fill.quantity.to_string()))
        .collect()
}

#[test]
fn an_order_takes_the_crowd_level_by_level_and_what_it_took_is_gone() {
    let (mut venue, accounts) = venue(1);
    venue.on_market_event(SYMBOL, &usual_book(), at(0));
    let buy = request(Side::Buy, good_til_canceled("60010", "1.5"));
    let placed = venue.place(accounts[0], &buy, at(1)).unwrap();
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(price, quantity)| ((*price).to_owned(), (*quantity).to_owned()))
            .collect()
    };
    assert_eq!(taken(&placed), pairs(&[("60001", "1"), ("60010", "0.5")]));
    assert_eq!(placed.order.status, OrderStatus::Filled);
    let again = venue.place(accounts[0], &buy, at(2)).unwrap();
    assert_eq!(taken(&again), pairs(&[("60010", "1.5")]));
    assert_eq!(venue.market(SYMBOL).top().1, None);
    // The next publication is what the others have.
    let ticker = event(EventKind::BookTicker(BookTicker {
        update_id: 2,
        bid: level("59999", "1"),
        ask: level("60001", "3"),
    }));
    venue.on_market_event(SYMBOL, &ticker, at(3));
    assert_eq!(venue.market(SYMBOL).top().1, Some(level("60001", "3")));
}

#[test]
fn a_waiting_order_fills_after_what_was_there_and_in_part() {
    let (mut venue, accounts) = venue(2);
    venue.on_market_event(SYMBOL, &usual_book(), at(0));
    let buy = request(Side::Buy, good_til_canceled("59999", "0.5"));
    let first = venue.place(accounts[0], &buy, at(1)).unwrap().order.id;
    let second = venue.place(accounts[1], &buy, at(2)).unwrap().order.id;
    let executed = |venue: &Venue| {
        [first, second].map(|id| venue.market(SYMBOL).find(id).unwrap().executed.to_string())
    };
    for (quantity, expected) in [
        ("0.8", ["0", "0"]),
        ("0.3", ["0.1", "0"]),
        ("0.6", ["0.5", "0.2"]),
    ] {
        let trade = crowd_trade(Side::Sell, "59999", quantity);
        venue.on_market_event(SYMBOL, &trade, at(3));
        assert_eq!(executed(&venue), expected, "after {quantity}");
    }
    let trade = crowd_trade(Side::Sell, "59998", "0.001");
    venue.on_market_event(SYMBOL, &trade, at(4));
    assert_eq!(executed(&venue), ["0.5", "0.5"], "the price went past");
}

#[test]
fn an_amended_order_keeps_its_place_and_frees_what_it_gives_up() {
    let (mut venue, accounts) = venue(3);
    let sell = request(Side::Sell, good_til_canceled("60000", "2"));
    let first = venue.place(accounts[0], &sell, at(0)).unwrap().order;
    venue.place(accounts[1], &sell, at(1)).unwrap();
    let amendment = |quantity: &str| Amendment {
        symbol: SYMBOL,
        key: OrderKey::Id(first.id),
        quantity: amount(quantity),
        name: Some("smaller".into()),
    };
    let amended = venue.amend(accounts[0], &amendment("1.5"), at(2)).unwrap();
    assert_eq!(amended.previous_name, first.client_order_id);
    assert_eq!(amended.order.client_order_id, "smaller");
    assert_eq!(
        venue.ledger().account(accounts[0]).balance(BASE).locked,
        amount("1.5")
    );
    for (quantity, refused) in [
        ("1.6", refusal::AMEND_INCREASES),
        ("1.5", refusal::AMEND_CHANGES_NOTHING),
        ("1.000001", Refusal::filter("LOT_SIZE")),
    ] {
        assert_eq!(
            venue.amend(accounts[0], &amendment(quantity), at(3)),
            Err(refused)
        );
    }
    let buy = request(Side::Buy, good_til_canceled("60000", "1.6"));
    venue.place(accounts[2], &buy, at(4)).unwrap();
    let makers: Vec<_> = venue
        .market(SYMBOL)
        .fills()
        .iter()
        .filter(|fill| fill.is_maker)
        .map(|fill| (fill.account, fill.quantity))
        .collect();
    assert_eq!(
        makers,
        [(accounts[0], amount("1.5")), (accounts[1], amount("0.1"))]
    );
}

#[test]
fn own_orders_that_meet_end_as_the_taking_one_says() {
    use OrderStatus::{ExpiredInMatch, Filled, New};
    use SelfTradePrevention::{ExpireBoth, ExpireMaker, ExpireTaker, None};
    for (mode, maker, taker) in [
        (None, Filled, Filled),
        (ExpireTaker, New, ExpiredInMatch),
        (ExpireMaker, ExpiredInMatch, New),
        (ExpireBoth, ExpiredInMatch, ExpiredInMatch),
    ] {
        let (mut venue, accounts) = venue(1);
        let sell = request(Side::Sell, good_til_canceled("60000", "1"));
        let resting = venue.place(accounts[0], &sell, at(0)).unwrap().order.id;
        let buy = OrderRequest {
            self_trade_prevention: mode,
            ..request(Side::Buy, good_til_canceled("60000", "1"))
        };
        let placed = venue.place(accounts[0], &buy, at(1)).unwrap();
        let status = |id| venue.market(SYMBOL).find(id).unwrap().status;
        assert_eq!((status(resting), status(placed.order.id)), (maker, taker));
    }
}

#[test]
fn orders_end_as_their_type_and_time_in_force_say() {
    use ExpiryReason::{InsufficientLiquidity, UnfilledFillOrKill, UnfilledImmediateOrCancel};
    use OrderStatus::{Expired, Filled, New};
    for (instruction, status, executed) in [
        (
            limit("60001", "2", TimeInForce::ImmediateOrCancel),
            Expired(UnfilledImmediateOrCancel),
            "1",
        ),
        (
            limit("60001", "2", TimeInForce::FillOrKill),
            Expired(UnfilledFillOrKill),
            "0",
        ),
        (limit("60010", "2", TimeInForce::FillOrKill), Filled, "2"),
        (good_til_canceled("60000", "2"), New, "0"),
        (
            Instruction::LimitMaker {
                price: price("60000"),
                quantity: amount("2"),
            },
            New,
            "0",
        ),
        (
            Instruction::Market(MarketSize::Base(amount("4"))),
            Expired(InsufficientLiquidity),
            "3",
        ),
        (
            Instruction::Market(MarketSize::Quote(amount("60031.01"))),
            Filled,
            "1.0005",
        ),
    ] {
        let (mut venue, accounts) = venue(1);
        venue.on_market_event(SYMBOL, &usual_book(), at(0));
        let placed = venue
            .place(accounts[0], &request(Side::Buy, instruction), at(1))
            .unwrap();
        assert_eq!(placed.order.status, status, "{instruction:?}");
        assert_eq!(
            placed.order.executed.to_string(),
            executed,
            "{instruction:?}"
        );
    }
}

#[test]
fn what_cannot_be_accepted_is_refused_in_the_venues_words() {
    let (mut venue, accounts) = venue(2);
    venue.on_market_event(SYMBOL, &usual_book(), at(0));
    venue.on_market_event(SYMBOL, &crowd_trade(Side::Buy, "60000", "0.1"), at(0));
    let named = OrderRequest {
        client_order_id: Some("mine".into()),
        ..request(Side::Buy, good_til_canceled("59000", "0.1"))
    };
    venue.place(accounts[0], &named, at(1)).unwrap();
    let maker = Instruction::LimitMaker {
        price: price("60001"),
        quantity: amount("0.1"),
    };
    let stop = Instruction::ConditionalMarket {
        trigger: Trigger {
            kind: TriggerKind::StopLoss,
            stop_price: price("60000"),
        },
        quantity: amount("0.1"),
    };
    for (request, refused) in [
        (named.clone(), refusal::DUPLICATE_ORDER),
        (request(Side::Buy, maker), refusal::WOULD_TAKE),
        (request(Side::Sell, stop), refusal::WOULD_TRIGGER),
        (
            request(Side::Sell, good_til_canceled("60000", "6")),
            refusal::INSUFFICIENT_BALANCE,
        ),
        (
            request(
                Side::Buy,
                Instruction::Market(MarketSize::Quote(amount("300001"))),
            ),
            refusal::INSUFFICIENT_BALANCE,
        ),
    ] {
        assert_eq!(venue.place(accounts[0], &request, at(2)), Err(refused));
    }
    // Another account may use the same name.
    assert!(venue.place(accounts[1], &named, at(3)).is_ok());
    venue.set_status(SYMBOL, SymbolStatus::Halt, at(4));
    let market = request(
        Side::Buy,
        Instruction::Market(MarketSize::Base(amount("0.1"))),
    );
    assert_eq!(
        venue.place(accounts[0], &market, at(5)),
        Err(refusal::MARKET_CLOSED)
    );
}

#[test]
fn conditional_orders_go_to_work_at_their_trigger() {
    let cases = [
        (
            Side::Sell,
            TriggerKind::StopLoss,
            "59990",
            ["59995", "59990"],
        ),
        (
            Side::Sell,
            TriggerKind::TakeProfit,
            "60010",
            ["60005", "60010"],
        ),
        (
            Side::Buy,
            TriggerKind::StopLoss,
            "60010",
            ["60005", "60011"],
        ),
        (
            Side::Buy,
            TriggerKind::TakeProfit,
            "59990",
            ["59995", "59989"],
        ),
    ];
    for (side, kind, stop_price, [before, through]) in cases {
        let (mut venue, accounts) = venue(1);
        venue.on_market_event(SYMBOL, &usual_book(), at(0));
        venue.on_market_event(SYMBOL, &crowd_trade(Side::Buy, "60000", "0.1"), at(0));
        let instruction = Instruction::ConditionalMarket {
            trigger: Trigger {
                kind,
                stop_price: price(stop_price),
            },
            quantity: amount("0.5"),
        };
        let id = venue
            .place(accounts[0], &request(side, instruction), at(1))
            .unwrap()
            .order
            .id;
        venue.on_market_event(SYMBOL, &crowd_trade(Side::Buy, before, "0.1"), at(2));
        assert!(venue.market(SYMBOL).find(id).unwrap().waits_for_trigger());
        venue.on_market_event(SYMBOL, &crowd_trade(Side::Buy, through, "0.1"), at(3));
        let order = venue.market(SYMBOL).find(id).unwrap();
        assert_eq!(order.status, OrderStatus::Filled, "{side} {kind:?}");
        assert_eq!(order.working_since, Some(at(3)));
    }
}

#[test]
fn commissions_are_a_part_of_what_is_received() {
    let (mut venue, accounts) = venue(1);
    venue.on_market_event(SYMBOL, &usual_book(), at(0));
    for (side, commission, asset) in [
        (Side::Buy, "0.00007499", BASE),
        (Side::Sell, "4.499475", QUOTE),
    ] {
        let quantity = "0.09999";
        let market = Instruction::Market(MarketSize::Base(amount(quantity)));
        let fill = venue
            .place(accounts[0], &request(side, market), at(1))
            .unwrap()
            .fills[0];
        assert_eq!(fill.commission, amount(commission), "{side}");
        assert_eq!(fill.commission_asset, asset, "{side}");
    }
}

#[test]
fn a_wiped_account_has_no_order_and_the_balances_given() {
    let (mut venue, accounts) = venue(1);
    let sell = request(Side::Sell, good_til_canceled("60000", "2"));
    let id = venue.place(accounts[0], &sell, at(0)).unwrap().order.id;
    venue.wipe(accounts[0], &[(QUOTE, amount("10"))], at(1));
    let account = venue.ledger().account(accounts[0]);
    assert_eq!(account.balance(BASE), Balance::default());
    assert_eq!(account.balance(QUOTE).free, amount("10"));
    assert_eq!(
        venue.market(SYMBOL).find(id).unwrap().status,
        OrderStatus::Expired(ExpiryReason::ExchangeCanceled)
    );
}
