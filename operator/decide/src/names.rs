//! Names that other parts rely on: labels, annotations, and the names of what the operator makes.

use std::collections::BTreeMap;

use triptych_crds::Tier;

use crate::pod_template::Identity;

/// Value of the label `app.kubernetes.io/managed-by` on everything that the operator makes.
pub const MANAGER: &str = "triptych-operator";

/// Name of the one container of a trader's pod.
pub const TRADER_CONTAINER: &str = "trader";

/// Name of the StatefulSet in a sealed namespace: there is at most one trader in it.
pub const SEALED_TRADER: &str = "trader";

/// ServiceAccount of the trader in a sealed namespace. The account's chart makes it.
pub const TRADER_SERVICE_ACCOUNT: &str = "trader";

/// Label of the nodes that may hold live keys. A kubelet cannot give it to itself.
pub const W_NODE_LABEL: &str = "node-restriction.kubernetes.io/trading-tier";

/// Key of the taint of those nodes.
pub const TIER_TAINT: &str = "triptych.trading/tier";

/// Value of that label and that taint.
pub const LIVE_TIER: &str = "W";

/// Key of the canonical bytes in a rendered ConfigMap, and the name of the mounted file.
pub const CONFIG_FILE: &str = "config.json";

/// How the name of a rendered ConfigMap begins; 32 digits of the hash follow.
pub const CONFIG_MAP_PREFIX: &str = "config-";

/// Keys of labels.
pub mod label {
    /// The application: always `trader`.
    pub const NAME: &str = "app.kubernetes.io/name";
    /// The instance, as the recommended labels have it.
    pub const APP_INSTANCE: &str = "app.kubernetes.io/instance";
    /// Who manages the object: [`super::MANAGER`].
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    /// What the object is for: `trader`, `dataset` or `configuration`.
    pub const COMPONENT: &str = "app.kubernetes.io/component";
    /// The tier: `W`, `R` or `ABH`.
    pub const TIER: &str = "triptych.trading/tier";
    /// Name of the TradingInstance.
    pub const INSTANCE: &str = "triptych.trading/instance";
    /// Namespace of the TradingInstance.
    pub const INSTANCE_NAMESPACE: &str = "triptych.trading/instance-namespace";
}

/// Keys of annotations.
pub mod annotation {
    /// Full hash of the configuration (pods, pod templates, ConfigMaps).
    pub const CONFIG_HASH: &str = "triptych.trading/config-hash";
    /// Name of the ConfigRevision that the StatefulSet's template was made of.
    pub const REVISION: &str = "triptych.trading/revision";
    /// UID of the TradingInstance that an object in a sealed namespace belongs to: owners do not reach
    /// across namespaces.
    pub const INSTANCE_UID: &str = "triptych.trading/instance-uid";
    /// The pod template as the operator rendered it, compact JSON (StatefulSet): what the API server
    /// adds to the live template does not disturb a comparison with it.
    pub const RENDERED_TEMPLATE: &str = "triptych.trading/rendered-template";
    /// The value of `spec.restart` that the pod was made for (pods and pod templates).
    pub const RESTART: &str = "triptych.trading/restart";
    /// The account that a sealed namespace goes with, where the platform announced its deletion.
    pub const DECOMMISSION: &str = "triptych.trading/decommission";
}

/// Name of the claim that holds the dataset of an instance.
pub fn dataset_claim(instance: &str) -> String {
    format!("dataset-{instance}")
}

/// Name of the claim that holds journal, ledger and halt latch of one side of an account.
pub fn journal_claim(account: &str) -> String {
    format!("journal-{account}")
}

/// Name of the only pod of a StatefulSet.
pub fn pod(stateful_set: &str) -> String {
    format!("{stateful_set}-0")
}

/// The labels by which a StatefulSet selects its pod. They can never change.
pub fn selector_labels(instance: &str) -> BTreeMap<String, String> {
    labels([(label::NAME, "trader"), (label::INSTANCE, instance)])
}

/// All labels of an object that belongs to one instance.
pub fn instance_labels(
    identity: &Identity<'_>,
    tier: Tier,
    component: &str,
) -> BTreeMap<String, String> {
    labels([
        (label::NAME, "trader"),
        (label::APP_INSTANCE, identity.instance),
        (label::MANAGED_BY, MANAGER),
        (label::COMPONENT, component),
        (label::TIER, tier.as_str()),
        (label::INSTANCE, identity.instance),
        (label::INSTANCE_NAMESPACE, identity.namespace),
    ])
}

/// Labels of a journal's claim, which outlives every instance that trades the account.
pub fn journal_labels(tier: Tier) -> BTreeMap<String, String> {
    labels([
        (label::NAME, "trader"),
        (label::MANAGED_BY, MANAGER),
        (label::COMPONENT, "journal"),
        (label::TIER, tier.as_str()),
    ])
}

/// Labels of a rendered configuration, which belongs to no single instance.
pub fn configuration_labels() -> BTreeMap<String, String> {
    labels([
        (label::NAME, "trader"),
        (label::MANAGED_BY, MANAGER),
        (label::COMPONENT, "configuration"),
    ])
}

/// Whether these labels say that the operator made the object.
pub fn is_managed(labels: Option<&BTreeMap<String, String>>) -> bool {
    labels
        .and_then(|labels| labels.get(label::MANAGED_BY))
        .is_some_and(|by| by == MANAGER)
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
