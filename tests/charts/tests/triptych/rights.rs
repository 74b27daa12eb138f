//! Who may do what: the operator no more than it needs, people nothing to a status.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use triptych_chart_tests::{
    Manifests,
    helm::NAMESPACE,
    manifests::{name, strings},
    rights::{Row, rights_of, table},
};

use crate::{PROFILES, rendered};

const OPERATOR: &str = "triptych-operator";
const INSPECTOR: &str = "triptych-inspector";
const AGGREGATED: [(&str, &[&str]); 3] = [
    ("triptych-view", &["view", "edit", "admin"]),
    ("triptych-edit", &["edit", "admin"]),
    ("triptych-admin", &["admin"]),
];

const READ: [&str; 3] = ["get", "list", "watch"];

/// What the operator needs in the whole cluster.
const IN_THE_CLUSTER: &[Row] = &[
    ("triptych.trading", "configrevisions", "", "get list watch"),
    ("triptych.trading", "tradingaccounts", "", "get list watch"),
    ("triptych.trading", "tradinginstances", "", "get list watch"),
    ("triptych.trading", "configrevisions/status", "", "patch"),
    ("triptych.trading", "tradingaccounts/status", "", "patch"),
    ("triptych.trading", "tradinginstances/status", "", "patch"),
    ("", "configmaps", "", "get list watch create patch delete"),
    (
        "",
        "persistentvolumeclaims",
        "",
        "get list watch create patch",
    ),
    ("", "pods", "", "list watch delete"),
    (
        "apps",
        "statefulsets",
        "",
        "get list watch create patch delete",
    ),
    ("events.k8s.io", "events", "", "create patch"),
];

/// What the inspector needs: to read the pieces of a seal, and to write what it found.
const OF_THE_INSPECTOR: &[Row] = &[
    ("triptych.trading", "tradingaccounts", "", "get list watch"),
    ("triptych.trading", "tradingaccounts/status", "", "patch"),
    ("", "namespaces", "", "list watch"),
    ("", "resourcequotas", "", "list watch"),
    ("", "serviceaccounts", "", "list watch"),
    ("networking.k8s.io", "networkpolicies", "", "list watch"),
    ("rbac.authorization.k8s.io", "roles", "", "list watch"),
    (
        "rbac.authorization.k8s.io",
        "rolebindings",
        "",
        "list watch",
    ),
];

/// What the operator needs in its own namespace.
const IN_ITS_NAMESPACE: &[Row] = &[
    ("coordination.k8s.io", "leases", "", "create"),
    ("coordination.k8s.io", "leases", OPERATOR, "get patch"),
];

fn roles(manifests: &Manifests) -> Vec<&Value> {
    manifests
        .of_kind("ClusterRole")
        .chain(manifests.of_kind("Role"))
        .collect()
}

#[test]
fn the_operator_has_exactly_the_rights_that_it_needs() {
    for values in PROFILES {
        let manifests = rendered(values);
        assert_eq!(
            rights_of(manifests.get("ClusterRole", OPERATOR)),
            table(IN_THE_CLUSTER)
        );
        let role = manifests.get("Role", OPERATOR);
        assert_eq!(rights_of(role), table(IN_ITS_NAMESPACE));
        assert_eq!(role["metadata"]["namespace"], NAMESPACE);
    }
}

#[test]
fn k1_no_role_but_the_inspectors_has_a_verb_on_what_guards_secrets() {
    let guarded_resources = [
        "secrets",
        "namespaces",
        "resourcequotas",
        "serviceaccounts",
        "nodes",
        "certificatesigningrequests",
        "persistentvolumes",
        "storageclasses",
        "networkpolicies",
    ];
    let guarded_groups = [
        "rbac.authorization.k8s.io",
        "admissionregistration.k8s.io",
        "authentication.k8s.io",
    ];
    for values in PROFILES {
        let manifests = rendered(values);
        let others = roles(&manifests).into_iter();
        for role in others.filter(|role| name(role) != INSPECTOR) {
            for (group, resource, _, verb) in rights_of(role) {
                let base = resource.split('/').next().unwrap_or_default();
                let right = format!("{} may {verb} {resource} of {group:?}", name(role));
                assert!(!guarded_resources.contains(&base), "{right}");
                assert!(!guarded_groups.contains(&group.as_str()), "{right}");
                assert!(
                    !["escalate", "bind", "impersonate"].contains(&verb.as_str()),
                    "{right}"
                );
            }
        }
    }
}

#[test]
fn k1_the_inspector_reads_the_pieces_of_a_seal_and_writes_what_it_found() {
    for values in PROFILES {
        let manifests = rendered(values);
        let rights = rights_of(manifests.get("ClusterRole", INSPECTOR));
        assert_eq!(rights, table(OF_THE_INSPECTOR));
    }
}

