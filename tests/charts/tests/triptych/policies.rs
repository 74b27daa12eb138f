//! The admission policies: each in a file of its own, bound, closed when it fails, and asked only about
//! what mentions what it protects. That they compile and refuse is shown on a cluster (`make attacks`).

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use triptych_chart_tests::{Chart, Manifests, manifests::name};

use crate::rendered;

const POLICY: &str = "ValidatingAdmissionPolicy";
const BINDING: &str = "ValidatingAdmissionPolicyBinding";

/// Names of the policies by the files of their templates.
fn files() -> BTreeSet<String> {
    let folder = Chart::named("triptych").folder().join("templates/policies");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| Some(format!("triptych-{}", file.strip_suffix(".yaml")?)))
        .collect()
}

fn names(manifests: &Manifests, kind: &str) -> BTreeSet<String> {
    manifests
        .of_kind(kind)
        .map(name)
        .map(str::to_owned)
        .collect()
}

/// Every CEL expression of a policy, as one text.
fn text(manifests: &Manifests, policy: &str) -> String {
    manifests.get(POLICY, policy)["spec"].to_string()
}

#[test]
fn k1_each_policy_is_named_by_its_file_and_bound_to_the_whole_cluster() {
    let manifests = rendered(&[]);
    assert!(files().len() > 10, "{:?}", files());
    assert_eq!(names(&manifests, POLICY), files());
    assert_eq!(names(&manifests, BINDING), files());
    for binding in manifests.of_kind(BINDING) {
        let whole = json!({ "policyName": name(binding), "validationActions": ["Deny", "Audit"] });
        assert_eq!(binding["spec"], whole);
    }
}

/// Without parameters nothing can be missing or not yet read after a restart of the API server, and
/// what mentions nothing that is protected is not evaluated at all.
#[test]
fn k1_policies_fail_closed_take_no_parameters_and_leave_everything_else_alone() {
    for policy in rendered(&[]).of_kind(POLICY) {
        let (spec, name) = (&policy["spec"], name(policy));
        assert_eq!(spec["failurePolicy"], "Fail", "{name}");
        assert_eq!(spec["paramKind"], Value::Null, "{name}");
        let conditions = spec["matchConditions"].as_array();
        let count = conditions.map_or(0, Vec::len);
        assert!(count > 0, "{name} is evaluated for every request");
        for validation in spec["validations"].as_array().unwrap() {
            let says =
                validation["message"].is_string() || validation["messageExpression"].is_string();
            assert!(says, "{name} refuses without a word: {validation}");
        }
    }
}

#[test]
fn policies_can_warn_first_and_can_be_left_out() {
    let warning = rendered(&["policies.validationActions={Warn,Audit}"]);
    for binding in warning.of_kind(BINDING) {
        let actions = &binding["spec"]["validationActions"];
        assert_eq!(*actions, json!(["Warn", "Audit"]), "{}", name(binding));
    }
    let none = rendered(&["policies.enabled=false"]);
    assert_eq!(none.of_kind(POLICY).chain(none.of_kind(BINDING)).count(), 0);
}

#[test]
fn k1_who_may_what_is_rendered_from_the_values() {
    let default = rendered(&[]);
    let named = rendered(&[
        "policies.platform.groups={owners}",
        "policies.platform.users={system:serviceaccount:argocd:accounts}",
        "policies.custodians.groups={keepers}",
        "policies.storageProvisioners.users={system:serviceaccount:storage:provisioner}",
        "policies.daemonNamespaces={kube-system,monitoring}",
    ]);
    let rows = [
        (
            "triptych-sealed-namespaces",
            "'triptych:platform'",
            "'owners'",
        ),
        (
            "triptych-sealed-namespaces",
            "username in []",
            "'system:serviceaccount:argocd:accounts'",
        ),
        (
            "triptych-sealed-namespace-contents",
            "'triptych:key-custodians'",
            "'keepers'",
        ),
        (
            "triptych-volumes",
            "username in []",
            "'system:serviceaccount:storage:provisioner'",
        ),
        (
            "triptych-w-node-tolerations",
            "['kube-system']",
            "['kube-system', 'monitoring']",
        ),
        (
            "triptych-w-tier-pods",
            "['kube-system']",
            "['kube-system', 'monitoring']",
        ),
    ];
    for (policy, before, after) in rows {
        assert!(
            text(&default, policy).contains(before),
            "{policy}: no {before}"
        );
        assert!(text(&named, policy).contains(after), "{policy}: no {after}");
        assert!(!text(&default, policy).contains(after), "{policy}: {after}");
    }
}

/// The operator's token must not lie on another node than a W node, unless its values say so.
#[test]
fn k1_the_operators_pods_must_ask_for_w_nodes_unless_the_values_place_it_anywhere() {
    let asks = "spec.nodeSelector of an operator's pod must have";
    for (values, placed) in [
        (&[][..], true),
        (&["operator.onWNodes=true", "profile=dev"], true),
        (&["profile=dev"], false),
        (&["operator.onWNodes=false"], false),
    ] {
        let policy = text(&rendered(values), "triptych-operator-pods");
        assert_eq!(policy.contains(asks), placed, "{values:?}");
    }
}
