use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;

fn definition() -> Definition {
    Definition {
        name: "standard".parse().unwrap(),
        fee_basis_points: "10".parse().unwrap(),
        barrier_basis_points: "100".parse().unwrap(),
        barrier_seconds: 60,
    }
}

fn subject(side: Side, decided_at: i64, entry: i64) -> Subject {
    Subject {
        candidate_id: "c".to_owned(),
        run_id: "r".to_owned(),
        side,
        decided_at,
        entry: price(entry),
        target: None,
        stop: None,
    }
}

fn price(whole: i64) -> Price {
    Price::from_units(whole * 100_000_000)
}

/// Seconds, bid and ask; a bid of 0 stands for unknown prices.
fn path(source: Source, quotes: &[(i64, i64, i64)]) -> QuotePath {
    let mut path = QuotePath::new(source);
    for &(second, bid, ask) in quotes {
        let quote = (bid > 0).then(|| (price(bid), price(ask)));
        path.observe(second * SECOND, quote);
    }
    path
}

/// A quote every ten seconds, so that nothing is silent, and the last of them again at the end.
fn steady(quotes: &[(i64, i64, i64)], end: i64) -> QuotePath {
    let mut all = quotes.to_vec();
    for second in (0..=end).step_by(10) {
        let before = quotes.iter().rev().find(|quote| quote.0 <= second);
        if let Some(&(_, bid, ask)) = before {
            all.push((second, bid, ask));
        }
    }
    all.sort_by_key(|quote| quote.0);
    path(Source::Recording, &all)
}

#[test]
fn a_position_is_closed_at_the_other_side_as_of_the_last_event() {
    let market = steady(&[(0, 1000, 1001), (60, 1005, 1006), (61, 1, 2)], 70);
    for (side, exit) in [(Side::Buy, 1005), (Side::Sell, 1006)] {
        let found = label(&definition(), &subject(side, 0, 1001), Some(&market));
        assert_eq!(found.returns[0].map(|exit| exit.price), Ok(price(exit)));
    }
}

#[test]
fn the_first_barrier_that_is_met_ends_the_trade() {
    for (side, entry, then, barrier, exit) in [
        (Side::Buy, 1000, (5, 1010, 1011), Barrier::Target, 1010),
        (Side::Buy, 1000, (5, 1009, 1010), Barrier::Horizon, 1009),
        (Side::Buy, 1000, (5, 990, 991), Barrier::Stop, 990),
        (Side::Buy, 1000, (5, 900, 901), Barrier::Stop, 900),
        (Side::Sell, 1000, (5, 989, 990), Barrier::Target, 990),
        (Side::Sell, 1000, (5, 1009, 1010), Barrier::Stop, 1010),
        (Side::Sell, 1000, (5, 1001, 1002), Barrier::Horizon, 1002),
    ] {
        let later = (6, 2000 - then.1, 2001 - then.1);
        let quotes = if barrier == Barrier::Horizon {
            vec![(0, 999, 1000), then]
        } else {
            vec![(0, 999, 1000), then, later]
        };
        let found = label(
            &definition(),
            &subject(side, 0, entry),
            Some(&steady(&quotes, 70)),
        );
        let outcome = found.barrier.expect("known");
        assert_eq!(
            (outcome.barrier, outcome.exit.price),
            (barrier, price(exit))
        );
        let at = if barrier == Barrier::Horizon { 60 } else { 5 };
        assert_eq!(outcome.at, at * SECOND);
    }
}

#[test]
fn the_candidates_own_stop_and_target_are_the_barriers() {
    let mut subject = subject(Side::Buy, 0, 1000);
    (subject.target, subject.stop) = (Some(price(1002)), Some(price(900)));
    let market = steady(&[(0, 999, 1000), (1, 950, 951), (2, 1002, 1003)], 70);
    let outcome = label(&definition(), &subject, Some(&market))
        .barrier
        .unwrap();
    assert_eq!((outcome.barrier, outcome.at), (Barrier::Target, 2 * SECOND));
}

#[test]
fn an_empty_label_says_why() {
    let quotes: Vec<_> = (0..=50).map(|second| (second, 1000, 1001)).collect();
    let market = path(Source::Recording, &quotes);
    let silent = path(Source::Recording, &[(0, 1000, 1001), (90, 1000, 1001)]);
    let unknown = path(
        Source::Recording,
        &[(0, 1000, 1001), (50, 0, 0), (61, 1000, 1001)],
    );
    let rows = path(
        Source::Dataset,
        &(0..=70)
            .map(|second| (second, 1000, 1001))
            .collect::<Vec<_>>(),
    );
    let of = |at: i64, path| label(&definition(), &subject(Side::Buy, at * SECOND, 1000), path);
    for (name, found, one_minute, whole_path) in [
        (
            "none",
            of(0, None),
            Missing::NotRecorded,
            Missing::NotRecorded,
        ),
        (
            "earlier",
            of(-90, Some(&market)),
            Missing::NotRecorded,
            Missing::NotRecorded,
        ),
        (
            "ends",
            of(10, Some(&market)),
            Missing::RecordingEnds,
            Missing::RecordingEnds,
        ),
        ("silent", of(0, Some(&silent)), Missing::Gap, Missing::Gap),
        ("no book", of(0, Some(&unknown)), Missing::Gap, Missing::Gap),
        (
            "rows",
            of(0, Some(&rows)),
            Missing::PathUnknown,
            Missing::PathUnknown,
        ),
    ] {
        match found.returns[0] {
            Ok(_) => assert_eq!(name, "rows", "what rows can tell they tell"),
            Err(missing) => assert_eq!(missing, one_minute, "{name}"),
        }
        assert_eq!(found.barrier.err(), Some(whole_path), "{name}");
        assert_eq!(found.excursion.err(), Some(whole_path), "{name}");
    }
}

