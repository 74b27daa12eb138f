//! The TradingAccount itself: what was declared, and nothing that was not.

use serde_json::{Value, json};

use triptych_chart_tests::in_repository;

use crate::{chart, rendered};

fn spec(values: &[&str]) -> Value {
    rendered("alpha", values).get("TradingAccount", "alpha")["spec"].clone()
}

#[test]
fn an_account_with_a_live_side_alone_has_no_demo_side() {
    let expected = json!({
        "venue": "BinanceSpot",
        "live": { "journal": { "size": "1Gi" } },
        "allowedNamespaces": []
    });
    assert_eq!(spec(&["live.enabled=true"]), expected);
}

#[test]
fn an_account_with_a_demo_side_alone_has_no_live_side() {
    let expected = json!({
        "venue": "BybitV5",
        "demo": { "journal": { "size": "20Gi", "storageClassName": "fast" } },
        "allowedNamespaces": ["team-a", "team-b"]
    });
    let declared = [
        "demo.enabled=true",
        "venue=BybitV5",
        "demo.journal.size=20Gi",
        "demo.journal.storageClassName=fast",
        "allowedNamespaces={team-a,team-b}",
    ];
    assert_eq!(spec(&declared), expected);
}

#[test]
fn a_simulated_account_names_its_endpoints_and_what_was_revoked() {
    let hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let endpoints = json!({
        "rest": "http://venue:8080", "marketStreams": "ws://venue:9443", "userStreams": "ws://venue:9444"
    });
    let expected = json!({
        "venue": "BinanceSpot",
        "simulated": true,
        "live": { "endpoints": endpoints, "journal": { "size": "1Gi" } },
        "allowedNamespaces": [],
        "revoked": [{ "configHash": hash, "reason": "it sold at any price" }]
    });
    let revoked = format!("revoked[0].configHash={hash}");
    let declared = [
        "live.enabled=true",
        "simulated=true",
        "live.endpoints.rest=http://venue:8080",
        "live.endpoints.marketStreams=ws://venue:9443",
        "live.endpoints.userStreams=ws://venue:9444",
        &revoked,
        "revoked[0].reason=it sold at any price",
    ];
    assert_eq!(spec(&declared), expected);
}

#[test]
fn a_side_that_is_off_leaves_nothing_whatever_else_is_said_of_it() {
    let off = [
        "demo.enabled=true",
        "live.journal.size=5Gi",
        "live.destinations[0].cidr=203.0.113.0/24",
        "live.destinations[0].ports={443}",
    ];
    let text = rendered("alpha", &off).to_yaml();
    assert!(!text.contains("live"), "{text}");
    assert!(!text.contains("203.0.113.0"), "{text}");
}

#[test]
fn the_example_of_three_tiers_lacks_nothing_but_the_address_of_the_api_server() {
    let path = in_repository("examples/three-tiers/account.yaml");
    let values = std::fs::read_to_string(path).unwrap();
    let values: Value = serde_yaml_ng::from_str(&values).unwrap();
    let values = values.to_string();
    assert!(chart("alpha").render(&[&values]).is_err());
    let cluster = [
        "network.apiServer.cidrs={10.0.0.1/32}",
        "network.apiServer.port=6443",
    ];
    let rendered = chart("alpha").render(&[&values, cluster[0], cluster[1]]);
    let rendered = rendered.unwrap();
    let account = &rendered.get("TradingAccount", "alpha")["spec"];
    for (side, port) in [("live", 9001), ("demo", 9002)] {
        assert_eq!(
            account[side]["endpoints"]["marketStreams"],
            format!("ws://venue.trading.svc:{port}")
        );
    }
}
