//! What `charts/trading-account` promises, each promise a test.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod account;
mod cluster_checks;
mod documentation;
mod network;
mod objects;
mod rights;
mod values;

use triptych_chart_tests::{Chart, Manifests};

/// What every account has to say.
const REQUIRED: [&str; 3] = [
    "venue=BinanceSpot",
    "network.apiServer.cidrs={10.0.0.1/32}",
    "network.apiServer.port=6443",
];

/// Values that between them render every branch of every template.
const ACCOUNTS: [&[&str]; 4] = [
    &["live.enabled=true"],
    &["demo.enabled=true", "allowedNamespaces={team-a}"],
    &[
        "live.enabled=true",
        "demo.enabled=true",
        "allowedNamespaces={team-a,team-b}",
        "team.groups={traders,analysts}",
        "delivery.users={system:serviceaccount:argocd:argocd-application-controller}",
        "network.dns.cidrs={169.254.20.10/32}",
        "live.journal.storageClassName=fast",
        "live.destinations[0].cidr=0.0.0.0/0",
        "live.destinations[0].except={10.0.0.0/8,192.168.0.0/16}",
        "live.destinations[0].ports={443,9443}",
        "demo.destinations[0].namespace=egress",
        "demo.destinations[0].podLabels.app=proxy",
        "demo.destinations[0].ports={3128}",
    ],
    &[
        "demo.enabled=true",
        "simulated=true",
        "demo.endpoints.rest=http://venue.example:8080",
        "demo.endpoints.marketStreams=ws://venue.example:9443",
        "demo.endpoints.userStreams=ws://venue.example:9444",
        "revoked[0].configHash=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "revoked[0].reason=it sold at any price",
    ],
];

/// The chart, as a release of the account's name.
fn chart(account: &str) -> Chart {
    Chart::named("trading-account").released_as(account)
}

/// What the account has to say, its name, and further values.
fn with_required<'a>(name: &'a str, values: &[&'a str]) -> Vec<&'a str> {
    [&REQUIRED[..], &[name], values].concat()
}

/// Renders an account that needs no cluster.
fn rendered(account: &str, values: &[&str]) -> Manifests {
    let name = format!("account={account}");
    let all = with_required(&name, values);
    chart(account)
        .render(&all)
        .unwrap_or_else(|refusal| panic!("refused with {all:?}: {}", refusal.0))
}
