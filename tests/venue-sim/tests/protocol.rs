//! What a client sees on the wire: keys, limits, retired calls, and every fault.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{Answer, Client, levels, recording, venue, venue_of, venue_that_stops};
use triptych_market_data::level_book::LevelBook;

const ORDER: &str =
    "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=30000.00";

fn code(answer: &Answer) -> i64 {
    answer.json()["code"].as_i64().unwrap_or_default()
}

#[tokio::test]
async fn keys_and_signatures_are_checked_and_personas_know_only_their_own() {
    let venue = venue().await;
    let (live, demo) = (venue.live(), venue.demo());
    let other_key = Client {
        key: demo.key.clone(),
        ..live.clone()
    };
    let other_secret = Client {
        secret: "another".into(),
        ..live.clone()
    };
    let no_key = Client {
        key: String::new(),
        ..live.clone()
    };
    for (client, status, expected) in [
        (&live, 200, 0),
        (&demo, 200, 0),
        (&other_key, 401, -2015),
        (&other_secret, 400, -1022),
        (&no_key, 401, -2014),
    ] {
        let answer = client.signed("GET", "/api/v3/account", "").await.unwrap();
        assert_eq!((answer.status, code(&answer)), (status, expected));
    }
}

#[tokio::test]
async fn the_signature_is_over_query_and_body_as_they_were_sent() {
    let venue = venue().await;
    let client = venue.live();
    let in_body = client
        .signed_in_body("POST", "/api/v3/order", ORDER)
        .await
        .unwrap();
    assert_eq!(in_body.status, 200, "{}", in_body.body);
    let changed = client
        .signed_then("POST", "/api/v3/order", ORDER, "&newClientOrderId=added")
        .await
        .unwrap();
    assert_eq!(code(&changed), -1022);
}

#[tokio::test]
async fn answers_carry_weights_and_counts() {
    let venue = venue().await;
    let client = venue.live();
    let placed = client.signed("POST", "/api/v3/order", ORDER).await.unwrap();
    assert_eq!(placed.header("x-mbx-order-count-10s"), Some("1"));
    assert_eq!(placed.header("x-mbx-used-weight-1m"), Some("1"));
    let account = client.signed("GET", "/api/v3/account", "").await.unwrap();
    assert_eq!(account.header("x-mbx-used-weight-1m"), Some("21"));
}

#[tokio::test]
async fn retired_and_unknown_calls_are_refused_as_such() {
    let venue = venue().await;
    let client = venue.live();
    for (verb, path, status) in [
        ("POST", "/api/v3/userDataStream", 410),
        ("PUT", "/api/v3/userDataStream", 410),
        ("DELETE", "/api/v3/userDataStream", 410),
        ("GET", "/api/v1/ping", 410),
        ("GET", "/api/v3/orderList/oco", 404),
        ("PUT", "/api/v3/ping", 405),
    ] {
        let answer = client.send(verb, path, "").await.unwrap();
        assert_eq!(answer.status, status, "{verb} {path}");
    }
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_was_carried_out_or_not_as_the_fault_says() {
    let venue = venue().await;
    let client = venue.demo();
    for (index, (fault, is_answered, is_carried_out)) in [
        (json!({ "cut": { "carriedOut": true } }), false, true),
        (json!({ "cut": { "carriedOut": false } }), false, false),
        (json!("truncate"), false, true),
        (json!({ "timeout": { "carriedOut": true } }), true, true),
        (json!({ "timeout": { "carriedOut": false } }), true, false),
    ]
    .into_iter()
    .enumerate()
    {
        let armed = json!({ "endpoint": "POST /api/v3/order", "count": 1, "fault": fault });
        venue.admin("POST", "/personas/demo/faults", &armed).await;
        let order = format!("{ORDER}&newClientOrderId=lost-{index}");
        let answer = client.signed("POST", "/api/v3/order", &order).await;
        assert_eq!(answer.is_some(), is_answered, "{fault}");
        if let Some(answer) = answer {
            assert_eq!((answer.status, code(&answer)), (504, -1007));
        }
        let query = format!("symbol=BTCUSDT&origClientOrderId=lost-{index}");
        let found = client.signed("GET", "/api/v3/order", &query).await.unwrap();
        let expected = if is_carried_out { 0 } else { -2013 };
        assert_eq!(code(&found), expected, "{fault}");
    }
}

#[tokio::test]
async fn limits_bans_skew_maintenance_halts_and_wipes_happen_on_demand() {
    let venue = venue().await;
    let (live, demo) = (venue.live(), venue.demo());
    for (fault, status) in [("tooManyRequests", 429), ("banned", 418)] {
        let armed = json!({ "count": 1, "fault": { fault: { "retryAfter": 7 } } });
        venue.admin("POST", "/personas/demo/faults", &armed).await;
        let answer = demo.send("GET", "/api/v3/time", "").await.unwrap();
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (status, Some("7"))
        );
    }
    let skewed = json!({ "skewMilliseconds": 10_000 });
    venue.admin("POST", "/personas/demo/clock", &skewed).await;
    let answer = demo.signed("GET", "/api/v3/account", "").await.unwrap();
    assert_eq!(code(&answer), -1021);
    venue
        .admin(
            "POST",
            "/personas/demo/clock",
            &json!({ "skewMilliseconds": 0 }),
        )
        .await;
    let halted = json!({ "halted": true });
    venue
        .admin("POST", "/personas/demo/symbols/BTCUSDT", &halted)
        .await;
    let answer = demo.signed("POST", "/api/v3/order", ORDER).await.unwrap();
    assert_eq!(code(&answer), -1013);
    let answer = live.signed("POST", "/api/v3/order", ORDER).await.unwrap();
    assert_eq!(answer.status, 200, "the other persona goes on");
    venue
        .admin(
            "POST",
            "/personas/demo/symbols/BTCUSDT",
            &json!({ "halted": false }),
        )
        .await;
    let answer = demo.signed("POST", "/api/v3/order", ORDER).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let wiped = venue.admin("POST", "/personas/demo/wipe", &json!({})).await;
    assert_eq!(wiped["accounts"][0]["openOrders"], 0);
    assert_eq!(wiped["accounts"][0]["balances"]["USDT"]["free"], "100000");
    venue
        .admin("POST", "/personas/demo/maintenance", &json!({ "on": true }))
        .await;
    let answer = demo.send("GET", "/api/v3/ping", "").await.unwrap();
    assert_eq!(answer.status, 503);
}

