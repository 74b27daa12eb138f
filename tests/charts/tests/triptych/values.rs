//! Wrong values are refused by the name of the field, before anything reaches a cluster.

use triptych_chart_tests::Chart;

/// A wrong value, the field that the refusal must name, and what it must say.
const REFUSED: &[(&str, &str, &str)] = &[
    ("profile=staging", "/profile", "'production', 'dev'"),
    ("operatr.replicas=2", "operatr", "not allowed"),
    ("operator.replica=2", "/operator", "'replica' not allowed"),
    ("operator.replicas=0", "/operator/replicas", "minimum"),
    ("operator.replicas=6", "/operator/replicas", "maximum"),
    (
        "operator.replicas=two",
        "/operator/replicas",
        "want null or integer",
    ),
    (
        "profile=dev,operator.replicas=2",
        "/operator/replicas",
        "maximum: got 2, want 1",
    ),
    (
        "operator.resources.limits.memory=lots",
        "/operator/resources/limits/memory",
        "pattern",
    ),
    (
        "operator.resources.limits.gpu=1",
        "/operator/resources/limits",
        "'gpu' not allowed",
    ),
    (
        "operator.log.format=xml",
        "/operator/log/format",
        "'json', 'pretty'",
    ),
    ("operator.log.filter=", "/operator/log/filter", "minLength"),
    (
        "operator.nodeSelector.zone=a b",
        "/operator/nodeSelector/zone",
        "pattern",
    ),
    ("operator.onWNodes=yes", "/operator/onWNodes", "want"),
    (
        r"operator.nodeSelector.node-restriction\.kubernetes\.io/trading-tier=W",
        "operator.nodeSelector names node-restriction.kubernetes.io/trading-tier",
        "operator.onWNodes places",
    ),
    (
        "operator.tolerations[0].effect=Never",
        "/operator/tolerations/0/effect",
        "NoExecute",
    ),
    (
        "operator.priorityClassName=High",
        "/operator/priorityClassName",
        "pattern",
    ),
    (
        "operator.securityContext.privileged=true",
        "/operator",
        "'securityContext' not allowed",
    ),
    ("image.digest=sha256:abc", "/image/digest", "pattern"),
    ("image.tag=not a tag", "/image/tag", "pattern"),
    (
        "image.repository=Example/Operator:v1",
        "/image/repository",
        "pattern",
    ),
    (
        "image.pullPolicy=Sometimes",
        "/image/pullPolicy",
        "IfNotPresent",
    ),
    (
        "image.pullSecrets={Wrong Name}",
        "/image/pullSecrets/0",
        "pattern",
    ),
    ("crds.install=yes", "/crds/install", "want boolean"),
    ("crds.keep=false", "/crds", "'keep' not allowed"),
    (
        "crds.annotations.count=1",
        "/crds/annotations/count",
        "want string",
    ),
    (
        "serviceMonitor.interval=often",
        "/serviceMonitor/interval",
        "pattern",
    ),
    (
        "networkPolicy.apiServer.ports={70000}",
        "/networkPolicy/apiServer/ports/0",
        "maximum",
    ),
    (
        "networkPolicy.apiServer.ports=null",
        "/networkPolicy/apiServer",
        "missing property 'ports'",
    ),
    (
        "networkPolicy.apiServer.cidrs={anywhere}",
        "/networkPolicy/apiServer/cidrs/0",
        "pattern",
    ),
    (
        "networkPolicy.dns.port=0",
        "/networkPolicy/dns/port",
        "minimum",
    ),
    (
        "networkPolicy.metricsFrom[0].pods=all",
        "/networkPolicy/metricsFrom/0",
        "'pods' not allowed",
    ),
    (
        "serviceAccount.create=false",
        "serviceAccount",
        "not allowed",
    ),
    ("rbac.extraRules=x", "rbac", "not allowed"),
    (
        "policies.enabled=maybe",
        "/policies/enabled",
        "want boolean",
    ),
    (
        "policies.validationActions={Refuse}",
        "/policies/validationActions/0",
        "'Deny', 'Warn', 'Audit'",
    ),
    (
        "policies.validationActions={Deny,Warn}",
        "/policies/validationActions",
        "not",
    ),
    (
        "policies.platform.groups=null",
        "/policies/platform",
        "missing property 'groups'",
    ),
    (
        "policies.platform.groups={it's}",
        "/policies/platform/groups/0",
        "pattern",
    ),
    (
        "policies.custodians.names={carol}",
        "/policies/custodians",
        "'names' not allowed",
    ),
    (
        "policies.daemonNamespaces={trading-live-alpha}",
        "/policies/daemonNamespaces/0",
        "not",
    ),
    ("policies.params=x", "/policies", "'params' not allowed"),
];

#[test]
fn a_wrong_value_is_refused_by_the_name_of_its_field() {
    let chart = Chart::named("triptych");
    for (value, field, expectation) in REFUSED {
        let refusal = match chart.render(&["image.repository=example/triptych-operator", value]) {
            Ok(_) => panic!("{value} was accepted"),
            Err(refusal) => refusal.0,
        };
        assert!(
            refusal.contains(field),
            "{value}: {field:?} is not named in:\n{refusal}"
        );
        assert!(
            refusal.contains(expectation),
            "{value}: no {expectation:?} in:\n{refusal}"
        );
    }
}

#[test]
fn a_missing_image_is_refused_with_what_to_do() {
    let refusal = Chart::named("triptych")
        .render(&[])
        .expect_err("no image was named")
        .0;
    for part in [
        "image.repository is required",
        "--set image.repository=",
        "image.digest",
    ] {
        assert!(refusal.contains(part), "no {part:?} in:\n{refusal}");
    }
}

#[test]
fn a_parent_chart_may_pass_its_globals() {
    let values = [
        "image.repository=example/triptych-operator",
        "global.team=a",
    ];
    assert!(Chart::named("triptych").render(&values).is_ok());
}
