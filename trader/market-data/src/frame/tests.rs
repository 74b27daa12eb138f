use proptest::prelude::*;

use triptych_engine::decimal::{Price, Quantity};

use super::*;
use crate::wire;

const TICKER: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":400900217,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;
const TRADE: &str = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1672515782136,"s":"BTCUSDT","t":12345,"p":"0.00100000","q":"100.00000000","T":1672515782135,"m":true,"M":true}}"#;
const DIFF: &str = r#"{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":1672515782136,"s":"ETHUSDT","U":157,"u":160,"b":[["0.00240000","10"]],"a":[["0.00260000","0.00000000"],["0.00270000","1"]]}}"#;

fn parser() -> FrameParser {
    FrameParser::new(Instruments::parse(["BTCUSDT", "ETHUSDT"]).unwrap())
}

fn received() -> Timestamp {
    Timestamp::from_nanoseconds(7)
}

fn event(text: &str) -> Event {
    match parser().parse(text, received()) {
        Ok(Frame::Event(event)) => event,
        other => panic!("{text}: {other:?}"),
    }
}

fn level(price: &str, quantity: &str) -> Level {
    Level {
        price: price.parse().unwrap(),
        quantity: quantity.parse().unwrap(),
    }
}

#[test]
fn a_book_ticker_is_read_exactly() {
    assert_eq!(
        event(TICKER),
        Event {
            instrument: InstrumentId(0),
            ts_event: None,
            ts_recv: received(),
            kind: EventKind::BookTicker(BookTicker {
                update_id: 400_900_217,
                bid: level("61837.63", "3.78826"),
                ask: level("61837.64", "1.54698"),
            }),
        }
    );
}

#[test]
fn a_trade_has_its_trade_time_and_the_side_that_took_liquidity() {
    let sold = event(TRADE);
    assert_eq!(
        sold.ts_event,
        Some(Timestamp::from_milliseconds(1_672_515_782_135))
    );
    let EventKind::Trade(trade) = sold.kind else {
        panic!("not a trade")
    };
    assert_eq!(trade.aggressor, Side::Sell);
    assert_eq!(trade.price, "0.001".parse().unwrap());
    let bought = event(&TRADE.replace("\"m\":true", "\"m\":false"));
    assert!(matches!(bought.kind, EventKind::Trade(trade) if trade.aggressor == Side::Buy));
}

#[test]
fn a_depth_diff_keeps_its_ids_and_levels() {
    let event = event(DIFF);
    assert_eq!(event.instrument, InstrumentId(1));
    let EventKind::DepthDiff(diff) = event.kind else {
        panic!("not a diff")
    };
    assert_eq!((diff.first_update_id, diff.final_update_id), (157, 160));
    assert_eq!(diff.levels.bids, [level("0.0024", "10")]);
    assert_eq!(
        diff.levels.asks,
        [level("0.0026", "0"), level("0.0027", "1")]
    );
}

#[test]
fn a_snapshot_is_read_from_a_rest_body_and_from_a_recording() {
    let body = r#"{"lastUpdateId":9,"bids":[["4.00000000","431.00000000"]],"asks":[]}"#;
    let expected = EventKind::DepthSnapshot(DepthSnapshot {
        last_update_id: 9,
        levels: Levels {
            bids: vec![level("4", "431")],
            asks: vec![],
        },
    });
    assert_eq!(
        parse_snapshot(body, InstrumentId(1), received())
            .unwrap()
            .kind,
        expected
    );
    let recorded = parser().parse_recorded(body, received()).unwrap();
    assert_eq!(
        (recorded.instrument, recorded.kind),
        (InstrumentId(0), expected)
    );
    let named = body.replace("{\"last", "{\"symbol\":\"ETHUSDT\",\"last");
    assert_eq!(
        parser()
            .parse_recorded(&named, received())
            .unwrap()
            .instrument,
        InstrumentId(1)
    );
}

