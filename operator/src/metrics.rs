//! What the operator measures. docs/metrics.md describes each metric; a test holds the two together.

use std::{sync::Mutex, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Metric, Registry},
};
use triptych_crds::trading_instance::CeilingReason;

use crate::{cache::Caches, queue::WorkQueue, subject::Subject};

/// How a reconciliation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing had to be written.
    Unchanged,
    /// Something was written.
    Changed,
    /// The object cannot be read by this build.
    Unreadable,
    /// The API server refuses what is needed until a person changes something.
    Refused,
    /// It failed and is tried again.
    Failed,
    /// The object is gone.
    Gone,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] = [
        Self::Unchanged,
        Self::Changed,
        Self::Unreadable,
        Self::Refused,
        Self::Failed,
        Self::Gone,
    ];

    /// As the label `outcome` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Unreadable => "unreadable",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Gone => "gone",
        }
    }
}

type Labels<const N: usize> = [(&'static str, String); N];

/// All metrics of the operator.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    names: Vec<String>,
    reconciles: Family<Labels<2>, Counter>,
    reconcile_duration: Family<Labels<1>, Histogram>,
    queue_depth: Gauge,
    queue_oldest: Gauge<f64, std::sync::atomic::AtomicU64>,
    failing: Gauge,
    api_calls: Family<Labels<2>, Counter>,
    writes: Counter,
    leader: Gauge,
    watch_failures: Family<Labels<1>, Counter>,
    cached: Family<Labels<1>, Gauge>,
    bounded: Family<Labels<1>, Gauge>,
    attestations: Family<Labels<1>, Counter>,
    memory: Gauge,
    /// One scrape at a time.
    scraping: Mutex<()>,
}

struct Names {
    registry: Registry,
    names: Vec<String>,
}

impl Names {
    fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.registry.register(name, help, metric.clone());
        self.names.push(name.to_owned());
        metric
    }
}

impl Metrics {
    /// Registers everything. `profile` is `production` or `dev`.
    #[allow(clippy::too_many_lines, reason = "a list, one entry a metric")]
    pub fn new(profile: &str) -> Self {
        let mut names = Names {
            registry: Registry::default(),
            names: Vec::new(),
        };
        let build = vec![
            ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("profile".to_owned(), profile.to_owned()),
        ];
        names.registry.register(
            "triptych_operator_build",
            "Version and profile of the operator",
            Info::new(build),
        );
        names.names.push("triptych_operator_build_info".into());
        Self {
            reconciles: names.add(
                "triptych_operator_reconciles",
                "Reconciliations by kind and outcome",
                Family::default(),
            ),
            reconcile_duration: names.add(
                "triptych_operator_reconcile_duration_seconds",
                "Time that a reconciliation took",
                Family::new_with_constructor(|| {
                    Histogram::new([
                        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
                    ])
                }),
            ),
            queue_depth: names.add(
                "triptych_operator_queue_depth",
                "Subjects that are due and wait for a worker",
                Gauge::default(),
            ),
            queue_oldest: names.add(
                "triptych_operator_queue_oldest_seconds",
                "How long the oldest of them has waited",
                Gauge::default(),
            ),
            failing: names.add(
                "triptych_operator_failing_subjects",
                "Subjects whose last reconciliation failed",
                Gauge::default(),
            ),
            api_calls: names.add(
                "triptych_operator_api_calls",
                "Requests to the API server by verb and HTTP status code",
                Family::default(),
            ),
            writes: names.add(
                "triptych_operator_writes",
                "Write requests to the API server, apart from the Lease",
                Counter::default(),
            ),
            leader: names.add(
                "triptych_operator_leader",
                "1 while this process may write, else 0",
                Gauge::default(),
            ),
            watch_failures: names.add(
                "triptych_operator_watch_failures",
                "Watches that failed and were started again, by kind",
                Family::default(),
            ),
            cached: names.add(
                "triptych_operator_cached_objects",
                "Objects that are held in memory, by kind",
                Family::default(),
            ),
            bounded: names.add(
                "triptych_operator_bounded_instances",
                "TradingInstances with a ceiling, by its reason",
                Family::default(),
            ),
            attestations: names.add(
                "triptych_operator_attestations",
                "Questions to traders by result",
                Family::default(),
            ),
            memory: names.add(
                "process_resident_memory_bytes",
                "Resident memory of the process",
                Gauge::default(),
            ),
            registry: names.registry,
            names: names.names,
            scraping: Mutex::default(),
        }
    }

    /// Counts a reconciliation.
    pub fn reconciled(&self, subject: &Subject, outcome: Outcome, took: Duration) {
        let kind = ("kind", subject.kind().to_owned());
        let outcome = ("outcome", outcome.as_str().to_owned());
        self.reconciles
            .get_or_create(&[kind.clone(), outcome])
            .inc();
        self.reconcile_duration
            .get_or_create(&[kind])
            .observe(took.as_secs_f64());
    }

