//! Wrong values are refused by the name of the value, before anything reaches a cluster.

use crate::{chart, with_required};

/// A wrong value, the value that the refusal must name, and what it must say.
const REFUSED: &[(&str, &str, &str)] = &[
    ("account=Alpha", "/account", "pattern"),
    ("account=a.b", "/account", "pattern"),
    ("account=7", "/account", "want string"),
    (
        "account=abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
        "/account",
        "maxLength",
    ),
    ("account=", "account is required", "--set account=alpha"),
    ("venue=Binance", "/venue", "'BinanceSpot', 'BybitV5'"),
    ("venue=", "venue is required", "BinanceSpot or BybitV5"),
    ("simulated=maybe", "/simulated", "want boolean"),
    (
        "simulated=true",
        "live.endpoints is required because simulated is true",
        "Set rest, marketStreams and userStreams",
    ),
    ("demo.enabeld=true", "/demo", "'enabeld' not allowed"),
    (
        "live.enabled=false",
        "live.enabled and demo.enabled are both false",
        "Set one of them to true",
    ),
    (
        "allowedNamespaces={Team}",
        "/allowedNamespaces/0",
        "pattern",
    ),
    (
        "allowedNamespaces={a,a}",
        "/allowedNamespaces",
        "items at 0 and 1 are equal",
    ),
    (
        "allowedNamespaces={trading-live-beta}",
        "allowedNamespaces names trading-live-beta",
        "name the namespaces in which teams",
    ),
    (
        "allowedNamespaces={kube-system}",
        "allowedNamespaces names kube-system",
        "belongs to the system",
    ),
    (
        "allowedNamespaces={triptych-system}",
        "allowedNamespaces names triptych-system",
        "belongs to the system",
    ),
    (
        "revoked[0].configHash=c0ffee",
        "/revoked/0/configHash",
        "pattern",
    ),
    ("revoked[0].reason=why", "/revoked/0", "'configHash'"),
    ("team.groups={}", "/team/groups/0", "pattern"),
    (
        "team.groups={system:authenticated}",
        "team.groups or custodians.groups names system:authenticated",
        "Name a group of your own people",
    ),
    (
        "custodians.groups={system:masters}",
        "team.groups or custodians.groups names system:masters",
        "Name a group of your own people",
    ),
    ("delivery.users={}", "/delivery/users/0", "pattern"),
    (
        "delivery.users={system:anonymous}",
        "delivery.users names system:anonymous",
        "system:serviceaccount:<namespace>:<name>",
    ),
    (
        "delivery.groups={robots}",
        "/delivery",
        "'groups' not allowed",
    ),
    ("custodians.groups=null", "/custodians", "'groups'"),
    (
        "network.apiServer.cidrs=null",
        "/network/apiServer",
        "missing property 'cidrs'",
    ),
    (
        "network.apiServer.cidrs={api.example}",
        "/network/apiServer/cidrs/0",
        "pattern",
    ),
    (
        "network.apiServer.cidrs={10.0.0.256/32}",
        "/network/apiServer/cidrs/0",
        "pattern",
    ),
    (
        "network.apiServer.cidrs={10.0.0.1/33}",
        "/network/apiServer/cidrs/0",
        "pattern",
    ),
    (
        "network.apiServer.port=null",
        "network.apiServer.port is required",
        "kubectl get endpointslices kubernetes",
    ),
    (
        "network.apiServer.port=70000",
        "/network/apiServer/port",
        "maximum",
    ),
    ("network.dns.port=0", "/network/dns/port", "minimum"),
    ("network.dns.cidrs={dns}", "/network/dns/cidrs/0", "pattern"),
    ("network.proxy=x", "/network", "'proxy' not allowed"),
    (
        "live.endpoints.rest=http://venue",
        "/live/endpoints",
        "'marketStreams', 'userStreams' required",
    ),
    (
        "live.endpoints.rest=venue.example",
        "/live/endpoints/rest",
        "pattern",
    ),
    (
        "live.endpoints.marketStreams=http://venue",
        "/live/endpoints/marketStreams",
        "pattern",
    ),
    ("live.journal.size=0Gi", "/live/journal/size", "pattern"),
    ("live.journal.size=lots", "/live/journal/size", "pattern"),
    (
        "demo.journal.storageClassName=Fast Disk",
        "/demo/journal/storageClassName",
        "pattern",
    ),
    (
        "live.destinations[0].cidr=203.0.113.7/32",
        "/live/destinations/0",
        "missing property 'ports'",
    ),
    (
        "live.destinations[0].ports={443}",
        "/live/destinations/0",
        "missing property 'cidr'",
    ),
    (
        "live.destinations[0].host=api.binance.com",
        "/live/destinations/0",
        "'host' not allowed",
    ),
    (
        "live.destinations[0].namespace=egress,live.destinations[0].ports={443}",
        "/live/destinations/0",
        "'podLabels' required, if 'namespace' exists",
    ),
    (
        "demo.destinations[0].except={10.0.0.0/8},demo.destinations[0].ports={443}",
        "/demo/destinations/0",
        "'cidr' required, if 'except' exists",
    ),
    (
        "demo.destinations[0].cidr=0.0.0.0/0,demo.destinations[0].ports={0}",
        "/demo/destinations/0/ports/0",
        "minimum",
    ),
    ("live.apiKey=abc", "/live", "'apiKey' not allowed"),
    ("namespace=other", "namespace", "not allowed"),
    ("quota.pods=2", "quota", "not allowed"),
];

#[test]
fn a_wrong_value_is_refused_by_its_name() {
    let chart = chart("alpha");
    for (value, named, expectation) in REFUSED {
        let values = ["live.enabled=true", value];
        let refusal = match chart.render(&with_required("account=alpha", &values)) {
            Ok(_) => panic!("{value} was accepted"),
            Err(refusal) => refusal.0,
        };
        assert!(
            refusal.contains(named),
            "{value}: {named:?} is not named in:\n{refusal}"
        );
        assert!(
            refusal.contains(expectation),
            "{value}: no {expectation:?} in:\n{refusal}"
        );
    }
}

#[test]
fn the_networks_of_the_api_server_are_asked_for_with_the_reason_and_the_way_to_find_them() {
    let refusal = chart("alpha")
        .render(&["account=alpha", "venue=BybitV5", "demo.enabled=true"])
        .expect_err("no network was named")
        .0;
    for part in [
        "network.apiServer.cidrs is required",
        "stays halted",
        "kubectl get endpointslices kubernetes",
        "--set 'network.apiServer.cidrs={10.0.0.1/32}'",
    ] {
        assert!(refusal.contains(part), "no {part:?} in:\n{refusal}");
    }
}

#[test]
fn a_parent_chart_may_pass_its_globals() {
    let values = ["live.enabled=true", "global.team=a"];
    assert!(
        chart("alpha")
            .render(&with_required("account=alpha", &values))
            .is_ok()
    );
}
