//! Metrics in OpenMetrics text, read from the counters at each scrape.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use triptych_market_data::feed::{BookState, InstrumentStatus};

use crate::status::Observed;

/// A metric of the source `S`: its name without the suffix that its type adds, what it says, and
/// where its value comes from.
pub struct Metric<S: 'static> {
    /// Name without suffix.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Where from.
    pub value: Value<S>,
}

/// Where a metric's value comes from.
pub enum Value<S: 'static> {
    /// Labels that say what a process is.
    Info(fn(&S) -> Vec<(&'static str, String)>),
    /// A number that only grows.
    Counter(fn(&S) -> u64),
    /// A number.
    Gauge(fn(&S) -> f64),
    /// Numbers that only grow, by the values of a label.
    CounterBy(&'static str, fn(&S) -> Vec<(String, u64)>),
    /// Numbers, by the values of a label.
    GaugeBy(&'static str, fn(&S) -> Vec<(String, f64)>),
}

impl<S: 'static> Metric<S> {
    /// The line in the table of docs/trader-contract.md.
    pub fn documentation(&self) -> String {
        let metric_type = self.value.metric_type();
        let suffix = match metric_type {
            MetricType::Counter => "_total",
            MetricType::Info => "_info",
            _ => "",
        };
        let Self { name, help, .. } = self;
        format!("| `{name}{suffix}` | {} | {help} |", metric_type.as_str())
    }
}

/// Every metric; docs/trader-contract.md has the same table.
const TABLE: &[Metric<Observed>] = &[
    Metric {
        name: "triptych_trader",
        help: "The build, tier, run and configuration of this process",
        value: Value::Info(info),
    },
    Metric {
        name: "triptych_trader_ready",
        help: "1 while market data flows, every book is in step and the dataset can be written",
        value: Value::Gauge(|o| flag(o.not_ready_reason().is_none())),
    },
    Metric {
        name: "triptych_trader_start_time_seconds",
        help: "Start of the process, in seconds since the Unix epoch",
        value: Value::Gauge(start_time),
    },
    Metric {
        name: "triptych_market_data_connected",
        help: "1 while a connection to the market data is open",
        value: Value::Gauge(|o| flag(o.feed.connected())),
    },
    Metric {
        name: "triptych_market_data_connections",
        help: "Connections opened",
        value: Value::Counter(|o| o.feed.connections()),
    },
    Metric {
        name: "triptych_market_data_disconnections",
        help: "Connections lost or renewed, and attempts to connect that failed",
        value: Value::Counter(|o| o.feed.disconnections()),
    },
    Metric {
        name: "triptych_market_data_frames",
        help: "Text frames received",
        value: Value::Counter(|o| o.feed.frames()),
    },
    Metric {
        name: "triptych_market_data_malformed_frames",
        help: "Frames that were no market event of a configured instrument",
        value: Value::Counter(|o| o.feed.malformed_frames()),
    },
    Metric {
        name: "triptych_market_data_overflows",
        help: "Events dropped because the engine was too slow",
        value: Value::Counter(|o| o.feed.overflows()),
    },
    Metric {
        name: "triptych_market_data_snapshot_requests",
        help: "Depth snapshots asked for",
        value: Value::Counter(|o| o.feed.snapshot_requests()),
    },
    Metric {
        name: "triptych_market_data_snapshot_failures",
        help: "Snapshot requests that gave no usable snapshot",
        value: Value::Counter(|o| o.feed.snapshot_failures()),
    },
    Metric {
        name: "triptych_market_data_throttles",
        help: "Times that the venue asked for a pause",
        value: Value::Counter(|o| o.feed.throttles()),
    },
    Metric {
        name: "triptych_market_data_events",
        help: "Market events handed to the engine, by instrument",
        value: Value::CounterBy("symbol", |o| by_instrument(o, InstrumentStatus::events)),
    },
    Metric {
        name: "triptych_market_data_gaps",
        help: "Holes in the update ids and known losses, by instrument",
        value: Value::CounterBy("symbol", |o| by_instrument(o, InstrumentStatus::gaps)),
    },
    Metric {
        name: "triptych_market_data_resyncs",
        help: "Order books rebuilt after the first time, by instrument",
        value: Value::CounterBy("symbol", |o| by_instrument(o, InstrumentStatus::resyncs)),
    },
    Metric {
        name: "triptych_market_data_book_synced",
        help: "1 while the order book is in step, by instrument",
        value: Value::GaugeBy("symbol", |o| {
            by_instrument(o, |i| flag(i.book() == BookState::Synced))
        }),
    },
    Metric {
        name: "triptych_market_data_last_event_time_seconds",
        help: "Receive time of the newest event in seconds since the Unix epoch, by instrument",
        value: Value::GaugeBy("symbol", |o| {
            by_instrument(o, |i| seconds(i.last_event_time_ns()))
        }),
    },
    Metric {
        name: "triptych_engine_events",
        help: "Market events taken by the engine",
        value: Value::Counter(|o| o.decisions.events.load(Ordering::Relaxed)),
    },
    Metric {
        name: "triptych_engine_candidates",
        help: "Candidate trades made, each with every rule's verdict",
        value: Value::Counter(|o| o.decisions.candidates.load(Ordering::Relaxed)),
    },
    Metric {
        name: "triptych_engine_signals_without_top",
        help: "Signals that proposed no trade, because no best bid and ask was known",
        value: Value::Counter(|o| o.decisions.signals_without_top.load(Ordering::Relaxed)),
    },
    Metric {
        name: "triptych_engine_overflows",
        help: "Candidates that found the queue to the dataset full",
        value: Value::Counter(|o| o.decisions.overflows.load(Ordering::Relaxed)),
    },
    Metric {
        name: "triptych_dataset_rows_written",
        help: "Rows in published files",
        value: Value::Counter(|o| o.dataset.counters().rows_written),
    },
    Metric {
        name: "triptych_dataset_rows_buffered",
        help: "Rows in memory",
        value: Value::Gauge(rows_buffered),
    },
    Metric {
        name: "triptych_dataset_rows_lost",
        help: "Rows lost, each noted in the manifest",
        value: Value::Counter(|o| o.dataset.counters().rows_lost),
    },
    Metric {
        name: "triptych_dataset_files_published",
        help: "Files published",
        value: Value::Counter(|o| o.dataset.counters().files_published),
    },
    Metric {
        name: "triptych_dataset_failures",
        help: "Attempts to write the dataset that failed",
        value: Value::Counter(|o| o.dataset.counters().failures),
    },
];

impl<S: 'static> Value<S> {
    /// Its type in OpenMetrics.
    pub const fn metric_type(&self) -> MetricType {
        match self {
            Self::Info(_) => MetricType::Info,
            Self::Counter(_) | Self::CounterBy(..) => MetricType::Counter,
            Self::Gauge(_) | Self::GaugeBy(..) => MetricType::Gauge,
        }
    }
}

/// Writes every metric of a table.
pub fn encode_table<S: 'static>(
    table: &[Metric<S>],
    source: &S,
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    table.iter().try_for_each(|Metric { name, help, value }| {
        let metric = encoder.encode_descriptor(name, help, None, value.metric_type())?;
        write(metric, value, source)
    })
}