    /// Counts a request to the API server. `code` is a status code, or a word where there was none.
    pub fn called(&self, verb: &str, code: &str) {
        let labels = [("verb", verb.to_owned()), ("code", code.to_owned())];
        self.api_calls.get_or_create(&labels).inc();
    }

    /// Counts a write request; answers with its number, from 1.
    pub fn wrote(&self) -> u64 {
        self.writes.inc() + 1
    }

    /// Counts a watch that failed.
    pub fn watch_failed(&self, kind: &str) {
        let labels = [("kind", kind.to_owned())];
        self.watch_failures.get_or_create(&labels).inc();
    }

    /// Counts a question to a trader.
    pub fn asked(&self, result: &str) {
        let labels = [("result", result.to_owned())];
        self.attestations.get_or_create(&labels).inc();
    }

    /// The text of a scrape: OpenMetrics 1.0.
    pub fn scrape(&self, leader: bool, queue: &WorkQueue, caches: &Caches) -> String {
        let _one_at_a_time = self.scraping.lock();
        self.leader.set(i64::from(leader));
        self.queue_depth.set(whole(queue.depth()));
        self.queue_oldest.set(queue.oldest().as_secs_f64());
        self.failing.set(whole(queue.failing()));
        for (kind, size) in caches.sizes() {
            let labels = [("kind", kind.to_owned())];
            self.cached.get_or_create(&labels).set(whole(size));
        }
        for reason in CeilingReason::ALL {
            let labels = [("reason", reason.as_str().to_owned())];
            let bounded = caches.bounded_by(reason);
            self.bounded.get_or_create(&labels).set(whole(bounded));
        }
        if let Some(bytes) = resident_memory() {
            self.memory.set(bytes);
        }
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "metrics could not be written");
        }
        text
    }

    /// Names of all metrics, without the suffix of counters.
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Resident memory in bytes, as the kernel accounts it in pages.
fn resident_memory() -> Option<i64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    let page_size = i64::try_from(rustix::param::page_size()).ok()?;
    pages.checked_mul(page_size)
}

/// Labels have to be encodable: a compile-time reminder for the reader.
const _: fn() = || {
    fn assert<T: EncodeLabelSet>() {}
    assert::<Labels<2>>();
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::NamespacedName;

    const DOCUMENT: &str = include_str!("../../docs/metrics.md");

    fn scraped() -> String {
        let metrics = Metrics::new("production");
        let subject = Subject::Instance(NamespacedName::new("team", "scout"));
        for outcome in Outcome::ALL {
            metrics.reconciled(&subject, outcome, Duration::from_millis(30));
        }
        metrics.called("list", "200");
        metrics.wrote();
        metrics.watch_failed("Pod");
        metrics.asked("answered");
        metrics.scrape(true, &WorkQueue::default(), &Caches::default())
    }

    #[test]
    fn every_registered_metric_is_documented() {
        for name in Metrics::new("production").names() {
            let documented = DOCUMENT.contains(&format!("`{name}`"))
                || DOCUMENT.contains(&format!("`{name}_total`"));
            assert!(documented, "docs/metrics.md does not describe {name}");
        }
    }

    #[test]
    fn every_documented_metric_of_the_operator_is_scraped() {
        let scraped = scraped();
        let documented = DOCUMENT
            .lines()
            .filter_map(|line| line.strip_prefix("| `triptych_operator_"))
            .filter_map(|line| line.split_once('`'))
            .map(|(rest, _)| format!("triptych_operator_{rest}"));
        let documented: Vec<String> = documented.collect();
        assert!(documented.len() > 10, "{documented:?}");
        for name in documented {
            let sample = |line: &str| {
                line.strip_prefix(&name)
                    .is_some_and(|rest| rest.starts_with(['{', ' ', '_']))
            };
            assert!(
                scraped.lines().any(sample),
                "no sample of {name}\n{scraped}"
            );
        }
    }

    #[test]
    fn every_outcome_is_documented() {
        for outcome in Outcome::ALL {
            let name = format!("`{}`", outcome.as_str());
            assert!(DOCUMENT.contains(&name), "docs/metrics.md lacks {name}");
        }
    }

    #[test]
    fn a_scrape_says_what_was_counted() {
        let text = scraped();
        for line in [
            r#"triptych_operator_reconciles_total{kind="TradingInstance",outcome="changed"} 1"#,
            r#"triptych_operator_reconcile_duration_seconds_count{kind="TradingInstance"} 6"#,
            r#"triptych_operator_api_calls_total{verb="list",code="200"} 1"#,
            "triptych_operator_writes_total 1",
            "triptych_operator_leader 1",
            "triptych_operator_queue_depth 0",
        ] {
            assert!(
                text.lines().any(|scraped| scraped == line),
                "{line}\n{text}"
            );
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn the_processs_own_memory_is_known() {
        assert!(resident_memory().is_some_and(|bytes| bytes > 100_000));
    }
}
