//! Metrics that W and R add; docs/trader-contract.md has the same table.

use triptych_crds::TradingState;
use triptych_dataset::encode::trading_state_name;
use triptych_trader_runtime::TierPart as _;
use triptych_trader_runtime::metrics::{Metric, Value, flag};

use crate::part::Trading;

/// Every metric.
pub(crate) const TABLE: &[Metric<Trading>] = &[
    Metric {
        name: "triptych_trader_halted",
        help: "1 while the trading state in force is Halted",
        value: Value::Gauge(|t| flag(t.state() == TradingState::Halted)),
    },
    Metric {
        name: "triptych_trader_reducing",
        help: "1 while the trading state in force is Reducing",
        value: Value::Gauge(|t| flag(t.state() == TradingState::Reducing)),
    },
    Metric {
        name: "triptych_trader_halts",
        help: "Halts latched since the start, by source",
        value: Value::CounterBy("source", |t| {
            let counts = t.control.counters().by_source();
            counts
                .map(|(source, count)| (source.name().to_owned(), count))
                .collect()
        }),
    },
    Metric {
        name: "triptych_trader_latch_failures",
        help: "Attempts to read or write the latch that failed",
        value: Value::Counter(|t| t.control.counters().latch_failures()),
    },
    Metric {
        name: "triptych_trader_intents_accepted",
        help: "Candidates that rules, trading state and live ratio let through",
        value: Value::Counter(|t| t.intents.accepted()),
    },
    Metric {
        name: "triptych_trader_intents_denied",
        help: "Candidates that a rule denied",
        value: Value::Counter(|t| t.intents.denied()),
    },
    Metric {
        name: "triptych_trader_intents_refused",
        help: "Candidates that every rule passed and the trading state refused, by state",
        value: Value::CounterBy("state", |t| {
            let counts = t.intents.refused();
            counts
                .map(|(state, count)| (trading_state_name(state).to_owned(), count))
                .into()
        }),
    },
    Metric {
        name: "triptych_trader_intents_cut",
        help: "Candidates that every rule passed and of which the live ratio left nothing",
        value: Value::Counter(|t| t.intents.cut()),
    },
    Metric {
        name: "triptych_trader_breaches",
        help: "Limits of losses that broke and reduce or halt, since the start",
        value: Value::Counter(super::part::Trading::breaches),
    },
    Metric {
        name: "triptych_trader_instance_watched",
        help: "1 while a watch of the TradingInstance lives",
        value: Value::Gauge(|t| flag(t.instance.is_watching())),
    },
    Metric {
        name: "triptych_trader_instance_failures",
        help: "Readings and watches of the TradingInstance that failed",
        value: Value::Counter(|t| t.instance.failures()),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_documents_every_metric() {
        let page =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/trader-contract.md");
        let page = std::fs::read_to_string(page).expect("docs/trader-contract.md");
        for metric in TABLE {
            let row = metric.documentation();
            assert!(page.contains(&row), "docs/trader-contract.md lacks: {row}");
        }
    }
}