#[test]
fn replies_and_the_shutdown_notice_are_no_market_events() {
    for (text, expected) in [
        (r#"{"result":null,"id":1}"#, Frame::Reply { error: None }),
        (
            r#"{"error":{"code":2,"msg":"bad"},"id":1}"#,
            Frame::Reply {
                error: Some(r#"{"code":2,"msg":"bad"}"#.to_owned()),
            },
        ),
        (r#"{"e":"serverShutdown","E":1}"#, Frame::ServerShutdown),
    ] {
        assert_eq!(parser().parse(text, received()), Ok(expected), "{text}");
    }
}

#[test]
fn a_malformed_frame_is_an_error_that_names_stream_and_field() {
    let cases = [
        (
            TRADE.replace("\"p\":\"0.00100000\",", ""),
            "p",
            "missing field",
        ),
        (
            TRADE.replace("\"0.00100000\"", "0.001"),
            "p",
            "a decimal in a string",
        ),
        (TRADE.replace("0.00100000", "1e-3"), "p", "unexpected 'e'"),
        (TRADE.replace("0.00100000", "-0.001"), "p", "below zero"),
        (
            TRADE.replace("0.00100000", "0.000000001"),
            "p",
            "more than 8 decimals",
        ),
        (
            TRADE.replace("\"t\":12345", "\"t\":-1"),
            "t",
            "invalid value",
        ),
        (TRADE.replace("\"BTCUSDT\"", "\"ETHUSDT\""), "s", "ETHUSDT"),
        (DIFF.replace("\"U\":157", "\"U\":161"), "U", "above"),
        (
            DIFF.replace("\"0.00270000\"", "\"x\""),
            "a[1][0]",
            "unexpected 'x'",
        ),
        (
            DIFF.replace("[\"0.00270000\",\"1\"]", "[\"1\"]"),
            "a[1]",
            "length 1",
        ),
        (DIFF.replace("\"0.00270000\"", "\"0\""), "a", "above zero"),
        (TICKER.replace("\"u\":", "\"v\":"), "u", "missing field"),
    ];
    for (text, expected_field, expected_reason) in cases {
        match parser().parse(&text, received()) {
            Err(FrameError::Field {
                stream,
                field,
                reason,
            }) => {
                assert!(text.contains(&stream), "{text}: {stream}");
                assert_eq!(field, expected_field, "{text}: {reason}");
                assert!(reason.contains(expected_reason), "{text}: {reason}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn other_streams_and_other_json_are_refused() {
    for text in [
        TICKER.replace("btcusdt@", "dogeusdt@"),
        TICKER.replace("bookTicker", "kline_1m"),
        TICKER.replace("btcusdt@bookTicker", "bookTicker"),
    ] {
        assert!(
            matches!(
                parser().parse(&text, received()),
                Err(FrameError::UnknownStream { .. })
            ),
            "{text}"
        );
    }
    for text in ["", "{", "null", "[]", "{}", "\u{1}", r#"{"stream":1}"#] {
        assert!(
            matches!(
                parser().parse(text, received()),
                Err(FrameError::Envelope { .. })
            ),
            "{text}"
        );
    }
}

/// What both readers make of a text. The quick one may pass; where it answers, it answers as the general
/// one does.
fn assert_readers_agree(text: &str) -> Option<Event> {
    let parser = parser();
    let quick = venue_layout::read(&parser.instruments, text, received());
    if let Some(event) = &quick {
        let general = parser.parse_any_layout(text, received());
        assert_eq!(general, Ok(Frame::Event(event.clone())), "{text}");
    }
    quick
}

#[test]
fn frames_in_the_venues_layout_need_no_general_reader() {
    for text in [TICKER, TRADE, DIFF] {
        assert!(assert_readers_agree(text).is_some(), "{text}");
    }
}

#[test]
fn what_is_not_quite_the_venues_layout_is_left_to_the_general_reader() {
    for (frame, from, to) in [
        (TICKER, "{\"u\":", "{ \"u\":"),
        (TICKER, "400900217", "0400900217"),
        (TICKER, "400900217", "18446744073709551616"),
        (TICKER, "BTCUSDT", "ETHUSDT"),
        (TICKER, "3.78826000", "-3.78826000"),
        (TICKER, "3.78826000", "3.788260001"),
        (TICKER, "3.78826000", "92233720368.54775808"),
        (TICKER, "3.78826000", ".78826000"),
        (TICKER, "3.78826000", "3."),
        (TICKER, "3.78826000", "1e5"),
        (TICKER, "}}", "}} "),
        (TICKER, "}}", "}"),
        (TICKER, "btcusdt", "xrpusdt"),
        (TRADE, "\"m\":true", "\"m\":1"),
        (TRADE, "\"q\":", "\"b\":88,\"q\":"),
        (DIFF, "\"U\":157", "\"U\":161"),
        (DIFF, "0.00240000", "0.00000000"),
        (DIFF, "@100ms", ""),
    ] {
        let text = frame.replacen(from, to, 1);
        assert_ne!(text, frame);
        assert_eq!(assert_readers_agree(&text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        let _ = parser().parse(&text, received());
        let _ = parser().parse_recorded(&text, received());
    }

    #[test]
    fn no_damage_to_a_frame_makes_the_parser_panic(
        frame in prop::sample::select(vec![TICKER, TRADE, DIFF]),
        position in any::<prop::sample::Index>(),
        replacement in "\\PC{0,3}",
        removed in 0_usize..12,
    ) {
        let start = position.index(frame.len());
        let end = (start + removed).min(frame.len());
        let damaged = format!("{}{replacement}{}", &frame[..start], &frame[end..]);
        let _ = parser().parse(&damaged, received());
        assert_readers_agree(&damaged);
    }

    #[test]
    fn both_readers_agree_on_every_number(
        frame in prop::sample::select(vec![TICKER, TRADE, DIFF]),
        number in "[0-9]{1,21}(\\.[0-9]{0,10})?",
        place in 0_usize..4,
    ) {
        let found = ["400900217", "61837.63000000", "0.00100000", "0.00260000"][place];
        assert_readers_agree(&frame.replace(found, &number));
    }

    #[test]
    fn what_is_written_to_the_wire_reads_back_the_same(
        first in 1..u64::MAX / 2,
        span in 0_u64..1000,
        milliseconds in 0..4_000_000_000_000_i64,
        levels in prop::collection::vec((1..i64::MAX, 0..i64::MAX), 0..20),
    ) {
        let levels: Vec<Level> = levels
            .into_iter()
            .map(|(price, quantity)| Level {
                price: Price::from_units(price),
                quantity: Quantity::from_units(quantity),
            })
            .collect();
        let sent = Event {
            instrument: InstrumentId(1),
            ts_event: Some(Timestamp::from_milliseconds(milliseconds)),
            ts_recv: received(),
            kind: EventKind::DepthDiff(DepthDiff {
                first_update_id: first,
                final_update_id: first + span,
                levels: Levels { bids: levels.clone(), asks: levels },
            }),
        };
        let text = wire::combined(&sent, &"ETHUSDT".parse().unwrap()).unwrap();
        prop_assert_eq!(parser().parse(&text, received()), Ok(Frame::Event(sent)));
    }
}
