//! K1: every piece of a seal is looked at, and what is missing, altered or added is named.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use triptych_decide::{
    seal::{self, Pieces},
    side::SideName,
};

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object of the tests is valid")
}

fn named<T: DeserializeOwned>(name: &str, rest: &Value) -> T {
    let mut value = json!({ "metadata": { "name": name, "namespace": "trading-live-main" } });
    for (field, content) in rest.as_object().expect("an object") {
        value[field] = content.clone();
    }
    object(value)
}

fn binding(name: &str, role: &str) -> Value {
    json!({ "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role }, "name": name })
}

fn whole() -> Pieces {
    let role = |name: &str, resource: &str, verbs: &[&str]| {
        named(
            name,
            &json!({ "rules": [{ "apiGroups": [""], "resources": [resource], "verbs": verbs }] }),
        )
    };
    let policy = |name: &str, ingress: Value| {
        named(
            name,
            &json!({ "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": ingress } }),
        )
    };
    Pieces {
        namespace: Some(object(
            json!({ "metadata": { "name": "trading-live-main", "labels": {
            "triptych.trading/account": "main", "triptych.trading/side": "live",
            "pod-security.kubernetes.io/enforce": "restricted",
        } } }),
        )),
        quotas: vec![named(
            "seal",
            &json!({ "spec": { "hard": { "count/pods": "1" } } }),
        )],
        network_policies: vec![
            policy("default-deny", Value::Null),
            policy("operator", json!([{}])),
            policy("trader", Value::Null),
        ],
        service_accounts: vec![named("trader", &json!({})), named("default", &json!({}))],
        roles: vec![
            role("trader", "leases", &["get"]),
            role("view", "pods", &["get"]),
            role("key-custodians", "secrets", &["create", "delete"]),
        ],
        role_bindings: ["trader", "view", "key-custodians"]
            .map(|name| named(name, &binding(name, name)))
            .into(),
    }
}

fn problems(pieces: &Pieces) -> Vec<String> {
    let found = seal::inspect("main", SideName::Live, pieces);
    assert_eq!(found.whole, found.problems.is_empty());
    found.problems
}

#[test]
fn k1_a_seal_as_the_chart_makes_it_is_whole() {
    assert_eq!(problems(&whole()), Vec::<String>::new());
}

type Alter = fn(&mut Pieces);

/// What is done to a whole seal, and the words that name it.
const ALTERATIONS: [(Alter, &str); 17] = [
    (
        |pieces| pieces.namespace = None,
        "namespace trading-live-main does not exist",
    ),
    (
        |pieces| {
            let namespace = pieces.namespace.as_mut().expect("a namespace");
            namespace.metadata.labels = None;
        },
        "pod-security.kubernetes.io/enforce is absent, expected restricted",
    ),
    (
        |pieces| {
            let namespace = pieces.namespace.as_mut().expect("a namespace");
            let labels = namespace.metadata.labels.as_mut().expect("labels");
            labels.insert("triptych.trading/side".into(), "demo".into());
        },
        "triptych.trading/side is demo, expected live",
    ),
    (
        |pieces| {
            let namespace = pieces.namespace.as_mut().expect("a namespace");
            let announced = (
                "triptych.trading/decommission".to_owned(),
                "main".to_owned(),
            );
            namespace.metadata.annotations = Some([announced].into());
        },
        "triptych.trading/decommission announces its deletion",
    ),
    (
        |pieces| pieces.quotas.clear(),
        "ResourceQuota seal is missing",
    ),
    (
        |pieces| {
            pieces.quotas = vec![named(
                "seal",
                &json!({ "spec": { "hard": { "count/pods": "2" } } }),
            )];
        },
        "count/pods 2, expected 1",
    ),
    (
        |pieces| {
            pieces.quotas = vec![named(
                "seal",
                &json!({ "spec": { "hard": { "pods": "1" } } }),
            )];
        },
        "no count/pods",
    ),
    (
        |pieces| {
            pieces.quotas = vec![named(
                "seal",
                &json!({ "spec": { "hard": { "count/pods": "1" }, "scopes": ["Terminating"] } }),
            )];
        },
        "has a scope",
    ),
    (
        |pieces| drop(pieces.network_policies.remove(0)),
        "NetworkPolicy default-deny is missing",
    ),
    (
        |pieces| {
            let spec = pieces.network_policies[0].spec.as_mut().expect("a spec");
            spec.policy_types = Some(vec!["Ingress".into()]);
        },
        "default-deny lets something through",
    ),
    (
        |pieces| drop(pieces.network_policies.pop()),
        "NetworkPolicy trader is missing",
    ),
    (
        |pieces| {
            pieces
                .network_policies
                .push(named("out", &json!({ "spec": { "podSelector": {} } })));
        },
        "NetworkPolicy out was added",
    ),
    (
        |pieces| pieces.service_accounts.clear(),
        "ServiceAccount trader is missing",
    ),
    (
        |pieces| {
            pieces
                .role_bindings
                .push(named("team", &binding("team", "edit")));
        },
        "RoleBinding team was added (Role edit)",
    ),
    (
        |pieces| pieces.role_bindings[1] = named("view", &binding("view", "trader")),
        "RoleBinding view refers to Role trader, expected Role view",
    ),
    (
        |pieces| drop(pieces.role_bindings.remove(0)),
        "RoleBinding trader is missing",
    ),
    (
        |pieces| {
            let rules = pieces.roles[2].rules.as_mut().expect("rules");
            rules[0].verbs.push("get".into());
        },
        "Role key-custodians gives a right on Secrets",
    ),
];

#[test]
fn k1_each_missing_altered_or_added_piece_is_named() {
    for (alter, expected) in ALTERATIONS {
        let mut pieces = whole();
        alter(&mut pieces);
        let found = problems(&pieces);
        assert!(
            found.iter().any(|problem| problem.contains(expected)),
            "{expected}: {found:?}"
        );
    }
}

#[test]
fn k1_a_right_into_pods_opens_a_seal_whatever_its_role_is_called() {
    for (resource, verb) in [
        ("secrets", "list"),
        ("pods/exec", "create"),
        ("pods/ephemeralcontainers", "patch"),
        ("serviceaccounts/token", "create"),
        ("*", "get"),
        ("pods", "*"),
    ] {
        let mut pieces = whole();
        pieces.roles.push(named(
            "other",
            &json!({ "rules": [{ "apiGroups": [""], "resources": [resource], "verbs": [verb] }] }),
        ));
        assert_eq!(
            problems(&pieces),
            ["Role other gives a right on Secrets, or a way into pods"],
            "{verb} {resource}"
        );
    }
}

#[test]
fn what_is_told_of_a_seal_fits_into_a_status() {
    let mut pieces = whole();
    let long = "x".repeat(300);
    pieces.role_bindings = (0..50).map(|_| named(&long, &binding("b", "b"))).collect();
    let found = problems(&pieces);
    assert!(found.len() <= 32);
    assert!(found.iter().all(|problem| problem.chars().count() <= 256));
}
