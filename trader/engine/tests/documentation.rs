//! docs/risk-rules.md is what the rules say of themselves.

use std::path::Path;

use triptych_engine::risk::{DESCRIPTIONS, description};

#[test]
fn the_page_on_risk_rules_is_the_rules_own_description() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/risk-rules.md");
    let committed = std::fs::read_to_string(&path).expect("docs/risk-rules.md");
    assert_eq!(
        committed,
        description::page(DESCRIPTIONS),
        "generate it: cargo run -p triptych-engine --example risk_rules_page > docs/risk-rules.md"
    );
}
