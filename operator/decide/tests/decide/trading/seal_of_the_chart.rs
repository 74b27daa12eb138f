//! K1: what the account's chart renders is a whole seal, as its reviewed rendering has it.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use triptych_decide::{
    seal::{self, Pieces},
    side::SideName,
};

const RENDERED: &str = include_str!("../../../../../tests/charts/golden/trading-account.yaml");
const ACCOUNT: &str = "alpha";

/// The rendered objects of a kind that meet a condition.
fn rendered<T: DeserializeOwned>(kind: &str, here: impl Fn(&Value) -> bool) -> Vec<T> {
    serde_yaml_ng::Deserializer::from_str(RENDERED)
        .map(|document| Value::deserialize(document).expect("the reviewed rendering is YAML"))
        .filter(|object| object["kind"] == kind && here(&object["metadata"]))
        .map(|object| serde_json::from_value(object).expect("Kubernetes knows the object"))
        .collect()
}

#[test]
fn k1_what_the_accounts_chart_renders_is_a_whole_seal_of_either_side() {
    for side in SideName::BOTH {
        let home = side.namespace(ACCOUNT);
        let here = |metadata: &Value| metadata["namespace"] == home.as_str();
        let pieces = Pieces {
            namespace: rendered("Namespace", |metadata| metadata["name"] == home.as_str()).pop(),
            quotas: rendered("ResourceQuota", here),
            network_policies: rendered("NetworkPolicy", here),
            service_accounts: rendered("ServiceAccount", here),
            roles: rendered("Role", here),
            role_bindings: rendered("RoleBinding", here),
        };
        let found = seal::inspect(ACCOUNT, side, &pieces);
        assert!(found.whole, "{home}: {:?}", found.problems);
    }
}
