//! What halts: somebody else on the account, a journal that is not the newest, a venue that forgets; and what is
//! not sent, or not so often.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use triptych_account::OrderKey;
use triptych_engine::decimal::{Notional, Price, Quantity};
use triptych_engine::event::{Liquidity, Side, Timestamp};
use triptych_engine::portfolio::CloseReason;
use triptych_orders::client_order_id::{Epoch, Owner, client_order_id};
use triptych_orders::exchange::{Answer, Answered, Question, Request};
use triptych_orders::finding::Finding;
use triptych_orders::journal::{Journal, JournalFile, Recovered};
use triptych_orders::own_orders::Stage;
use triptych_orders::path::{Draft, Holder, Intended, OrderPath, Patience, Withheld};
use triptych_venue::{
    ClientOrderId, NotSent, OrderKind, OrderReport, OrderStatus, Refusal, Sent, Unclear,
    VenueOrderId, VenueTrade, VenueTradeId,
};

struct NoDisk;

impl JournalFile for NoDisk {
    fn append(&mut self, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn cut(&mut self, _: u64) -> std::io::Result<()> {
        Ok(())
    }
}

const SECOND: i64 = 1_000;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

fn symbol() -> Arc<str> {
    "BTCUSDT".into()
}

fn owner() -> Owner {
    Owner::new("cluster", "instance")
}

fn begin(
    journal: Journal<NoDisk>,
    recovered: &Recovered,
    epoch: u64,
) -> (OrderPath<NoDisk>, Option<Finding>) {
    let holder = Holder {
        owner: owner(),
        epoch: Epoch::new(epoch).unwrap(),
        run: "run".into(),
    };
    let patience = Patience {
        receive_window: Duration::from_secs(1),
        clock_bound: Duration::from_millis(100),
        venue_lag: Duration::from_millis(500),
        compare_every: Duration::from_millis(100),
        ask_every: Duration::from_millis(100),
    };
    OrderPath::begin(journal, recovered, holder, patience, &[symbol()], at(0)).unwrap()
}

/// A path on an empty journal, nothing compared yet.
fn fresh() -> OrderPath<NoDisk> {
    let (journal, recovered) = Journal::resume(NoDisk, &[]).unwrap();
    let (path, finding) = begin(journal, &recovered, 1);
    assert_eq!(finding, None);
    path
}

fn answer(
    path: &mut OrderPath<NoDisk>,
    question: Question,
    answer: Answer,
    now: Timestamp,
) -> Vec<Finding> {
    let answered = Answered {
        question: Some(question),
        asked: now,
        answer,
    };
    path.learn(answered, now).unwrap()
}

fn open_orders() -> Question {
    Question::OpenOrders { symbol: symbol() }
}

fn trades() -> Question {
    Question::Trades { symbol: symbol() }
}

/// A path that has compared journal and venue, and found both empty.
fn reconciled() -> OrderPath<NoDisk> {
    let mut path = fresh();
    let newest = Question::NewestTrade { symbol: symbol() };
    for (question, told) in [
        (newest, Answer::NewestTrade(Ok(None))),
        (open_orders(), Answer::OpenOrders(Ok(Vec::new()))),
        (trades(), Answer::Trades(Ok(Vec::new()))),
    ] {
        assert!(!path.is_reconciled());
        assert_eq!(answer(&mut path, question, told, at(1)), []);
    }
    assert!(path.is_reconciled());
    path
}

fn key(candidate: u128) -> OrderKey {
    OrderKey {
        candidate: format!("{:032x}", candidate << 64).parse().unwrap(),
        purpose: CloseReason::Signal,
        part: 0,
    }
}

fn draft(candidate: u128, decided: Timestamp) -> Draft {
    Draft {
        key: key(candidate),
        strategy: "test".into(),
        symbol: symbol(),
        side: Side::Buy,
        kind: OrderKind::Market,
        quantity: "0.5".parse().unwrap(),
        touch: "100".parse().unwrap(),
        stop: None,
        target: None,
        reduces: false,
        live_ratio: None,
        decided,
    }
}

fn report(client_order_id: &str, status: OrderStatus, filled: &str) -> OrderReport {
    OrderReport {
        client_order_id: client_order_id.into(),
        venue_order_id: VenueOrderId("77".into()),
        symbol: symbol(),
        side: Side::Buy,
        quantity: "0.5".parse().unwrap(),
        filled: filled.parse().unwrap(),
        filled_value: Notional::ZERO,
        status,
        updated: None,
    }
}

fn trade(number: u32, order: &str, quantity: &str) -> VenueTrade {
    VenueTrade {
        trade_id: VenueTradeId(number.to_string().into()),
        venue_order_id: VenueOrderId(order.into()),
        symbol: symbol(),
        side: Side::Buy,
        price: Price::from_units(1),
        quantity: quantity.parse().unwrap(),
        fee: Notional::ZERO,
        fee_asset: "USDT".into(),
        liquidity: Liquidity::Taker,
        at: at(5),
    }
}

fn name(candidate: u128, epoch: u64) -> String {
    let epoch = Epoch::new(epoch).unwrap();
    client_order_id(&owner(), epoch, key(candidate)).to_string()
}

/// Sends one order of 0.5, which the venue takes and leaves waiting.
fn with_a_waiting_order() -> OrderPath<NoDisk> {
    let mut path = reconciled();
    let Intended { requests, withheld } = path.intend(vec![draft(1, at(10))], at(10)).unwrap();
    assert!(withheld.is_empty());
    let [Request::Place { order, .. }] = &requests[..] else {
        panic!("{requests:?}");
    };
    let answered = Answered {
        question: None,
        asked: at(10),
        answer: Answer::Placed(
            order.client_order_id.clone(),
            Sent::Accepted(report(
                order.client_order_id.as_str(),
                OrderStatus::Working,
                "0",
            )),
        ),
    };
    assert_eq!(path.learn(answered, at(12)).unwrap(), []);
    path
}

#[test]
fn nothing_is_sent_before_journal_and_venue_were_compared() {
    let Intended { requests, withheld } = fresh().intend(vec![draft(1, at(1))], at(1)).unwrap();
    assert!(requests.is_empty());
    assert_eq!(withheld, [(draft(1, at(1)), Withheld::NotReconciled)]);
}

#[test]
fn what_must_not_be_sent_is_withheld_with_its_reason() {
    let mut path = with_a_waiting_order();
    let other = Draft {
        symbol: "ETHUSDT".into(),
        ..draft(2, at(20))
    };
    let drafts = vec![draft(1, at(20)), draft(3, at(20 - SECOND)), other];
    let Intended { requests, withheld } = path.intend(drafts, at(20)).unwrap();
    assert!(requests.is_empty());
    let reasons: Vec<_> = withheld.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(
        reasons,
        [Withheld::Repeated, Withheld::Late, Withheld::UnknownSymbol]
    );
}

#[test]
fn while_an_order_is_in_doubt_only_what_closes_is_sent() {
    let mut path = reconciled();
    let Intended { requests, .. } = path.intend(vec![draft(1, at(10))], at(10)).unwrap();
    let Request::Place { order, .. } = &requests[0] else {
        panic!()
    };
    let lost = Sent::Unknown(Unclear::TimedOut(Duration::from_secs(1)));
    let answered = Answered {
        question: None,
        asked: at(10),
        answer: Answer::Placed(order.client_order_id.clone(), lost),
    };
    path.learn(answered, at(20)).unwrap();
    let stop = Draft {
        key: OrderKey {
            purpose: CloseReason::Stop,
            ..key(1)
        },
        reduces: true,
        ..draft(1, at(20))
    };
    let Intended { requests, withheld } =
        path.intend(vec![draft(2, at(20)), stop], at(20)).unwrap();
    assert_eq!(withheld, [(draft(2, at(20)), Withheld::InDoubt)]);
    assert_eq!(requests.len(), 1);
}

#[test]
fn an_order_on_the_account_that_is_not_ours_is_a_foreign_writer() {
    let stranger = Owner::new("another-cluster", "instance");
    let theirs = client_order_id(&stranger, Epoch::new(1).unwrap(), key(1));
    for foreign in ["web_123", "", theirs.as_str()] {
        let mut path = reconciled();
        let listed = Answer::OpenOrders(Ok(vec![report(foreign, OrderStatus::Working, "0")]));
        let findings = answer(&mut path, open_orders(), listed, at(30));
        assert!(
            matches!(&findings[..], [Finding::ForeignOrder { .. }]),
            "{findings:?}"
        );
        assert!(findings[0].to_string().contains("ForeignWriter"));
    }
}

#[test]
fn a_fill_that_is_not_ours_is_a_foreign_writer_and_is_told_once() {
    let mut path = with_a_waiting_order();
    let told = Answer::Trades(Ok(vec![trade(1, "5", "0.1"), trade(2, "77", "0.2")]));
    let findings = answer(&mut path, trades(), told, at(30));
    assert!(
        matches!(&findings[..], [Finding::ForeignTrade { .. }]),
        "{findings:?}"
    );
    assert_eq!(
        path.own().newest_trade("BTCUSDT"),
        Some(&VenueTradeId("1".into()))
    );
    let told = Answer::Trades(Ok(vec![trade(2, "77", "0.2")]));
    assert_eq!(answer(&mut path, trades(), told, at(40)), []);
    assert_eq!(
        path.own().net("BTCUSDT"),
        "0.2".parse::<Quantity>().unwrap()
    );
}

#[test]
fn a_fill_from_before_its_beginning_is_older_than_the_journal_and_one_from_after_is_missing_in_it()
{
    for (traded, is_told) in [(-5, false), (100, false), (101, true)] {
        let mut path = fresh();
        let newest = VenueTrade {
            at: at(traded),
            ..trade(1, "5", "0.1")
        };
        let question = Question::NewestTrade { symbol: symbol() };
        let findings = answer(
            &mut path,
            question,
            Answer::NewestTrade(Ok(Some(newest))),
            at(200),
        );
        assert_eq!(
            matches!(&findings[..], [Finding::ForeignTrade { .. }]),
            is_told,
            "{findings:?}"
        );
    }
}

#[test]
fn an_own_name_that_is_not_in_the_journal_says_that_the_journal_is_old() {
    let mut path = reconciled();
    let listed = Answer::OpenOrders(Ok(vec![report(&name(9, 1), OrderStatus::Working, "0")]));
    let findings = answer(&mut path, open_orders(), listed, at(30));
    assert!(
        matches!(&findings[..], [Finding::NotInJournal { .. }]),
        "{findings:?}"
    );
}

#[test]
fn an_order_that_the_venue_forgot_is_told_and_not_before_its_answers_can_show_it() {
    let order = Question::Order {
        symbol: symbol(),
        order: triptych_venue::ClientOrderId::new(&name(1, 1)).unwrap(),
    };
    let mut path = with_a_waiting_order();
    assert_eq!(
        answer(&mut path, order.clone(), Answer::Order(Ok(None)), at(400)),
        []
    );
    let findings = answer(&mut path, order, Answer::Order(Ok(None)), at(600));
    assert!(
        matches!(&findings[..], [Finding::Forgotten { .. }]),
        "{findings:?}"
    );
}

/// The cancellations among what is due.
fn cancellations(path: &mut OrderPath<NoDisk>, now: Timestamp) -> usize {
    let due = path.due(now);
    due.iter()
        .filter(|request| matches!(request, Request::Cancel { .. }))
        .count()
}

#[test]
fn a_cancellation_in_vain_is_tried_again_after_a_pause_that_doubles_or_that_the_venue_asks_for() {
    let refused = Sent::Refused(Refusal {
        code: -2011,
        message: "Unknown order sent.".into(),
    });
    let no_connection = Sent::NotSent(NotSent::NoConnection("refused".into()));
    let throttled = Sent::NotSent(NotSent::Throttled {
        retry_after: Duration::from_secs(30),
    });
    let unclear = Sent::Unknown(Unclear::TimedOut(Duration::from_secs(1)));
    for (sent, first, second) in [
        (refused, 100, 200),
        (no_connection, 100, 200),
        (unclear, 100, 200),
        (throttled, 30 * SECOND, 30 * SECOND),
    ] {
        let mut path = with_a_waiting_order();
        let order = ClientOrderId::new(&name(1, 1)).unwrap();
        path.intend_cancel(&order, "test", at(20)).unwrap();
        let mut now = 20;
        for pause in [first, second] {
            assert_eq!(cancellations(&mut path, at(now)), 1, "{sent:?}");
            assert_eq!(cancellations(&mut path, at(now)), 0, "it is under way");
            let answered = Answered {
                question: None,
                asked: at(now),
                answer: Answer::Cancelled(order.clone(), sent.clone()),
            };
            assert_eq!(path.learn(answered, at(now)).unwrap(), []);
            assert_eq!(cancellations(&mut path, at(now + pause - 1)), 0, "{sent:?}");
            assert!(path.next_due().is_some_and(|due| due <= at(now + pause)));
            now += pause;
        }
        assert_eq!(cancellations(&mut path, at(now)), 1, "{sent:?}");
    }
}

#[test]
fn more_filled_than_ordered_contradicts_the_journal_and_is_not_booked() {
    let mut path = with_a_waiting_order();
    let told = Answer::Trades(Ok(vec![trade(1, "77", "0.6")]));
    let findings = answer(&mut path, trades(), told, at(30));
    assert!(
        matches!(&findings[..], [Finding::Contradiction(_)]),
        "{findings:?}"
    );
    assert!(path.own().net("BTCUSDT").is_zero());
}

#[test]
fn an_order_that_never_arrived_is_certain_only_after_the_venue_can_take_it_no_more() {
    let mut path = reconciled();
    let Intended { requests, .. } = path.intend(vec![draft(1, at(0))], at(10)).unwrap();
    let Request::Place { order, .. } = &requests[0] else {
        panic!()
    };
    let name = order.client_order_id.clone();
    let lost = Sent::Unknown(Unclear::CutOff("cut".to_owned()));
    let answered = Answered {
        question: None,
        asked: at(10),
        answer: Answer::Placed(name.clone(), lost),
    };
    path.learn(answered, at(20)).unwrap();
    let question = Question::Order {
        symbol: symbol(),
        order: name.clone(),
    };
    // Decided at 0: taken until 1,000 by the venue's clock, which may be 100 behind, and shown 500 later.
    for (asked, stage) in [
        (1_599, Stage::InDoubt),
        (1_600, Stage::InDoubt),
        (1_601, Stage::NotPlaced),
    ] {
        answer(
            &mut path,
            question.clone(),
            Answer::Order(Ok(None)),
            at(asked),
        );
        assert_eq!(
            path.own().get(name.as_str()).unwrap().stage,
            stage,
            "asked at {asked}"
        );
    }
}

#[test]
fn an_order_that_appears_after_it_was_certain_that_it_never_would_contradicts_the_journal() {
    let mut path = reconciled();
    let Intended { requests, .. } = path.intend(vec![draft(1, at(0))], at(10)).unwrap();
    let Request::Place { order, .. } = &requests[0] else {
        panic!()
    };
    let refused = Sent::Refused(triptych_venue::Refusal {
        code: -2010,
        message: "no".to_owned(),
    });
    let answered = Answered {
        question: None,
        asked: at(10),
        answer: Answer::Placed(order.client_order_id.clone(), refused),
    };
    path.learn(answered, at(20)).unwrap();
    let listed = report(order.client_order_id.as_str(), OrderStatus::Working, "0");
    let findings = answer(
        &mut path,
        open_orders(),
        Answer::OpenOrders(Ok(vec![listed])),
        at(30),
    );
    assert!(
        matches!(&findings[..], [Finding::Contradiction(_)]),
        "{findings:?}"
    );
}

#[test]
fn an_empty_journal_of_an_account_that_was_held_before_is_told() {
    for (epoch, is_told) in [(1, false), (2, true)] {
        let (journal, recovered) = Journal::resume(NoDisk, &[]).unwrap();
        let (_, finding) = begin(journal, &recovered, epoch);
        assert_eq!(
            finding == Some(Finding::JournalGone { before: 1 }),
            is_told,
            "{finding:?}"
        );
    }
}
