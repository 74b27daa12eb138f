//! The rendered objects as a whole: which, where, and that nothing takes them away.

use std::collections::BTreeSet;

use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{Namespace, ResourceQuota, ServiceAccount},
    networking::v1::NetworkPolicy,
    rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
};
use serde_json::{Value, json};
use triptych_chart_tests::{
    Manifests, documentation, golden,
    manifests::{as_kubernetes_reads_it, first_difference, kind, name, namespace},
};

use crate::{ACCOUNTS, chart, rendered, with_required};

/// What a sealed namespace holds: kind and name.
const SEALED: [(&str, &str); 12] = [
    ("Lease", "trader"),
    ("NetworkPolicy", "default-deny"),
    ("NetworkPolicy", "operator"),
    ("NetworkPolicy", "trader"),
    ("ResourceQuota", "seal"),
    ("Role", "key-custodians"),
    ("Role", "trader"),
    ("Role", "view"),
    ("RoleBinding", "key-custodians"),
    ("RoleBinding", "trader"),
    ("RoleBinding", "view"),
    ("ServiceAccount", "trader"),
];

/// Kind, namespace and name.
type Place = (String, String, String);

fn place(kind: &str, namespace: &str, name: &str) -> Place {
    (kind.into(), namespace.into(), name.into())
}

fn places(manifests: &Manifests) -> BTreeSet<Place> {
    let objects = manifests.all().iter();
    let all: Vec<Place> = objects
        .map(|object| place(kind(object), namespace(object), name(object)))
        .collect();
    let distinct: BTreeSet<Place> = all.iter().cloned().collect();
    assert_eq!(all.len(), distinct.len(), "an object is rendered twice");
    distinct
}

fn expected(account: &str, sides: &[&str], allowed: &[&str]) -> BTreeSet<Place> {
    let used = format!("triptych-use-{account}");
    let mut all = BTreeSet::from([
        place("TradingAccount", "", account),
        place("ClusterRole", "", &used),
        place("ClusterRoleBinding", "", &used),
    ]);
    for side in sides {
        let sealed = format!("trading-{side}-{account}");
        all.insert(place("Namespace", "", &sealed));
        all.extend(SEALED.map(|(kind, name)| place(kind, &sealed, name)));
        for namespace in allowed {
            all.insert(place("Role", namespace, &sealed));
            all.insert(place("RoleBinding", namespace, &sealed));
        }
    }
    all
}

#[test]
fn each_side_brings_exactly_its_sealed_namespace_and_its_read_in_the_allowed_ones() {
    for (values, sides, allowed) in [
        (&["live.enabled=true"][..], &["live"][..], &[][..]),
        (
            &["demo.enabled=true", "allowedNamespaces={team-a}"],
            &["demo"],
            &["team-a"],
        ),
        (
            &[
                "live.enabled=true",
                "demo.enabled=true",
                "allowedNamespaces={team-a,team-b}",
            ],
            &["live", "demo"],
            &["team-a", "team-b"],
        ),
    ] {
        let found = places(&rendered("alpha", values));
        assert_eq!(found, expected("alpha", sides, allowed), "{values:?}");
    }
}

/// The whole of an account, reviewed by a person.
#[test]
fn an_account_is_as_it_was_reviewed() {
    golden::hold_against("trading-account.yaml", &rendered("alpha", ACCOUNTS[2]));
}

#[test]
fn two_accounts_share_no_object() {
    let whole = ACCOUNTS[2];
    let alpha = places(&rendered("alpha", whole));
    let beta = places(&rendered("beta", whole));
    assert_eq!(alpha.len(), beta.len());
    let shared: Vec<&Place> = alpha.intersection(&beta).collect();
    assert!(shared.is_empty(), "{shared:?}");
}

#[test]
fn names_come_from_the_account_and_not_from_the_release() {
    let values = with_required("account=alpha", ACCOUNTS[2]);
    let released_as = |release| chart(release).render(&values).unwrap();
    let [one, other] = ["alpha", "another"].map(|release| places(&released_as(release)));
    assert_eq!(one, other);
}

#[test]
fn every_name_of_the_longest_account_is_one_that_kubernetes_takes() {
    let longest = "a".repeat(50);
    for (kind, namespace, name) in places(&rendered(&longest, ACCOUNTS[2])) {
        assert!(
            name.len() <= 63 && namespace.len() <= 63,
            "{kind} {namespace}/{name}"
        );
    }
}

#[test]
fn k1_no_secret_is_rendered_and_no_value_could_hold_a_key() {
    for values in ACCOUNTS {
        let manifests = rendered("alpha", values);
        assert_eq!(manifests.of_kind("Secret").count(), 0);
    }
    let schema = documentation::schema(&chart("alpha"));
    let mut names = Vec::new();
    property_names(&schema, &mut names);
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let lower = name.to_lowercase();
        for word in ["key", "secret", "token", "password", "credential"] {
            assert!(!lower.contains(word), "the schema has a value {name}");
        }
    }
}

