//! What only a cluster knows: the policies come first, and nothing is taken from a trader that runs.

use serde_json::{Value, json};
use triptych_chart_tests::ApiServer;

use crate::{chart, with_required};

const POLICY: &str = "triptych-sealed-namespaces";

fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind, "metadata": { "namespace": namespace, "name": name }
    })
}

fn cluster_namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

fn policy() -> Value {
    let admission = "admissionregistration.k8s.io/v1";
    object(admission, "ValidatingAdmissionPolicy", "", POLICY)
}

fn binding(policy: &str, actions: &[&str]) -> Value {
    let admission = "admissionregistration.k8s.io/v1";
    let mut binding = object(admission, "ValidatingAdmissionPolicyBinding", "", "bound");
    binding["spec"] = json!({ "policyName": policy, "validationActions": actions });
    binding
}

/// A cluster on which the chart triptych is installed.
fn ready() -> Vec<Value> {
    let mut objects = ["kube-system", "team-a", "team-b"]
        .map(cluster_namespace)
        .to_vec();
    objects.extend([policy(), binding(POLICY, &["Deny", "Audit"])]);
    objects
}

/// An object that the release `release` installed before, labelled so.
fn installed_by(release: &str, mut object: Value, side: &str) -> Value {
    object["metadata"]["labels"] = json!({
        "app.kubernetes.io/managed-by": "Helm",
        "triptych.trading/account": "alpha",
        "triptych.trading/side": side
    });
    object["metadata"]["annotations"] = json!({
        "meta.helm.sh/release-name": release,
        "meta.helm.sh/release-namespace": "triptych-system"
    });
    object
}

/// Alpha as the release `release` installed it before.
fn account_of(release: &str) -> Value {
    let account = object("triptych.trading/v1alpha1", "TradingAccount", "", "alpha");
    let mut account = installed_by(release, account, "");
    account["spec"] = json!({ "allowedNamespaces": ["team-a", "team-b"] });
    account
}

fn instance(namespace: &str, account: Option<&str>) -> Value {
    let api = "triptych.trading/v1alpha1";
    let mut instance = object(api, "TradingInstance", namespace, "the-trader");
    instance["spec"] = json!({ "account": account });
    instance
}

/// What the operator makes in a sealed namespace, for the instance `the-trader` of `team-a`.
fn made_by_the_operator(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    let mut made = object(api_version, kind, namespace, name);
    made["metadata"]["labels"] = json!({
        "triptych.trading/instance": "the-trader", "triptych.trading/instance-namespace": "team-a"
    });
    made
}

/// Installs or upgrades alpha on a cluster with these objects.
fn applied(objects: Vec<Value>, values: &[&str]) -> Result<(), String> {
    let cluster = ApiServer::with(objects, None);
    let rendered = chart("alpha")
        .on(&cluster)
        .render(&with_required("account=alpha", values));
    rendered.map(|_| ()).map_err(|refusal| refusal.0)
}

fn assert_refused(what: &str, answer: Result<(), String>, says: &[&str]) {
    let refusal = answer.expect_err(what);
    for part in says {
        assert!(refusal.contains(part), "{what}: no {part:?} in:\n{refusal}");
    }
}

#[test]
fn an_account_is_installed_where_the_policies_deny() {
    let answer = applied(
        ready(),
        &["live.enabled=true", "allowedNamespaces={team-a}"],
    );
    answer.expect("everything is there");
}

#[test]
fn k1_no_account_is_installed_where_the_policies_do_not_deny() {
    let bare = || vec![cluster_namespace("kube-system")];
    let no_policy =
        "the ValidatingAdmissionPolicy triptych-sealed-namespaces is not in this cluster";
    let not_denying = "no ValidatingAdmissionPolicyBinding makes the policy";
    for (what, further, says) in [
        ("nothing", vec![], no_policy),
        (
            "a binding alone",
            vec![binding(POLICY, &["Deny"])],
            no_policy,
        ),
        ("a policy that is not bound", vec![policy()], not_denying),
        (
            "a policy that only warns",
            vec![policy(), binding(POLICY, &["Warn", "Audit"])],
            not_denying,
        ),
        (
            "a binding of another policy",
            vec![policy(), binding("another", &["Deny"])],
            not_denying,
        ),
    ] {
        let answer = applied([bare(), further].concat(), &["live.enabled=true"]);
        assert_refused(
            what,
            answer,
            &[says, "Install or upgrade the chart triptych first"],
        );
    }
}

#[test]
fn a_cluster_that_does_not_know_the_kinds_is_named_as_that() {
    let cluster = ApiServer::with(ready(), Some("triptych.trading"));
    let values = with_required("account=alpha", &["live.enabled=true"]);
    let refusal = chart("alpha").on(&cluster).render(&values).unwrap_err().0;
    assert!(
        refusal.contains("does not know the kind TradingAccount"),
        "{refusal}"
    );
}