#[tokio::test]
async fn depth_diffs_follow_each_other_and_join_the_snapshot() {
    let venue = venue().await;
    let mut stream = venue.stream("/ws/btcusdt@depth@100ms").await;
    let mut last = stream.next().await["u"].as_u64().unwrap();
    let answer = venue
        .live()
        .send("GET", "/api/v3/depth?symbol=BTCUSDT&limit=5000", "")
        .await
        .unwrap();
    let snapshot = answer.json()["lastUpdateId"].as_u64().unwrap();
    let mut has_joined = false;
    while !has_joined {
        let diff = stream.next().await;
        assert_eq!(diff["U"].as_u64().unwrap(), last + 1);
        last = diff["u"].as_u64().unwrap();
        let first = diff["U"].as_u64().unwrap();
        has_joined = (first..=last).contains(&(snapshot + 1)) || last == snapshot;
    }
}

#[tokio::test]
async fn messages_are_lost_doubled_and_swapped_on_demand() {
    let venue = venue().await;
    let mut stream = venue.stream("/stream?streams=btcusdt@depth@100ms").await;
    for (fault, expected) in [("drop", "gap"), ("duplicate", "twice"), ("reorder", "back")] {
        let mut last = stream.next().await["data"]["u"].as_u64().unwrap();
        let armed = json!({ "endpoint": "btcusdt@depth@100ms", "count": 1, "fault": fault });
        venue.admin("POST", "/personas/live/faults", &armed).await;
        let mut seen = "nothing";
        for _ in 0..20 {
            let message = stream.next().await;
            let first = message["data"]["U"].as_u64().unwrap();
            let newest = message["data"]["u"].as_u64().unwrap();
            seen = match first {
                _ if first == last + 1 => "nothing",
                _ if newest == last => "twice",
                _ if first > last => "gap",
                _ => "back",
            };
            last = newest;
            // A swapped message is first missed, and then comes late.
            if seen == expected {
                break;
            }
        }
        assert_eq!(seen, expected, "{fault}");
    }
}

#[tokio::test]
async fn connections_end_with_or_without_a_goodbye() {
    let venue = venue().await;
    for (path, is_announced) in [("disconnect", true), ("cut", false)] {
        let mut stream = venue.stream("/ws/btcusdt@kline_1m").await;
        let ended = venue
            .admin("POST", &format!("/personas/live/{path}"), &Value::Null)
            .await;
        assert_eq!(ended["connections"], 1);
        let last = stream.until_end().await;
        let told = last.iter().any(|message| message["e"] == "serverShutdown");
        assert_eq!(told, is_announced, "{path}");
    }
}