/// The current values as OpenMetrics text.
pub(crate) fn text(observed: &Arc<Observed>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(Arc::clone(observed))));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Scrape(Arc<Observed>);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        encode_table(TABLE, &*self.0, &mut encoder)?;
        self.0.part.encode_metrics(&mut encoder)
    }
}

fn write<S: 'static>(mut metric: MetricEncoder<'_>, value: &Value<S>, source: &S) -> fmt::Result {
    match value {
        Value::Info(labels) => metric.encode_info(&labels(source)),
        Value::Counter(count) => ConstCounter::new(count(source)).encode(metric),
        Value::Gauge(level) => ConstGauge::new(level(source)).encode(metric),
        Value::CounterBy(label, counts) => {
            counts(source).into_iter().try_for_each(|(of, count)| {
                ConstCounter::new(count).encode(metric.encode_family(&[(*label, of)])?)
            })
        }
        Value::GaugeBy(label, levels) => levels(source).into_iter().try_for_each(|(of, level)| {
            ConstGauge::new(level).encode(metric.encode_family(&[(*label, of)])?)
        }),
    }
}

fn info(observed: &Observed) -> Vec<(&'static str, String)> {
    vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("tier", observed.environment.tier.as_str().to_owned()),
        ("run_id", observed.identity.run_id.clone()),
        ("config_hash", observed.config_hash.to_string()),
    ]
}

fn by_instrument<T>(
    observed: &Observed,
    value: impl Fn(&InstrumentStatus) -> T,
) -> Vec<(String, T)> {
    let known = observed.feed.instruments().iter();
    known
        .map(|instrument| (instrument.symbol().to_string(), value(instrument)))
        .collect()
}

#[allow(clippy::cast_precision_loss)]
fn start_time(observed: &Observed) -> f64 {
    observed.identity.started_at.as_millisecond() as f64 / 1e3
}

#[allow(clippy::cast_precision_loss)]
fn rows_buffered(observed: &Observed) -> f64 {
    observed.dataset.counters().rows_buffered as f64
}

/// 1 where something is so, else 0.
pub fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}

#[allow(clippy::cast_precision_loss)]
fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::tests::observed;

    #[test]
    fn every_metric_of_the_table_is_in_the_text() {
        let text = text(&Arc::new(observed(2))).unwrap();
        for Metric { name, value, .. } in TABLE {
            let metric_type = value.metric_type();
            assert!(
                text.contains(&format!("# TYPE {name} {}", metric_type.as_str())),
                "{name}: {text}"
            );
        }
        assert!(text.contains("triptych_market_data_connected 0"), "{text}");
        assert!(text.contains("triptych_engine_events_total 0"), "{text}");
        assert!(
            text.contains("triptych_market_data_gaps_total{symbol="),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"));
    }

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