#[test]
fn a_namespace_that_does_not_exist_is_refused_before_half_of_the_account_is_made() {
    let values = ["live.enabled=true", "allowedNamespaces={team-a,team-z}"];
    assert_refused(
        "team-z is missing",
        applied(ready(), &values),
        &[
            "allowedNamespaces names team-z, which does not exist",
            "kubectl create namespace team-z",
        ],
    );
}

#[test]
fn a_side_stays_while_a_trader_is_there() {
    for (side, other) in [("live", "demo"), ("demo", "live")] {
        let sealed = format!("trading-{side}-alpha");
        let off = format!("{side}.enabled is false");
        let only = format!("{other}.enabled=true");
        let both = ["live.enabled=true", "demo.enabled=true"];
        for (api_version, kind, name) in [
            ("v1", "Pod", "trader-0"),
            ("apps/v1", "StatefulSet", "trader"),
        ] {
            let running = made_by_the_operator(api_version, kind, &sealed, name);
            let objects = [ready(), vec![running]].concat();
            let says = [
                off.as_str(),
                &format!("{kind} {name} is in namespace {sealed}"),
                "kubectl --namespace team-a delete tradinginstance the-trader",
                "wait --for=delete pod/trader-0",
            ];
            assert_refused(kind, applied(objects.clone(), &[&only]), &says);
            applied(objects, &both).expect("a side that stays is upgraded");
        }
        applied(ready(), &[&only]).expect("a side without a trader can go");
    }
}

#[test]
fn s1_a_namespace_stays_allowed_while_an_instance_there_uses_the_account() {
    let values = ["live.enabled=true", "allowedNamespaces={team-a}"];
    let cluster = |instance: Value| [ready(), vec![account_of("alpha"), instance]].concat();
    assert_refused(
        "an instance of team-b uses alpha",
        applied(cluster(instance("team-b", Some("alpha"))), &values),
        &[
            "allowedNamespaces no longer names team-b",
            "kubectl --namespace team-b delete tradinginstance the-trader",
        ],
    );
    for (namespace, account) in [
        ("team-b", Some("beta")),
        ("team-b", None),
        ("team-a", Some("alpha")),
    ] {
        let answer = applied(cluster(instance(namespace, account)), &values);
        answer.unwrap_or_else(|refusal| panic!("{namespace} {account:?}: {refusal}"));
    }
}

#[test]
fn a_release_stays_with_its_account() {
    let objects = [ready(), vec![account_of("first")]].concat();
    let cluster = ApiServer::with(objects, None);
    let values = with_required("account=beta", &["live.enabled=true"]);
    let as_release = |release| chart(release).on(&cluster).render(&values);
    let refusal = as_release("first").unwrap_err().0;
    for part in [
        "account is beta, but the release first belongs to account alpha",
        "Install beta as a release of its own",
    ] {
        assert!(refusal.contains(part), "no {part:?} in:\n{refusal}");
    }
    as_release("second").expect("another release may be another account's");
}

#[test]
fn notes_name_what_was_left_behind_and_how_it_is_deleted() {
    let rbac = "rbac.authorization.k8s.io/v1";
    let granted = |namespace: &str, side: &str| {
        let sealed = format!("trading-{side}-alpha");
        installed_by(
            "alpha",
            object(rbac, "RoleBinding", namespace, &sealed),
            side,
        )
    };
    let left = vec![
        cluster_namespace("trading-demo-alpha"),
        granted("team-a", "live"),
        granted("team-a", "demo"),
        granted("team-b", "live"),
        granted("trading-demo-alpha", "demo"),
        object(rbac, "RoleBinding", "team-b", "somebody-else"),
    ];
    let cluster = ApiServer::with([ready(), left].concat(), None);
    let values = ["live.enabled=true", "allowedNamespaces={team-a}"];
    let notes = chart("alpha")
        .on(&cluster)
        .notes(&with_required("account=alpha", &values))
        .unwrap();
    let commands: Vec<&str> = notes
        .lines()
        .map(str::trim)
        .skip_while(|line| !line.starts_with("Left over"))
        .filter(|line| line.starts_with("kubectl"))
        .take_while(|line| !line.contains("create secret"))
        .collect();
    let expected = [
        "kubectl annotate namespace trading-demo-alpha triptych.trading/decommission=alpha",
        "kubectl delete namespace trading-demo-alpha",
        "kubectl --namespace team-a delete rolebinding,role trading-demo-alpha",
        "kubectl --namespace team-b delete rolebinding,role trading-live-alpha",
    ];
    assert_eq!(commands, expected, "{notes}");
}
