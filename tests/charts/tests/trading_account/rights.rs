//! Who may do what in a sealed namespace: the trader its Lease, the team a look, custodians the key.

use serde_json::{Value, json};
use triptych_chart_tests::{
    manifests::{name, namespace},
    rights::{Row, rights_of, table},
};

use crate::{ACCOUNTS, rendered};

const VIEW: &[Row] = &[
    ("", "pods", "", "get list watch"),
    ("", "pods/log", "", "get"),
    ("", "events", "", "get list watch"),
    ("", "configmaps", "", "get list watch"),
    ("", "persistentvolumeclaims", "", "get list watch"),
    ("apps", "statefulsets", "", "get list watch"),
    ("events.k8s.io", "events", "", "get list watch"),
];
const TRADER: &[Row] = &[(
    "coordination.k8s.io",
    "leases",
    "trader",
    "get update patch",
)];
const READS_INSTANCES: &[Row] = &[("triptych.trading", "tradinginstances", "", "get list watch")];
const USES_ALPHA: &[Row] = &[("triptych.trading", "tradingaccounts", "alpha", "use")];
const CUSTODIANS: &[Row] = &[("", "secrets", "", "create delete")];

/// Every Role of an account: namespace, name, rights.
const ROLES: &[(&str, &str, &[Row])] = &[
    ("trading-live-alpha", "trader", TRADER),
    ("trading-live-alpha", "view", VIEW),
    ("trading-live-alpha", "key-custodians", CUSTODIANS),
    ("trading-demo-alpha", "trader", TRADER),
    ("trading-demo-alpha", "view", VIEW),
    ("trading-demo-alpha", "key-custodians", CUSTODIANS),
    ("team-a", "trading-live-alpha", READS_INSTANCES),
    ("team-a", "trading-demo-alpha", READS_INSTANCES),
    ("team-b", "trading-live-alpha", READS_INSTANCES),
    ("team-b", "trading-demo-alpha", READS_INSTANCES),
];

fn groups(names: &[&str]) -> Value {
    let subjects = names.iter().map(
        |group| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group }),
    );
    subjects.collect()
}

#[test]
fn the_roles_of_an_account_are_these_and_no_others() {
    let manifests = rendered("alpha", ACCOUNTS[2]);
    for (home, role, rows) in ROLES {
        let found = rights_of(manifests.get_in(home, "Role", role));
        assert_eq!(found, table(rows), "{home}/{role}");
    }
    assert_eq!(manifests.of_kind("Role").count(), ROLES.len());
}

#[test]
fn the_team_and_its_delivery_may_use_exactly_this_account() {
    let manifests = rendered("alpha", ACCOUNTS[2]);
    let roles: Vec<&Value> = manifests.of_kind("ClusterRole").collect();
    let [role] = roles[..] else {
        panic!("{roles:?}");
    };
    assert_eq!(name(role), "triptych-use-alpha");
    assert_eq!(rights_of(role), table(USES_ALPHA));
    let bindings: Vec<&Value> = manifests.of_kind("ClusterRoleBinding").collect();
    let [binding] = bindings[..] else {
        panic!("{bindings:?}");
    };
    assert_eq!(binding["roleRef"]["name"], "triptych-use-alpha");
    let delivery = json!({
        "apiGroup": "rbac.authorization.k8s.io", "kind": "User",
        "name": "system:serviceaccount:argocd:argocd-application-controller"
    });
    let mut users = groups(&["traders", "analysts"]);
    users.as_array_mut().unwrap().push(delivery);
    assert_eq!(binding["subjects"], users);
}

#[test]
fn every_role_is_bound_once_and_to_whom_it_is_for() {
    let manifests = rendered("alpha", ACCOUNTS[2]);
    let bindings: Vec<&Value> = manifests.of_kind("RoleBinding").collect();
    assert_eq!(bindings.len(), ROLES.len());
    for binding in bindings {
        let (home, role) = (namespace(binding), name(binding));
        let of_role = json!({
            "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role
        });
        assert_eq!(binding["roleRef"], of_role, "{home}/{role}");
        let trader_of = |sealed: &str| json!([{ "kind": "ServiceAccount", "name": "trader", "namespace": sealed }]);
        let expected = match role {
            "view" => groups(&["traders", "analysts"]),
            "key-custodians" => groups(&["triptych:key-custodians"]),
            "trader" => trader_of(home),
            sealed => trader_of(sealed),
        };
        assert_eq!(binding["subjects"], expected, "{home}/{role}");
    }
}

#[test]
fn k1_nobody_may_read_a_secret_start_a_pod_or_get_into_one() {
    for values in ACCOUNTS {
        for role in rendered("alpha", values).of_kind("Role") {
            for (_, resource, _, verb) in rights_of(role) {
                let right = format!("{} may {verb} {resource}", name(role));
                if resource == "secrets" {
                    assert!(["create", "delete"].contains(&verb.as_str()), "{right}");
                } else if resource != "leases" {
                    assert!(["get", "list", "watch"].contains(&verb.as_str()), "{right}");
                }
                let into_pods = resource.starts_with("pods/") && resource != "pods/log";
                assert!(!into_pods && !right.contains('*'), "{right}");
            }
        }
    }
}

/// Objects are kept, so a binding that is no longer rendered would go on granting.
#[test]
fn a_group_that_is_taken_off_the_list_loses_its_view_and_its_use() {
    let manifests = rendered("alpha", &["live.enabled=true"]);
    for binding in [
        manifests.get_in("trading-live-alpha", "RoleBinding", "view"),
        manifests.get("ClusterRoleBinding", "triptych-use-alpha"),
    ] {
        assert_eq!(binding["subjects"], json!([]));
    }
}