#[test]
fn a_barrier_that_was_met_before_the_market_data_end_counts() {
    let market = path(Source::Recording, &[(0, 1000, 1001), (5, 1020, 1021)]);
    let found = label(&definition(), &subject(Side::Buy, 0, 1000), Some(&market));
    assert_eq!(found.barrier.unwrap().barrier, Barrier::Target);
    assert_eq!(found.excursion.err(), Some(Missing::RecordingEnds));
}

#[test]
fn a_later_run_completes_and_takes_nothing_back() {
    let short = steady(&[(0, 1000, 1001)], 100);
    let long = steady(&[(0, 1000, 1001), (200, 1003, 1004)], 400);
    let rows = path(
        Source::Dataset,
        &(0..=400)
            .map(|second| (second, 1000, 1001))
            .collect::<Vec<_>>(),
    );
    let of = |path| label(&definition(), &subject(Side::Buy, 0, 1000), Some(path));
    let (first, second, from_rows) = (of(&short), of(&long), of(&rows));
    assert_eq!((first.known(), second.known()), (3, 4));
    assert_eq!(first.clone().completed_with(second.clone()), second);
    assert_eq!(second.clone().completed_with(first.clone()), second);
    assert_eq!(second.clone().completed_with(from_rows.clone()), second);
    assert_eq!(from_rows.completed_with(second.clone()), second);
    assert!(!second.is_complete(), "a day has not passed");
}

/// The same by looking at every quote in turn.
fn by_looking_at_all(
    quotes: &[(i64, i64, i64)],
    side: Side,
    from: i64,
    until: i64,
) -> Option<Vec<(i64, i64)>> {
    let exit = |&(at, bid, ask): &(i64, i64, i64)| {
        let exit = if side == Side::Buy { bid } else { ask };
        (at.max(from), exit)
    };
    let before = quotes.iter().rev().find(|quote| quote.0 <= from)?;
    let within = quotes
        .iter()
        .filter(|quote| from < quote.0 && quote.0 <= until);
    Some(std::iter::once(before).chain(within).map(exit).collect())
}

proptest! {
    #[test]
    fn labels_are_what_looking_at_every_quote_gives(
        steps in prop::collection::vec((0_i64..3, -3_i64..=3), 600..1_500),
        from in 0_i64..900,
        sells in any::<bool>(),
        barriers in 1_i64..40,
        window in 1_u32..800,
    ) {
        let side = if sells { Side::Sell } else { Side::Buy };
        let (mut at, mut bid) = (0, 10_000);
        let mut quotes = Vec::new();
        for (wait, change) in steps {
            at += wait;
            bid += change;
            quotes.push((at, bid, bid + 1));
        }
        let market = path(Source::Recording, &quotes);
        let definition = Definition { barrier_seconds: window, ..definition() };
        let mut subject = subject(side, from * SECOND, 10_000);
        let (up, down) = (price(10_000 + barriers), price(10_000 - barriers));
        (subject.target, subject.stop) = if sells { (Some(down), Some(up)) } else { (Some(up), Some(down)) };
        let found = label(&definition, &subject, Some(&market));

        let until = from + i64::from(window);
        let whole = until <= at;
        let path = by_looking_at_all(&quotes, side, from, until).filter(|_| from <= at);
        let Some(path) = path else {
            prop_assert!(found.excursion.is_err());
            return Ok(());
        };
        let met = path.iter().find(|(_, exit)| (exit - 10_000).abs() >= barriers);
        match (met, found.barrier) {
            (Some(&(at, exit)), Ok(outcome)) => {
                prop_assert_eq!((outcome.at, outcome.exit.price), (at * SECOND, price(exit)));
            }
            (None, Ok(outcome)) => prop_assert!(whole && outcome.barrier == Barrier::Horizon),
            (met, Err(reason)) => {
                prop_assert!(met.is_none() && !whole, "{reason:?}");
            }
        }
        prop_assert_eq!(found.excursion.is_ok(), whole);
        if let Ok(excursion) = found.excursion {
            let exits = || path.iter().map(|(_, exit)| *exit);
            let (low, high) = (exits().min().unwrap(), exits().max().unwrap());
            let wanted = if sells { (low, high) } else { (high, low) };
            prop_assert_eq!((excursion.best.price, excursion.worst.price), (price(wanted.0), price(wanted.1)));
        }
    }
}
