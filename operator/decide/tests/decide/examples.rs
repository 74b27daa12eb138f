//! Examples that the tests share: revisions, an instance, and short descriptions of plans.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use serde_json::{Value, json};
use triptych_crds::{ConfigHash, TradingInstance, hash::canonical_config};
use triptych_decide::plan::{Action, EventReport, InstancePlan};

pub(crate) const NAMESPACE: &str = "team";
pub(crate) const INSTANCE: &str = "abh";
pub(crate) const INSTANCE_UID: &str = "instance-uid";

/// An image reference whose digest is one digit 64 times.
pub(crate) fn image(digit: char) -> String {
    format!(
        "registry.example/trader@sha256:{}",
        digit.to_string().repeat(64)
    )
}

/// The spec of a revision; each letter is a configuration of its own. Upper case letters have an
/// image of their own, too.
pub(crate) fn spec(letter: char) -> Value {
    let digit = if letter.is_ascii_uppercase() {
        'b'
    } else {
        'a'
    };
    json!({ "image": image(digit), "venue": "BinanceSpot", "instruments": [{ "symbol": format!("{}USDT", letter.to_ascii_uppercase()) }] })
}

/// The hash of [`spec`].
pub(crate) fn hash(letter: char) -> ConfigHash {
    canonical_config(&spec(letter))
        .expect("a revision of the tests is valid")
        .hash
}

/// An ABH as its author writes it, with what the API server adds.
pub(crate) fn instance(revision: &str) -> TradingInstance {
    serde_json::from_value(json!({
        "apiVersion": "triptych.trading/v1alpha1", "kind": "TradingInstance",
        "metadata": { "name": INSTANCE, "namespace": NAMESPACE, "uid": INSTANCE_UID, "generation": 1 },
        "spec": { "tier": "ABH", "configRevision": revision, "storage": { "size": "10Gi" } }
    }))
    .expect("the instance of the tests is valid")
}

/// Actions in a word or two each.
pub(crate) fn in_short(actions: &[Action]) -> Vec<String> {
    let short = |action: &Action| match action {
        Action::ApplyConfigMap(_) => "apply ConfigMap".to_owned(),
        Action::DeleteConfigMap { reason, .. } => format!("delete ConfigMap: {reason:?}"),
        Action::ApplyClaim(_) => "apply claim".to_owned(),
        Action::ApplyStatefulSet(_) => "apply StatefulSet".to_owned(),
        Action::DeleteStatefulSet { reason, .. } => format!("delete StatefulSet: {reason:?}"),
        Action::DeletePod { reason, .. } => format!("delete pod: {reason:?}"),
    };
    actions.iter().map(short).collect()
}

/// Reasons of events.
pub(crate) fn reasons(events: &[EventReport]) -> Vec<&'static str> {
    events.iter().map(|event| event.reason).collect()
}

/// The condition of a plan, as status and reason.
pub(crate) fn says(plan: &InstancePlan, kind: &str) -> String {
    let found = plan
        .status
        .conditions
        .iter()
        .find(|report| report.kind.as_str() == kind);
    found.map_or("-".to_owned(), |report| {
        format!("{} {}", report.holds.as_str(), report.reason)
    })
}

/// The message of a condition of a plan.
pub(crate) fn message(plan: &InstancePlan, kind: &str) -> String {
    let found = plan
        .status
        .conditions
        .iter()
        .find(|report| report.kind.as_str() == kind);
    found
        .map(|report| report.message.clone())
        .unwrap_or_default()
}

/// A second of the tests.
pub(crate) fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).expect("a second of the tests"))
}
