//! What the chart says about itself.

use triptych_chart_tests::{Chart, documentation};

#[test]
fn the_readme_describes_every_value() {
    documentation::readme_describes_every_value(&Chart::named("triptych"), &["operator.resources"]);
}

#[test]
fn the_schema_describes_every_value() {
    documentation::schema_describes_every_value(&Chart::named("triptych"));
}

#[test]
fn notes_teach_the_next_steps() {
    let notes = notes(&[]);
    for step in [
        "kubectl --namespace triptych-system rollout status deployment/triptych-operator",
        "kubectl --namespace team-a apply -f examples/quickstart",
        "kubectl get tradinginstances",
        "kubectl explain tradinginstance.spec",
        "--clusterrole triptych-platform",
    ] {
        assert!(notes.contains(step), "no {step:?} in:\n{notes}");
    }
    assert!(!notes.contains("WARNING"), "{notes}");
}

#[test]
fn notes_warn_of_what_is_less_safe() {
    for (values, warning) in [
        (&["profile=dev"][..], "profile dev isolates nothing"),
        (&["image.digest="], "can be moved"),
        (&["crds.install=false"], "not part of this release"),
    ] {
        let notes = notes(values);
        assert!(
            notes.contains(warning),
            "{values:?}: no {warning:?} in:\n{notes}"
        );
    }
}

fn notes(values: &[&str]) -> String {
    let digest = format!("image.digest={}", crate::DIGEST);
    let mut all = vec!["image.repository=example/triptych-operator", &digest];
    all.extend_from_slice(values);
    Chart::named("triptych")
        .notes(&all)
        .unwrap_or_else(|refusal| panic!("{}", refusal.0))
}
