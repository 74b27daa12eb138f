//! Writes docs/risk-rules.md to standard output.

fn main() {
    print!(
        "{}",
        triptych_engine::risk::description::page(triptych_engine::risk::DESCRIPTIONS)
    );
}