#[test]
fn no_role_has_a_wildcard_or_a_way_into_a_pod() {
    for values in PROFILES {
        for role in roles(&rendered(values)) {
            for rule in role["rules"].as_array().unwrap() {
                let rule = rule.as_object().unwrap();
                assert!(
                    !rule.contains_key("nonResourceURLs"),
                    "{}: {rule:?}",
                    name(role)
                );
                let texts = rule.values().flat_map(strings).collect::<Vec<_>>();
                assert!(
                    !texts.iter().any(|text| text.contains('*')),
                    "{}: {rule:?}",
                    name(role)
                );
            }
            let into_pods = rights_of(role).into_iter().find(|(_, resource, ..)| {
                resource.starts_with("pods/") || resource.ends_with("/proxy")
            });
            assert_eq!(into_pods, None, "{}", name(role));
        }
    }
}

#[test]
fn each_account_is_bound_to_its_own_roles_and_nobody_else_to_any() {
    let account =
        |name: &str| json!([{ "kind": "ServiceAccount", "name": name, "namespace": NAMESPACE }]);
    for values in PROFILES {
        let manifests = rendered(values);
        let bindings: Vec<&Value> = manifests
            .of_kind("ClusterRoleBinding")
            .chain(manifests.of_kind("RoleBinding"))
            .collect();
        let of = |binding: &&Value| name(binding).to_owned();
        assert_eq!(
            bindings.iter().map(of).collect::<Vec<_>>(),
            [INSPECTOR, OPERATOR, OPERATOR]
        );
        for binding in bindings {
            assert_eq!(binding["subjects"], account(name(binding)));
            assert_eq!(binding["roleRef"]["name"], name(binding));
        }
    }
}

#[test]
fn no_role_of_people_has_a_verb_on_a_status() {
    let manifests = rendered(&[]);
    let roles = roles(&manifests);
    let of_people: Vec<_> = roles
        .iter()
        .filter(|role| ![OPERATOR, INSPECTOR].contains(&name(role)))
        .collect();
    assert_eq!(of_people.len(), 5);
    for role in of_people {
        for (group, resource, ..) in rights_of(role) {
            assert_eq!(group, "triptych.trading", "{}", name(role));
            assert!(!resource.contains('/'), "{}: {resource}", name(role));
        }
    }
}

#[test]
fn view_edit_and_admin_are_aggregated_into_the_built_in_roles() {
    let manifests = rendered(&[]);
    for (role, into) in AGGREGATED {
        let labels = manifests.get("ClusterRole", role)["metadata"]["labels"].clone();
        let found: BTreeSet<&str> = labels
            .as_object()
            .unwrap()
            .keys()
            .filter_map(|label| label.strip_prefix("rbac.authorization.k8s.io/aggregate-to-"))
            .collect();
        assert_eq!(found, into.iter().copied().collect(), "{role}");
    }
}

#[test]
fn accounts_are_written_by_the_platform_role_alone_which_is_aggregated_into_nothing() {
    let manifests = rendered(&[]);
    let writers: Vec<&str> = roles(&manifests)
        .into_iter()
        .filter(|role| {
            rights_of(role).iter().any(|(_, resource, _, verb)| {
                resource == "tradingaccounts" && !READ.contains(&verb.as_str())
            })
        })
        .map(name)
        .collect();
    assert_eq!(writers, ["triptych-platform"]);
    let platform = manifests.get("ClusterRole", "triptych-platform");
    let labels = platform["metadata"]["labels"].as_object().unwrap();
    assert!(
        !labels.keys().any(|label| label.contains("aggregate")),
        "{labels:?}"
    );
}

#[test]
fn view_reads_and_edit_writes_what_teams_own() {
    let manifests = rendered(&[]);
    let verbs = |role: &str, resource: &str| -> Vec<String> {
        let rights = rights_of(manifests.get("ClusterRole", role));
        let matching = rights.into_iter().filter(|right| right.1 == resource);
        matching.map(|right| right.3).collect()
    };
    for resource in ["configrevisions", "tradinginstances"] {
        assert_eq!(verbs("triptych-view", resource), ["get", "list", "watch"]);
        assert_eq!(
            verbs("triptych-edit", resource),
            ["create", "delete", "patch", "update"]
        );
        assert_eq!(
            verbs("triptych-admin", resource),
            ["create", "delete", "deletecollection", "patch", "update"]
        );
    }
    assert_eq!(
        verbs("triptych-view", "tradingaccounts"),
        ["get", "list", "watch"]
    );
    assert!(verbs("triptych-edit", "tradingaccounts").is_empty());
    assert!(verbs("triptych-admin", "tradingaccounts").is_empty());
}

/// Both are given to somebody by name: neither comes with a role that a team has already.
#[test]
fn use_and_break_glass_come_with_no_role_that_is_aggregated() {
    let manifests = rendered(&[]);
    for role in roles(&manifests) {
        let special: Vec<String> = rights_of(role)
            .into_iter()
            .map(|(_, _, _, verb)| verb)
            .filter(|verb| verb == "use" || verb == "break-glass")
            .collect();
        if name(role) == "triptych-break-glass" {
            assert_eq!(special, ["break-glass"]);
            let labels = role["metadata"]["labels"].as_object().unwrap();
            assert!(!labels.keys().any(|label| label.contains("aggregate")));
        } else {
            assert!(special.is_empty(), "{}: {special:?}", name(role));
        }
    }
}
