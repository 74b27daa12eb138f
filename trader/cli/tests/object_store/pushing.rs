//! What is pushed is what is pulled, and nothing is sent twice.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use crate::faults::{FAULTS, Fault, Line};
use crate::process::until;
use crate::server::Server;
use crate::{Desk, PLACE, rows};

#[test]
fn what_is_pulled_is_what_was_pushed_and_nothing_is_sent_twice() {
    let server = Server::start();
    let desk = Desk::of(&server);
    let (one, other) = (desk.dataset("one", 1), desk.dataset("other", 2));
    let pushed = desk.push(&one);
    assert_eq!(pushed["complete"], true);
    assert!(pushed["filesSent"].as_u64().unwrap() > 0);
    let again = desk.push(&one);
    assert_eq!(
        (&again["filesSent"], &again["manifestsWritten"]),
        (&0.into(), &0.into())
    );
    desk.push(&other);
    desk.run(&["verify", PLACE]).well();
    let pulled = desk.pull("pulled");
    let mut expected = rows(&one);
    expected.extend(rows(&other));
    expected.sort_unstable();
    assert!(expected.len() > 100);
    assert_eq!(rows(&pulled), expected);
    let again = desk
        .run(&["pull", PLACE, &desk.text("pulled"), "-o", "json"])
        .well()
        .json();
    assert_eq!(again["filesFetched"], 0);
}

#[test]
fn faults_on_the_way_cost_time_and_nothing_else() {
    let server = Server::start();
    let line = Line::to(server.address, 2);
    let desk = Desk::over(&line, &server);
    let mut expected = Vec::new();
    let seen = |fault| {
        line.happened()
            .iter()
            .filter(|&&seen| seen == fault)
            .count()
    };
    for seed in 1..=20 {
        let dataset = desk.dataset(&format!("dataset-{seed}"), seed);
        let report = desk.push(&dataset);
        assert!(report["triesInVain"].as_u64().unwrap() > 0, "{report}");
        expected.extend(rows(&dataset));
        expected.sort_unstable();
        // A fresh folder: every file is fetched.
        assert_eq!(rows(&desk.pull(&format!("pulled-{seed}"))), expected);
        if FAULTS.iter().all(|&fault| seen(fault) > 0) {
            break;
        }
    }
    for fault in FAULTS {
        assert!(seen(fault) > 0, "{fault:?} did not happen");
    }
    Desk::of(&server).run(&["verify", PLACE]).well();
    // Only a lost answer makes a file go twice: nobody can know that it had arrived.
    let mut written = line.written();
    written.retain(|name| name.ends_with(".parquet"));
    let files: BTreeSet<&String> = written.iter().collect();
    assert!(written.len() - files.len() <= seen(Fault::CutAnswer));
}

#[test]
fn a_push_that_follows_waits_for_a_store_that_is_away_and_ends_when_it_is_told_to() {
    let mut server = Server::not_started();
    let desk = Desk::of(&server);
    let dataset = desk.dataset("dataset", 4);
    let said = desk.path("said");
    let mut child = Command::new(env!("CARGO_BIN_EXE_trader"))
        .args(["dataset", "push"])
        .arg(&dataset)
        .args([PLACE, "--follow", "--every", "1", "-o", "json"])
        .args(desk.options())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    until("a word on the store that is away", || {
        let said = std::fs::read_to_string(&said).unwrap();
        said.contains("the store is away").then_some(())
    });
    server.run();
    until("a manifest in the store", || {
        server
            .object("abh/manifest")
            .read_dir()
            .ok()?
            .next()
            .map(drop)
    });
    // A second run's files, published later, are pushed too.
    let more = desk.dataset("dataset", 5);
    let manifests = || server.object("abh/manifest").read_dir().unwrap().count();
    until("the second run's manifest", || {
        (manifests() == 2).then_some(())
    });
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    let status = until("its end", || child.try_wait().unwrap());
    let said = std::fs::read_to_string(&said).unwrap();
    assert!(status.success() && said.contains("answers again"), "{said}");
    assert_eq!(rows(&desk.pull("pulled")), rows(&more));
}
