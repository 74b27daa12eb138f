//! What a rule says of itself: the source of docs/risk-rules.md.

use std::fmt::Write;

use super::verdict::DenyCode;

/// A rule's own account of what it does.
#[derive(Debug, Clone, Copy)]
pub struct RuleDescription {
    /// Name in a manifest and in each verdict.
    pub name: &'static str,
    /// Version in each verdict.
    pub version: u32,
    /// What it protects from, in a sentence.
    pub purpose: &'static str,
    /// What it looks at.
    pub looks_at: &'static str,
    /// Unit of `observed` and `limit`.
    pub unit: &'static str,
    /// The comparison.
    pub formula: &'static str,
    /// Parameters in a manifest, with what each means.
    pub parameters: &'static [(&'static str, &'static str)],
    /// Why it denies.
    pub deny_codes: &'static [(DenyCode, &'static str)],
    /// Whether its verdict depends on a portfolio, and names it.
    pub looks_at_portfolio: bool,
    /// Denials that hold for reductions too, because the venue would refuse the order. With any other
    /// a reduction passes.
    pub binds_reductions: &'static [DenyCode],
    /// What a verdict of it means in a row of ABH's dataset.
    pub in_the_dataset: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
}

/// The page docs/risk-rules.md.
pub fn page(rules: &[&RuleDescription]) -> String {
    let mut page = String::from(
        "# Risk rules\n\n\
         Generated from the rules' own descriptions by `cargo run -p triptych-engine --example risk_rules_page`.\n\n\
         Every rule of a revision judges every candidate trade, in the order of `spec.riskRules`; none\n\
         stops another from being asked. Comparisons are exact decimals. A verdict holds `rule`, `version`,\n\
         `pass`, `observed`, `limit`, `resized_qty` and `deny_code`. Where rules shrink a trade, the\n\
         smallest quantity is judged once more by every rule, and must pass as it is; a rule that would shrink it\n\
         further denies it with `SHRINKS_TWICE`.\n\n\
         A cancel always passes. So does a reduction, an order that only makes the portfolio's position in its\n\
         instrument smaller: no rule may keep anyone in a position. What denies a reduction too is an order that the\n\
         venue would refuse: the codes marked so below.\n\n\
         Rules that look at a portfolio need `spec.portfolio`. Their verdicts name the one they looked at: `Enforced`\n\
         takes what enforcing every rule lets through, as R does; `AllTaken` takes every candidate. Both trade at the\n\
         touch, at once, and pay `takerFeeBasisPoints`; stop and target of a candidate close its quantity when the touch\n\
         crosses them. Working orders count at their worst.\n\n\
         | Rule | Protects from |\n|---|---|\n",
    );
    for rule in rules {
        let _ = writeln!(
            page,
            "| [{0}](#{1}) | {2} |",
            rule.name,
            rule.name.to_lowercase(),
            rule.purpose
        );
    }
    for rule in rules {
        section(&mut page, rule);
    }
    page
}

fn section(page: &mut String, rule: &RuleDescription) {
    let _ = writeln!(
        page,
        "\n## {}\n\n{} Version {}.\n",
        rule.name, rule.purpose, rule.version
    );
    for (title, text) in [
        ("Looks at", rule.looks_at),
        ("Unit of `observed` and `limit`", rule.unit),
        ("Passes when", rule.formula),
        ("In the dataset", rule.in_the_dataset),
        ("Source", rule.source),
    ] {
        let _ = writeln!(page, "- **{title}**: {text}");
    }
    for (name, meaning) in rule.parameters {
        let _ = writeln!(page, "- **Parameter `{name}`**: {meaning}");
    }
    for (code, meaning) in rule.deny_codes {
        let too = if rule.binds_reductions.contains(code) {
            " Reductions too."
        } else {
            ""
        };
        let _ = writeln!(page, "- **Denies with `{}`**: {meaning}{too}", code.0);
    }
}
