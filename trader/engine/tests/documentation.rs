//! docs/risk-rules.md is what the rules say of themselves.

use std::path::Path;

use triptych_crds::risk_rules::RULES_ON_PORTFOLIOS;
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

#[test]
fn a_revision_has_to_state_a_portfolio_for_exactly_the_rules_that_look_at_one() {
    let looking = DESCRIPTIONS.iter().filter(|rule| rule.looks_at_portfolio);
    let mut looking: Vec<&str> = looking.map(|rule| rule.name).collect();
    let mut required = RULES_ON_PORTFOLIOS.to_vec();
    looking.sort_unstable();
    required.sort_unstable();
    assert_eq!(looking, required);
}
