//! The picture of which part may know which, in docs/architecture.md, is the truth.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;
use triptych_end_to_end::installation::workspace;

/// Names of boxes in the picture, by package.
const BOXES: [(&str, &str); 23] = [
    ("triptych-operator", "operator"),
    ("triptych-decide", "decide"),
    ("triptych-crds", "crds"),
    ("triptych-trader-observe", "observe"),
    ("triptych-trader-run", "run"),
    ("triptych-trader-runtime", "runtime"),
    ("triptych-trader", "cli"),
    ("triptych-market-data", "marketdata"),
    ("triptych-dataset", "dataset"),
    ("triptych-dataset-store", "datasetstore"),
    ("triptych-engine", "engine"),
    ("triptych-backtest", "backtest"),
    ("triptych-fill-model", "fillmodel"),
    ("triptych-example-custom-strategy", "example"),
    ("triptych-end-to-end", "suite"),
    ("triptych-cluster", "cluster"),
    ("triptych-chart-tests", "charttests"),
    ("triptych-model", "model"),
    ("triptych-account", "account"),
    ("triptych-venue", "venue"),
    ("triptych-orders", "orders"),
    ("triptych-ledger", "ledger"),
    ("triptych-venue-sim", "venuesim"),
];

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn arrows_of_cargo() -> BTreeSet<(String, String)> {
    let boxes: BTreeMap<&str, &str> = BOXES.into();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let mut arrows = BTreeSet::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let from = boxes
            .get(name)
            .unwrap_or_else(|| panic!("{name} has no box in the picture"));
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let known = boxes.get(dependency["name"].as_str().unwrap_or_default());
            if let (Some(to), true) = (known, dependency["kind"].is_null()) {
                arrows.insert(((*from).to_owned(), (*to).to_owned()));
            }
        }
    }
    arrows
}

fn arrows_of_picture() -> BTreeSet<(String, String)> {
    let page = std::fs::read_to_string(workspace().join("docs/architecture.md")).expect("the page");
    let section = page
        .split("### Which part may know which")
        .nth(1)
        .expect("the section");
    let picture = section.split("```").nth(1).expect("the picture");
    let name = |text: &str| {
        text.split(['[', ' '])
            .find(|word| !word.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    picture
        .lines()
        .filter_map(|line| line.split_once("-->"))
        .map(|(from, to)| (name(from.trim()), name(to.trim())))
        .collect()
}

#[test]
fn the_picture_of_the_parts_shows_every_import_and_no_other() {
    let (cargo, picture) = (arrows_of_cargo(), arrows_of_picture());
    let missing: Vec<_> = cargo.difference(&picture).collect();
    let invented: Vec<_> = picture.difference(&cargo).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "not in the picture: {missing:?}; not in the code: {invented:?}"
    );
}

/// Names of all packages that one package links, itself included.
fn reached(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "-e",
            "normal",
            "--prefix",
            "none",
            "-p",
            package,
        ])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("text");
    let names: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect();
    assert!(
        names.contains(package),
        "cargo tree says nothing about {package}"
    );
    names
}

#[test]
fn the_pure_parts_reach_no_client_no_runtime_and_no_socket() {
    let forbidden = [
        "tokio",
        "hyper",
        "kube-client",
        "kube-runtime",
        "reqwest",
        "tungstenite",
        "rustls",
    ];
    for package in ["triptych-decide", "triptych-engine", "triptych-crds"] {
        let names = reached(package);
        for name in forbidden {
            assert!(!names.contains(name), "{package} reaches {name}");
        }
    }
}

#[test]
fn a1_the_observing_trader_reaches_no_kubernetes_client_no_keys_and_no_order_path() {
    let forbidden = [
        // The client of the API server.
        "kube-client",
        "kube-runtime",
        // Keys, halt and intents of W and R; the order path will be behind it.
        "triptych-trader-run",
        // Requests signed with a key.
        "triptych-dataset-store",
        "object_store",
    ];
    let (observing, trading) = (
        reached("triptych-trader-observe"),
        reached("triptych-trader"),
    );
    for name in forbidden {
        assert!(!observing.contains(name), "trader-observe reaches {name}");
    }
    for name in ["kube-client", "triptych-trader-run", "object_store"] {
        assert!(trading.contains(name), "the check would not see {name}");
    }
}
