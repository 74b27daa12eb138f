//! Commands that change a dataset do so in the store: several at once lose nothing of each other.

use std::fs;

use crate::faults::Line;
use crate::process::until;
use crate::server::Server;
use crate::support::trader;
use crate::{Desk, PLACE, rows};

/// Objects under a folder of the dataset.
fn objects(server: &Server, folder: &str) -> usize {
    let folder = server.object(&format!("abh/{folder}"));
    triptych_dataset::recovery::files_under(&folder)
        .unwrap()
        .len()
}

#[test]
fn a_compaction_in_the_store_replaces_files_and_no_row() {
    let server = Server::start();
    let desk = Desk::of(&server);
    let (one, other) = (desk.dataset("one", 1), desk.dataset("other", 2));
    desk.push(&one);
    desk.push(&other);
    let earlier = desk.pull("earlier");
    let expected = rows(&earlier);
    let before = objects(&server, "candidates");
    let compacted = desk.run(&["compact", PLACE, "-o", "json"]).well().json();
    assert!(
        compacted["filesReplaced"].as_u64().unwrap() > 1,
        "{compacted}"
    );
    assert!(objects(&server, "candidates") < before);
    desk.run(&["verify", PLACE]).well();
    // Whoever has the old files, whoever has none, and who pushed them.
    assert_eq!(rows(&desk.pull("earlier")), expected);
    assert_eq!(rows(&desk.pull("fresh")), expected);
    assert_eq!(desk.push(&one)["filesSent"], 0);
    assert_eq!(rows(&desk.pull("fresh")), expected);
    let again = desk.run(&["compact", PLACE, "-o", "json"]).well().json();
    assert_eq!(again["filesReplaced"], 0);
}

#[test]
fn two_who_compact_at_once_both_end_well_and_no_row_is_lost_or_doubled() {
    let server = Server::start();
    let desk = Desk::of(&server);
    let (one, other) = (desk.dataset("one", 1), desk.dataset("other", 2));
    desk.push(&one);
    desk.push(&other);
    let expected = rows(&desk.pull("before"));
    // Each in a cache of its own, and with other bounds, so that their files differ.
    let desks = [Desk::of(&server), Desk::of(&server)];
    std::thread::scope(|scope| {
        for (desk, bound) in desks.iter().zip(["100000", "90000"]) {
            scope.spawn(move || {
                desk.run(&["compact", PLACE, "--rows-at-most", bound])
                    .well()
            });
        }
    });
    desk.run(&["verify", PLACE]).well();
    assert_eq!(rows(&desk.pull("after")), expected);
}

#[test]
fn a_compaction_killed_at_any_moment_leaves_every_row_once() {
    let server = Server::start();
    let (desk, line) = (Desk::of(&server), Line::to(server.address, 0));
    let killed = Desk::over(&line, &server);
    let mut random = fastrand::Rng::new();
    println!("seed {}", random.get_seed());
    let mut expected = Vec::new();
    for seed in 1..5 {
        let dataset = desk.dataset(&format!("dataset-{seed}"), seed);
        desk.push(&dataset);
        expected.extend(rows(&dataset));
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_trader"))
            .args(["dataset", "compact", PLACE, "--cache"])
            .arg(killed.path("cache"))
            .args(killed.options())
            .spawn()
            .unwrap();
        let moment = line.asked() + random.usize(0..20);
        until("a request, or the end", || {
            (line.asked() >= moment || child.try_wait().unwrap().is_some()).then_some(())
        });
        child.kill().unwrap();
        child.wait().unwrap();
        let pulled = desk.pull("pulled");
        expected.sort_unstable();
        assert_eq!(rows(&pulled), expected);
    }
    desk.run(&["compact", PLACE]).well();
    desk.run(&["verify", PLACE]).well();
    assert_eq!(rows(&desk.pull("pulled")), expected);
}

#[test]
fn labels_are_made_in_the_store_and_the_summary_has_them() {
    let server = Server::start();
    let desk = Desk::of(&server);
    let dataset = desk.dataset("dataset", 1);
    desk.push(&dataset);
    let labelled = desk.run(&["label", PLACE, "-o", "json"]).well().json();
    let written = labelled["filesWritten"].as_u64().unwrap();
    assert!(written > 0);
    assert_eq!(objects(&server, "labels") as u64, written);
    let summary = desk.run(&["summary", PLACE, "-o", "json"]).well().json();
    let local = dataset.display().to_string();
    trader(&["dataset", "label", &local]).well();
    let expected = trader(&["dataset", "summary", &local, "-o", "json"])
        .well()
        .json();
    assert_eq!(summary, expected);
    // A second reader with a cache of its own sees them too, and labelling again adds nothing.
    let reader = Desk::of(&server);
    assert_eq!(
        reader.run(&["summary", PLACE, "-o", "json"]).well().json(),
        expected
    );
    let again = reader.run(&["label", PLACE, "-o", "json"]).well().json();
    assert_eq!(again["filesWritten"], 0);
}

#[test]
fn a_directory_and_its_copy_in_the_store_decided_the_same() {
    let server = Server::start();
    let desk = Desk::of(&server);
    let dataset = desk.dataset("dataset", 1);
    desk.push(&dataset);
    let mut words = vec![
        "parity".to_owned(),
        dataset.display().to_string(),
        PLACE.to_owned(),
        "--whole".to_owned(),
    ];
    words.extend(desk.options());
    words.extend(["--cache".to_owned(), desk.text("cache")]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let answer = trader(&words).well();
    assert!(
        answer.stdout.contains("every decision is the same"),
        "{}",
        answer.stdout
    );
    assert!(fs::read_dir(desk.path("cache")).unwrap().count() > 0);
}
