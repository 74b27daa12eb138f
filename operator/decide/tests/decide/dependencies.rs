//! What the decisions may know: no client, no asynchronous runtime, no clock.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// Crates that would bring a client, a runtime or a clock within reach.
const OUT_OF_REACH: [&str; 9] = [
    "tokio",
    "hyper",
    "kube-client",
    "kube-runtime",
    "reqwest",
    "tower",
    "futures-executor",
    "async-std",
    "chrono",
];

/// Ways to a clock, to chance, or to the world outside.
const NOT_PURE: [&str; 8] = [
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
];

fn tree(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
        ])
        .args(["--format", "{p}", "--package", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_client_runtime_or_clock_is_within_reach_of_a_decision() {
    let reached = tree("triptych-decide");
    assert!(
        reached.contains("triptych-crds"),
        "the tree is the right one: {reached:?}"
    );
    let found: Vec<_> = OUT_OF_REACH
        .iter()
        .filter(|name| reached.contains(**name))
        .collect();
    assert!(found.is_empty(), "triptych-decide reaches {found:?}");
}

#[test]
fn the_same_search_finds_a_client_where_there_is_one() {
    let reached = tree("triptych-operator");
    assert!(
        reached.contains("kube-client") && reached.contains("tokio"),
        "{reached:?}"
    );
}

#[test]
fn no_source_of_a_decision_reads_a_clock_or_the_world_outside() {
    let mut files = 0;
    each_source(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut |path, text| {
            files += 1;
            for word in NOT_PURE {
                assert!(!text.contains(word), "{}: {word}", path.display());
            }
            let lines = text.lines().count();
            assert!(lines <= 400, "{}: {lines} lines", path.display());
        },
    );
    assert!(files > 15, "{files} files were read");
}

fn each_source(folder: &Path, check: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            each_source(&path, check);
        } else {
            check(
                &path,
                &fs::read_to_string(&path).expect("the file can be read"),
            );
        }
    }
}