#[tokio::test]
async fn subscriptions_are_made_listed_and_ended() {
    let venue = venue().await;
    let mut stream = venue.stream("/ws").await;
    for (request, reply) in [
        (
            json!({ "method": "SUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 1 }),
            json!({ "result": null, "id": 1 }),
        ),
        (
            json!({ "method": "LIST_SUBSCRIPTIONS", "id": 2 }),
            json!({ "result": ["btcusdt@kline_1m"], "id": 2 }),
        ),
        (
            json!({ "method": "UNSUBSCRIBE", "params": ["btcusdt@kline_1m"], "id": 3 }),
            json!({ "result": null, "id": 3 }),
        ),
        (
            json!({ "method": "LIST_SUBSCRIPTIONS", "id": 4 }),
            json!({ "result": [], "id": 4 }),
        ),
        (
            json!({ "method": "GET_PROPERTY", "params": ["combined"], "id": 5 }),
            json!({ "result": false, "id": 5 }),
        ),
    ] {
        assert_eq!(stream.ask(&request).await, reply);
    }
    let refused = stream.ask(&json!({ "method": "NONSENSE", "id": 6 })).await;
    assert_eq!((&refused["code"], &refused["id"]), (&json!(2), &json!(6)));
}

#[tokio::test]
async fn the_socket_api_places_tells_and_ends() {
    let venue = venue().await;
    let client = venue.demo();
    let mut api = venue.demo_stream("/ws-api/v3").await;
    let ask = |id: i64, method: &str, params: Value| json!({ "id": id, "method": method, "params": client.signed_params(params) });
    let subscribe = ask(1, "userDataStream.subscribe.signature", json!({}));
    let subscribed = api.ask(&subscribe).await;
    assert_eq!(subscribed["result"]["subscriptionId"], 0, "{subscribed}");
    let order = json!({
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "0.01", "price": "30000.00",
    });
    api.send(&ask(2, "order.place", order)).await;
    let mut kinds = Vec::new();
    let mut status = None;
    while kinds.len() < 2 || status.is_none() {
        let message = api.next().await;
        match message["event"]["e"].as_str() {
            Some(kind) => kinds.push(kind.to_owned()),
            None => status = message["result"]["status"].as_str().map(str::to_owned),
        }
    }
    assert_eq!(kinds, ["executionReport", "outboundAccountPosition"]);
    assert_eq!(status.as_deref(), Some("NEW"));
    for (method, refused) in [
        ("session.logon", -4056),
        ("userDataStream.subscribe.signature", -2035),
        ("userDataStream.start", -1016),
        ("no.such.method", -1020),
    ] {
        let reply = api.ask(&ask(3, method, json!({}))).await;
        assert_eq!(reply["error"]["code"], refused, "{method}: {reply}");
    }
    let unsubscribe = json!({ "id": 4, "method": "userDataStream.unsubscribe" });
    api.send(&unsubscribe).await;
    let (one, other) = (api.next().await, api.next().await);
    let ended = [&one, &other]
        .iter()
        .any(|message| message["event"]["e"] == "eventStreamTerminated");
    assert!(ended, "{one} {other}");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_the_documented_code() {
    let venue = venue().await;
    let client = venue.live();
    for (query, refused) in [
        ("side=BUY&type=MARKET&quantity=0.01", -1102),
        ("symbol=NOSUCH&side=BUY&type=MARKET&quantity=0.01", -1121),
        ("symbol=BTCUSDT&side=UP&type=MARKET&quantity=0.01", -1117),
        ("symbol=BTCUSDT&side=BUY&type=HOPE&quantity=0.01", -1116),
        (
            "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.01&price=50000",
            -1102,
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTD&quantity=0.01&price=50000",
            -1115,
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&price=50000",
            -1106,
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&stopPrice=50000",
            -1106,
        ),
        ("symbol=BTCUSDT&side=BUY&type=MARKET", -1102),
        (
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&quoteOrderQty=50",
            -1128,
        ),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1e-2", -1100),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=-1", -1100),
        (
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.010000001",
            -1111,
        ),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0", -1013),
        (
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&nonsense=1",
            -1104,
        ),
        (
            "symbol=BTCUSDT&side=BUY&side=BUY&type=MARKET&quantity=0.01",
            -1101,
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&newClientOrderId=a%20b",
            -1100,
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&selfTradePreventionMode=DECREMENT",
            -1013,
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&strategyType=5",
            -1134,
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&newOrderRespType=ALL",
            -1130,
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=STOP_LOSS&quantity=0.01&trailingDelta=10",
            -1013,
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000&icebergQty=0.1",
            -1013,
        ),
    ] {
        for path in ["/api/v3/order", "/api/v3/order/test"] {
            let answer = client.signed("POST", path, query).await.unwrap();
            assert_eq!(code(&answer), refused, "{query}: {}", answer.body);
        }
    }
    let answer = client
        .signed("DELETE", "/api/v3/order", "symbol=BTCUSDT")
        .await
        .unwrap();
    assert_eq!(code(&answer), -1102);
    let restricted = "symbol=BTCUSDT&orderId=1&cancelRestrictions=ONLY_OLD";
    let answer = client
        .signed("DELETE", "/api/v3/order", restricted)
        .await
        .unwrap();
    assert_eq!(code(&answer), -1145);
    let opened = client
        .signed("GET", "/api/v3/openOrders", "")
        .await
        .unwrap();
    assert_eq!(opened.json(), json!([]), "nothing of it was placed");
}

#[tokio::test]
async fn cancel_replace_tells_what_went_well_and_what_did_not() {
    let venue = venue().await;
    let client = venue.live();
    let waits = "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=0.01&price=30000.00";
    let takes = "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=0.01&price=90000.00";
    for (mode, is_known, order, status, refused, results) in [
        (
            "STOP_ON_FAILURE",
            true,
            waits,
            200,
            0,
            ["SUCCESS", "SUCCESS"],
        ),
        (
            "STOP_ON_FAILURE",
            false,
            waits,
            400,
            -2022,
            ["FAILURE", "NOT_ATTEMPTED"],
        ),
        (
            "STOP_ON_FAILURE",
            true,
            takes,
            409,
            -2021,
            ["SUCCESS", "FAILURE"],
        ),
        (
            "ALLOW_FAILURE",
            false,
            waits,
            409,
            -2021,
            ["FAILURE", "SUCCESS"],
        ),
        (
            "ALLOW_FAILURE",
            false,
            takes,
            400,
            -2022,
            ["FAILURE", "FAILURE"],
        ),
    ] {
        let id = if is_known {
            let placed = client.signed("POST", "/api/v3/order", ORDER).await.unwrap();
            placed.json()["orderId"].as_u64().unwrap()
        } else {
            987_654
        };
        let query = format!("{order}&cancelReplaceMode={mode}&cancelOrderId={id}");
        let answer = client
            .signed("POST", "/api/v3/order/cancelReplace", &query)
            .await
            .unwrap();
        assert_eq!(
            (answer.status, code(&answer)),
            (status, refused),
            "{}",
            answer.body
        );
        let body = answer.json();
        let told = if status == 200 { &body } else { &body["data"] };
        assert_eq!([&told["cancelResult"], &told["newOrderResult"]], results);
    }
}

#[tokio::test]
async fn a_recording_moves_the_market_as_the_generator_does() {
    let venue = venue_of(recording()).await;
    let mut stream = venue.stream("/ws/btcusdt@trade/btcusdt@bookTicker").await;
    let mut kinds = std::collections::BTreeSet::new();
    while kinds.len() < 2 {
        let message = stream.next().await;
        kinds.insert(message["e"].as_str().unwrap_or("bookTicker").to_owned());
    }
    let market = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01";
    let bought = venue
        .live()
        .signed("POST", "/api/v3/order", market)
        .await
        .unwrap();
    assert_eq!(bought.json()["status"], "FILLED", "{}", bought.body);
}

#[tokio::test]
async fn a_book_of_snapshot_and_diffs_is_the_venues_book() {
    let venue = venue_that_stops(400).await;
    let mut stream = venue.stream("/ws/btcusdt@depth@100ms").await;
    let mut diff = stream.next().await;
    let client = venue.live();
    let depth = "/api/v3/depth?symbol=BTCUSDT&limit=5000";
    let few_levels = "/api/v3/depth?symbol=BTCUSDT&limit=5";
    let snapshot = client.send("GET", depth, "").await.unwrap().json();
    let mut book = LevelBook::from_levels(&levels(&snapshot, ["bids", "asks"]));
    let mut last = snapshot["lastUpdateId"].as_u64().unwrap();
    // An own order is in the published book as well.
    let placed = client.signed("POST", "/api/v3/order", ORDER).await.unwrap();
    assert_eq!(placed.status, 200, "{}", placed.body);
    loop {
        if diff["u"].as_u64().unwrap() > last {
            book.apply(&levels(&diff, ["b", "a"]));
            last = diff["u"].as_u64().unwrap();
        }
        // The whole book weighs 50 times as much, so it is asked for only when it may be the same.
        let few = client.send("GET", few_levels, "").await.unwrap().json();
        if few["lastUpdateId"] == last {
            let now = client.send("GET", depth, "").await.unwrap().json();
            if now["lastUpdateId"] == last {
                let venues = LevelBook::from_levels(&levels(&now, ["bids", "asks"]));
                assert_eq!(book, venues);
                assert!(book.bid_quantity("30000".parse().unwrap()).is_positive());
                return;
            }
        }
        diff = stream.next().await;
    }
}
