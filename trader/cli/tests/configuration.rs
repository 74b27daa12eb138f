//! `trader hash` and `trader validate`.

mod support;

use support::{REVISION, file, trader, trader_reading};

fn hash_of(manifest: &str) -> String {
    let answer = trader_reading(&["hash", "-"], manifest).well();
    answer
        .stdout
        .split_whitespace()
        .next()
        .expect("a hash")
        .to_owned()
}

#[test]
fn the_hash_is_that_of_the_canonical_form_of_spec() {
    let folder = tempfile::tempdir().unwrap();
    let answer = trader(&["hash", &file(folder.path(), "revision.yaml", REVISION)]).well();
    let expected = "5ee89668f0db38c8a2ff58d79f3aaa27b93d2fa50a9d91eb60b204556d1f60f4";
    assert_eq!(answer.stdout, format!("{expected}  momentum-7\n"));
}

#[test]
fn names_comments_and_the_order_of_fields_do_not_matter_and_values_do() {
    let hash = hash_of(REVISION);
    assert_eq!(hash_of(&REVISION.replace("momentum-7", "other")), hash);
    assert_eq!(hash_of(&format!("# a comment\n{REVISION}")), hash);
    assert_ne!(
        hash_of(&REVISION.replace("0.0015", "0.00150")),
        hash,
        "the text is what is hashed"
    );
}

#[test]
fn yaml_json_and_a_bare_spec_have_one_hash() {
    let json = serde_json::json!({
        "apiVersion": "triptych.trading/v1alpha1", "kind": "ConfigRevision",
        "metadata": { "name": "minimal" },
        "spec": {
            "riskRules": [], "venue": "BinanceSpot",
            "image": format!("registry.example/trader@sha256:{}", "0".repeat(64)),
            "strategies": [{ "name": "lean", "instruments": ["BTCUSDT"], "orderQuantity": "1", "orderType": "Limit",
                "algorithm": { "orderBookImbalance": { "levels": 5, "threshold": "0.5", "cooldownMilliseconds": 0 } } }],
            "instruments": [{ "symbol": "BTCUSDT", "priceIncrement": "0.01", "quantityIncrement": "0.00001" }]
        }
    });
    let whole = hash_of(&json.to_string());
    assert_eq!(hash_of(&json["spec"].to_string()), whole);
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": [json] });
    assert_eq!(hash_of(&list.to_string()), whole);
}

#[test]
fn of_several_documents_every_revision_is_hashed_and_others_are_passed_over() {
    let second = REVISION
        .replace("momentum-7", "momentum-8")
        .replace("\"0.7\"", "\"0.8\"");
    let documents = format!(
        "{REVISION}---\n{second}---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: research\n"
    );
    let answer = trader_reading(&["hash", "-", "-o", "json"], &documents)
        .well()
        .json();
    let names: Vec<_> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["momentum-7", "momentum-8"]);
    assert_ne!(answer[0]["hash"], answer[1]["hash"]);
    assert_eq!(answer[0]["namespace"], "research");
}

#[test]
fn what_the_api_server_would_drop_or_refuse_has_no_hash() {
    for (from, to, expected) in [
        ("  venue:", "  venu: x\n  venue:", "spec.venu"),
        (
            "orderQuantity: \"0.0015\"",
            "orderQuantity: null",
            "spec.strategies[0].orderQuantity",
        ),
        (
            "orderQuantity: \"0.0015\"",
            "orderQuantity: 0.0015",
            "spec.strategies[0].orderQuantity",
        ),
        (
            "kind: ConfigRevision",
            "kind: Namespace",
            "expected a ConfigRevision",
        ),
    ] {
        let answer = trader_reading(&["hash", "-"], &REVISION.replace(from, to));
        assert_eq!(answer.code, 65, "{to}: {}", answer.stdout);
        assert!(answer.stderr.contains(expected), "{to}: {}", answer.stderr);
        assert!(answer.stdout.is_empty());
    }
}

#[test]
fn a_valid_revision_is_said_to_be_valid_with_its_hash() {
    let answer = trader_reading(&["validate", "-"], REVISION).well();
    assert_eq!(
        answer.stdout,
        format!(
            "ConfigRevision research/momentum-7: valid, hash {}\n",
            hash_of(REVISION)
        )
    );
}

#[test]
fn everything_that_is_wrong_is_said_with_its_path() {
    let cases = [
        (
            "fastPeriod: 4",
            "fastPeriod: 16",
            "refused: spec.strategies[0].algorithm.movingAverageCrossover",
        ),
        (
            "instruments: [BTCUSDT]",
            "instruments: [ETHUSDT]",
            "every symbol in strategies[].instruments",
        ),
        (
            "  - precision: {}",
            "  - balance:\n      reserve: \"0.1\"",
            "refused: spec.portfolio: Required value: portfolio is required where a risk rule looks at balance",
        ),
        (
            "venue: BinanceSpot",
            "venue: BybitV5",
            "cannot run: spec.venue",
        ),
        (
            "orderQuantity: \"0.0015\"",
            "orderQuantity: \"999999999999\"",
            "cannot run: spec.strategies[0].orderQuantity: \"999999999999\" is out of range",
        ),
        (
            "maximum: \"0.002\"",
            "maximum: \"0.000001\"",
            "refused: spec.riskRules[1]",
        ),
    ];
    for (from, to, expected) in cases {
        let answer = trader_reading(&["validate", "-"], &REVISION.replace(from, to));
        assert_eq!(answer.code, 65, "{to}");
        assert!(answer.stdout.contains(expected), "{to}:\n{}", answer.stdout);
    }
}

#[test]
fn kinds_of_others_are_passed_over_and_nothing_of_ours_is_an_error() {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: research\n";
    let both = trader_reading(&["validate", "-"], &format!("{namespace}---{REVISION}")).well();
    assert!(both.stdout.contains("Namespace research: passed over"));
    assert_eq!(trader_reading(&["validate", "-"], namespace).code, 65);
}

#[test]
fn every_subcommand_teaches_and_bad_usage_has_a_code_of_its_own() {
    for words in [
        vec!["hash"],
        vec!["validate"],
        vec!["replay"],
        vec!["tape", "serve"],
        vec!["tape", "record"],
        vec!["dataset", "verify"],
        vec!["dataset", "show"],
        vec!["dataset", "summary"],
    ] {
        let help: Vec<_> = words.iter().copied().chain(["--help"]).collect();
        let answer = trader(&help).well();
        assert!(
            answer.stdout.contains("Example"),
            "{words:?}:\n{}",
            answer.stdout
        );
        assert_eq!(
            trader(&words[..words.len() - 1]).code,
            64,
            "{words:?} without its last word"
        );
        assert_eq!(
            trader(&[&words[..], &["--no-such-option"]].concat()).code,
            64
        );
    }
    assert_eq!(trader(&["hash", "/no/such/file"]).code, 66);
}
