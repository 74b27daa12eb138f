//! Whatever the venue answers and whenever the trader is killed: no order is sent twice, none is forgotten, and in the
//! end journal and venue are equal.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use support::desk::{Desk, Life};
use support::exchange::net;
use support::symbol;
use triptych_orders::journal;
use triptych_orders::own_orders::Stage;

/// Lives of a trader of so many steps each; every one but the last ends with a kill.
fn live(desk: &mut Desk, kills: u32, steps: u32) {
    for life in 0..=kills {
        if desk.start() == Life::Killed {
            continue;
        }
        if life < kills {
            let fatal = desk.random.u32(0..40);
            desk.disk.kill_at(Some(fatal));
        } else {
            desk.disk.kill_at(None);
        }
        for _ in 0..steps {
            if desk.step(true) == Life::Killed {
                break;
            }
        }
        if life < kills && desk.path.is_some() {
            desk.kill();
        }
    }
}

fn expect_journal_and_venue_to_be_equal(desk: &Desk) {
    assert_eq!(desk.findings, [], "nobody else trades here");
    let own = desk.path.as_ref().unwrap().own();
    for (name, order) in &desk.exchange.orders {
        assert_eq!(order.arrivals, 1, "{name} reached the venue more than once");
        let ours = own
            .get(name)
            .unwrap_or_else(|| panic!("{name} is forgotten"));
        assert_eq!(
            ours.stage,
            Stage::Ended {
                status: order.status,
                filled: order.filled
            },
            "{name}"
        );
        assert_eq!(ours.booked, order.filled, "{name}");
        assert_eq!(ours.venue_order_id.as_ref(), Some(&order.name));
    }
    for ours in own.all() {
        let name = ours.intent.client_order_id.as_str();
        let is_there = desk.exchange.orders.contains_key(name);
        assert_eq!(ours.stage == Stage::NotPlaced, !is_there, "{name}");
    }
    let mut by_candidate = BTreeMap::new();
    for name in desk.exchange.orders.keys() {
        *by_candidate.entry(&name[name.len() - 21..]).or_insert(0) += 1;
    }
    assert!(
        by_candidate.values().all(|&orders| orders == 1),
        "a decision was carried out twice"
    );
    assert_eq!(own.net(&symbol()).units(), net(&desk.exchange.trades));
}

#[test]
fn over_thousands_of_seeded_runs_no_order_is_sent_twice_and_none_is_forgotten() {
    let (mut orders, mut kills, mut fills) = (0, 0, 0);
    for seed in 0..3_000 {
        let outcome = std::panic::catch_unwind(|| {
            let mut desk = Desk::new(seed);
            let kills = desk.random.u32(0..5);
            live(&mut desk, kills, 60);
            desk.come_to_rest();
            expect_journal_and_venue_to_be_equal(&desk);
            (
                desk.exchange.orders.len(),
                desk.kills,
                desk.exchange.trades.len(),
            )
        });
        let counted = outcome.unwrap_or_else(|_| panic!("seed {seed}"));
        orders += counted.0;
        kills += counted.1;
        fills += counted.2;
    }
    println!("3000 runs: {orders} orders at the venue, {fills} fills, {kills} kills");
    assert!(orders > 10_000 && fills > 10_000 && kills > 3_000);
}

#[test]
fn killed_at_every_single_change_of_the_journal_it_comes_to_the_same_truth() {
    let mut kills = 0;
    for seed in 0..20 {
        let mut whole = Desk::new(seed);
        live(&mut whole, 0, 80);
        for change in 0..whole.disk.changes() {
            let mut desk = Desk::new(seed);
            desk.disk.kill_at(Some(change));
            if desk.start() == Life::GoesOn {
                while desk.step(true) == Life::GoesOn && desk.kills == 0 {}
            }
            assert_eq!(desk.kills, 1, "seed {seed}, change {change}");
            live(&mut desk, 0, 20);
            desk.come_to_rest();
            expect_journal_and_venue_to_be_equal(&desk);
            kills += 1;
        }
    }
    println!("killed at each of {kills} changes");
    assert!(kills > 500);
}

#[test]
fn a_disk_that_lies_about_what_is_safe_is_found_out() {
    let (mut damaged, mut strangers) = (0, 0);
    for seed in 0..300 {
        let mut desk = Desk::new(seed);
        desk.disk.lie();
        assert_eq!(desk.start(), Life::GoesOn);
        for _ in 0..60 {
            assert_eq!(desk.step(true), Life::GoesOn);
        }
        desk.kill();
        if let Err(error) = journal::read(&desk.disk.bytes()) {
            assert!(error.to_string().contains("damaged"), "{error}");
            damaged += 1;
            continue;
        }
        assert_eq!(desk.start(), Life::GoesOn);
        for _ in 0..200 {
            desk.step(false);
        }
        let own = desk.path.as_ref().unwrap().own();
        let mut orders = desk.exchange.orders.iter();
        let forgotten =
            orders.any(|(name, order)| own.get(name).is_none() && order.filled.is_positive());
        if forgotten {
            assert!(
                !desk.findings.is_empty(),
                "seed {seed}: an order is forgotten, and nobody knows"
            );
            strangers += 1;
        }
    }
    println!(
        "300 runs: the journal was damaged in {damaged}, and orders were strangers in {strangers}"
    );
    assert!(damaged > 30 && strangers > 30);
}
