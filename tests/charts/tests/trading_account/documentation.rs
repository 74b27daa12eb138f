//! What the chart says about itself.

use std::fs;

use serde_json::Value;
use triptych_chart_tests::{documentation, in_repository};

use crate::{chart, with_required};

fn notes(values: &[&str]) -> String {
    let all = with_required("account=alpha", values);
    chart("alpha")
        .notes(&all)
        .unwrap_or_else(|refusal| panic!("{}", refusal.0))
}

#[test]
fn the_readme_describes_every_value() {
    documentation::readme_describes_every_value(&chart("alpha"), &[]);
}

#[test]
fn the_schema_describes_every_value() {
    documentation::schema_describes_every_value(&chart("alpha"));
}

#[test]
fn notes_say_how_a_custodian_makes_the_key_of_each_side() {
    let notes = notes(&[
        "live.enabled=true",
        "demo.enabled=true",
        "allowedNamespaces={team-a}",
    ]);
    for step in [
        "kubectl create secret generic live-alpha --namespace trading-live-alpha",
        "--type=triptych.trading/live-key --from-file=api-key --from-file=api-secret",
        "kubectl create secret generic demo-alpha --namespace trading-demo-alpha",
        "--type=triptych.trading/demo-key --from-file=api-key --from-file=api-secret",
        r#"--patch='{"immutable":true}'"#,
        "--from-file=halt-token",
        "kubectl describe tradingaccount alpha",
        "TradingInstances of team-a may now say `account: alpha`",
        "docs/accounts.md",
    ] {
        assert!(notes.contains(step), "no {step:?} in:\n{notes}");
    }
    assert!(
        !notes.contains("--from-literal"),
        "a key in a command line:\n{notes}"
    );
}

#[test]
fn notes_speak_of_the_sides_that_there_are() {
    let live = notes(&["live.enabled=true", "team.groups={traders}"]);
    assert!(!live.contains("demo"), "{live}");
    let demo = notes(&["demo.enabled=true", "team.groups={traders}"]);
    assert!(!demo.contains("live"), "{demo}");
}

#[test]
fn notes_warn_of_an_account_that_cannot_work_yet() {
    let reachable = [
        "live.enabled=true",
        "live.destinations[0].cidr=203.0.113.0/24",
        "live.destinations[0].ports={443}",
        "allowedNamespaces={team-a}",
        "team.groups={traders}",
    ];
    let quiet = notes(&reachable);
    assert!(!quiet.contains("WARNING"), "{quiet}");
    for (values, warning) in [
        (
            &["live.enabled=true", "allowedNamespaces={team-a}"][..],
            "live.destinations is empty",
        ),
        (&["live.enabled=true"], "allowedNamespaces is empty"),
        (
            &["live.enabled=true"],
            "team.groups and delivery.users are empty",
        ),
    ] {
        let notes = notes(values);
        assert!(
            notes.contains(warning),
            "{values:?}: no {warning:?} in:\n{notes}"
        );
    }
}

#[test]
fn the_account_of_the_documentation_renders() {
    let text = fs::read_to_string(in_repository("docs/accounts.md")).unwrap();
    let (_, rest) = text.split_once("# alpha-values.yaml\n").unwrap();
    let (yaml, _) = rest.split_once("```").unwrap();
    let values: Value = serde_yaml_ng::from_str(yaml).unwrap();
    let rendered = chart("alpha").render(&[&values.to_string()]);
    let manifests = rendered.unwrap_or_else(|refusal| panic!("{}", refusal.0));
    let account = manifests.get("TradingAccount", "alpha");
    assert!(account["spec"]["live"].is_object() && account["spec"]["demo"].is_object());
}
