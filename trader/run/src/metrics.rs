//! Metrics that W and R add; docs/trader-contract.md has the same table.

use triptych_crds::TradingState;
use triptych_dataset::encode::trading_state_name;
use triptych_trader_runtime::TierPart as _;
use triptych_trader_runtime::metrics::{Metric, Value, flag};

use crate::execution::status::Phase;
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
        name: "triptych_trader_execution_connected",
        help: "1 while orders go out: journal and venue were compared since the start",
        value: Value::Gauge(|t| flag(t.execution.phase() == Phase::Connected)),
    },
    Metric {
        name: "triptych_trader_orders",
        help: "What became of orders since the start, by event",
        value: Value::CounterBy("event", |t| {
            let counts = t.execution.orders();
            counts
                .map(|(event, count)| (event.to_owned(), count))
                .into()
        }),
    },
    Metric {
        name: "triptych_trader_orders_unsettled",
        help: "Orders that wait at the venue, or of which something is not known yet",
        value: Value::Gauge(|t| number(t.execution.unsettled())),
    },
    Metric {
        name: "triptych_trader_execution_rows_lost",
        help: "Rows of executions that found the dataset's queue full",
        value: Value::Counter(|t| t.execution.rows_lost()),
    },
    Metric {
        name: "triptych_trader_ledger_lag",
        help: "Records of the journal that the ledger lacks",
        value: Value::Gauge(|t| number(t.execution.ledger_lag())),
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

#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

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
