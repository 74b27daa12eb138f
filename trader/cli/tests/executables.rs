//! A1: what the observing executable cannot do is not even linked into it.

use std::path::Path;

/// What only the other executable has: a pod's token, keys, latch and halt endpoint, orders with their journal and
/// ledger, the account's own stream, and requests to an object store that are signed with a key.
const ONLY_TRADING: [&str; 12] = [
    "/api/v3/order",
    "newClientOrderId",
    "userDataStream.subscribe.signature",
    "demo-api.binance.com",
    "orders.journal",
    "ledger.sqlite",
    "kubernetes.io/serviceaccount",
    "api-secret",
    "halt.json",
    "/v1/halt",
    "aws4_request",
    "AWS4-HMAC-SHA256",
];

/// What a search finds in an executable.
fn content(executable: &Path) -> String {
    let bytes = std::fs::read(executable).unwrap_or_else(|error| {
        let path = executable.display();
        panic!("{path}: {error}; build the whole workspace")
    });
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a1_the_observing_executable_holds_no_code_for_keys_tokens_halts_orders_or_signatures() {
    let path = Path::new(env!("CARGO_BIN_EXE_trader"));
    let (trading, observing) = (
        content(path),
        content(&path.with_file_name("trader-observe")),
    );
    for text in ONLY_TRADING {
        assert!(trading.contains(text), "the check would not see {text}");
        assert!(!observing.contains(text), "{text} is in trader-observe");
    }
    assert!(observing.contains("triptych_market_data_connected"));
}