fn property_names<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    match schema {
        Value::Object(fields) => {
            for (keyword, value) in fields {
                if let (true, Some(properties)) = (keyword == "properties", value.as_object()) {
                    found.extend(properties.keys().map(String::as_str));
                }
                property_names(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| property_names(item, found)),
        _ => {}
    }
}

#[test]
fn sealed_namespaces_enforce_pod_security_restricted() {
    let manifests = rendered("alpha", ACCOUNTS[2]);
    for side in ["live", "demo"] {
        let namespace = manifests.get("Namespace", &format!("trading-{side}-alpha"));
        let labels = &namespace["metadata"]["labels"];
        for (label, value) in [
            ("pod-security.kubernetes.io/enforce", "restricted"),
            ("pod-security.kubernetes.io/enforce-version", "latest"),
            ("pod-security.kubernetes.io/audit", "restricted"),
            ("pod-security.kubernetes.io/warn", "restricted"),
            ("triptych.trading/account", "alpha"),
            ("triptych.trading/side", side),
        ] {
            assert_eq!(labels[label], value, "{side}: {label}");
        }
    }
}

#[test]
fn a_sealed_namespace_has_room_for_one_pod_and_for_no_way_in_from_outside() {
    let manifests = rendered("alpha", ACCOUNTS[2]);
    let hard = json!({
        "count/pods": "1", "services.loadbalancers": "0", "services.nodeports": "0"
    });
    for side in ["live", "demo"] {
        let home = format!("trading-{side}-alpha");
        let quota = manifests.get_in(&home, "ResourceQuota", "seal");
        assert_eq!(quota["spec"], json!({ "hard": hard }), "{side}");
    }
}

#[test]
fn the_lease_is_left_to_the_trader_and_its_account_hands_out_no_token_by_itself() {
    let manifests = rendered("alpha", ACCOUNTS[2]);
    for side in ["live", "demo"] {
        let home = format!("trading-{side}-alpha");
        let lease = manifests.get_in(&home, "Lease", "trader");
        assert_eq!(lease["spec"], Value::Null, "an upgrade would take it back");
        let account = manifests.get_in(&home, "ServiceAccount", "trader");
        assert_eq!(account["automountServiceAccountToken"], false);
    }
}

#[test]
fn every_object_is_labelled_by_its_account_and_kept_whatever_becomes_of_the_release() {
    for values in ACCOUNTS {
        for object in rendered("alpha", values).all() {
            let described = format!("{} {}", kind(object), name(object));
            let metadata = &object["metadata"];
            for (label, value) in [
                ("app.kubernetes.io/name", "trading-account"),
                ("app.kubernetes.io/instance", "alpha"),
                ("app.kubernetes.io/part-of", "triptych"),
                ("app.kubernetes.io/managed-by", "Helm"),
                ("triptych.trading/account", "alpha"),
            ] {
                assert_eq!(metadata["labels"][label], value, "{described}");
            }
            let kept = &metadata["annotations"]["helm.sh/resource-policy"];
            assert_eq!(kept, "keep", "{described}");
        }
    }
}

#[test]
fn kubernetes_knows_every_field_of_every_object() {
    for values in ACCOUNTS {
        for object in rendered("alpha", values).all() {
            let read = match kind(object) {
                "ClusterRole" => as_kubernetes_reads_it::<ClusterRole>(object),
                "ClusterRoleBinding" => as_kubernetes_reads_it::<ClusterRoleBinding>(object),
                "Lease" => as_kubernetes_reads_it::<Lease>(object),
                "Namespace" => as_kubernetes_reads_it::<Namespace>(object),
                "NetworkPolicy" => as_kubernetes_reads_it::<NetworkPolicy>(object),
                "ResourceQuota" => as_kubernetes_reads_it::<ResourceQuota>(object),
                "Role" => as_kubernetes_reads_it::<Role>(object),
                "RoleBinding" => as_kubernetes_reads_it::<RoleBinding>(object),
                "ServiceAccount" => as_kubernetes_reads_it::<ServiceAccount>(object),
                // The end-to-end suite shows it to a real API server.
                "TradingAccount" => continue,
                other => panic!("the chart renders a {other}, which this test does not know"),
            };
            let lost = first_difference(object, &read);
            assert_eq!(lost, None, "{} {}", kind(object), name(object));
        }
    }
}

#[test]
fn lint_passes_for_every_account() {
    for values in ACCOUNTS {
        let said = chart("alpha")
            .lint(&with_required("account=alpha", values))
            .unwrap_or_else(|refusal| panic!("lint fails with {values:?}: {}", refusal.0));
        assert!(said.contains("0 chart(s) failed"), "{said}");
        assert!(!said.contains("[WARNING]"), "{said}");
    }
}
