//! The rendered ABH, for review: StatefulSet and pod template as they are applied.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p triptych-decide` writes the files anew; the difference is read
//! before it is committed.

use std::{env, fs, path::PathBuf};

use triptych_crds::trading_instance::TradingInstanceSpec;
use triptych_decide::plan::Action;

use crate::{cluster::Cluster, invariants};

fn rendered(edit: impl FnOnce(&mut TradingInstanceSpec)) -> String {
    let mut cluster = Cluster::new();
    cluster.edit(edit);
    let actions = cluster.plan().actions;
    let set = actions.into_iter().find_map(|action| match action {
        Action::ApplyStatefulSet(set) => Some(*set),
        _ => None,
    });
    let mut set = set.expect("a new instance gets a StatefulSet");
    invariants::a1_cannot_trade(&set);
    // The annotation repeats the template in one line.
    let annotations = set
        .metadata
        .annotations
        .as_mut()
        .expect("it has annotations");
    let kept = annotations
        .remove("triptych.trading/rendered-template")
        .expect("it is kept");
    let kept: serde_json::Value = serde_json::from_str(&kept).expect("it is JSON");
    let template = &set.spec.as_ref().expect("it has a spec").template;
    assert_eq!(
        kept,
        serde_json::to_value(template).expect("a template is plain data")
    );
    serde_yaml_ng::to_string(&set).expect("a StatefulSet is plain data")
}

fn compare(name: &str, rendered: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots")
        .join(name);
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, rendered).expect("the snapshot can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        rendered, committed,
        "{name} differs: if it is meant, run UPDATE_SNAPSHOTS=1 cargo test -p triptych-decide and review the difference"
    );
}

#[test]
fn a1_the_smallest_abh_is_rendered_as_reviewed() {
    compare("abh-smallest.yaml", &rendered(|_| {}));
}

#[test]
fn a1_an_abh_with_every_knob_is_rendered_as_reviewed() {
    let every_knob = rendered(|spec| {
        *spec = serde_json::from_value(serde_json::json!({
            "tier": "ABH", "configRevision": "r2", "restart": "2026-01-01",
            "storage": { "size": "10Gi" },
            "marketData": { "url": "ws://tape.market:9443" },
            "resources": { "requests": { "cpu": "250m" }, "limits": { "cpu": "1", "memory": "1Gi" } },
            "logLevel": "Debug", "terminationGracePeriodSeconds": 60,
            "nodeSelector": { "topology.kubernetes.io/zone": "a" }, "priorityClassName": "research"
        }))
        .expect("the spec of the tests is valid");
    });
    compare("abh-every-knob.yaml", &every_knob);
}
