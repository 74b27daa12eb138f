//! The status document that the operator reads (`GET /v1/status`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde_json::{Map, Value};
use triptych_crds::hash::ConfigHash;
use triptych_dataset::encode::trading_state_name;
use triptych_market_data::feed::{BookState, FeedStatus, InstrumentStatus};

use crate::decisions::DecisionCounters;
use crate::environment::Environment;
use crate::identity::Identity;
use crate::recorder::DatasetStatus;
use crate::tier::TierPart;

/// Instruments that the document lists at most, so that it stays below 16 KiB.
const MOST_INSTRUMENTS: usize = 32;

/// Everything that the process can be asked about.
pub(crate) struct Observed {
    pub(crate) environment: Environment,
    pub(crate) config_hash: ConfigHash,
    pub(crate) identity: Identity,
    pub(crate) feed: Arc<FeedStatus>,
    pub(crate) decisions: Arc<DecisionCounters>,
    pub(crate) dataset: Arc<DatasetStatus>,
    pub(crate) stopping: AtomicBool,
    pub(crate) part: Arc<dyn TierPart>,
}

impl std::fmt::Debug for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observed")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl Observed {
    /// Why the process does not do its work right now; `None` where it does.
    pub(crate) fn not_ready_reason(&self) -> Option<String> {
        if self.stopping.load(Ordering::Relaxed) {
            return Some("stopping".to_owned());
        }
        self.feed
            .not_ready_reason()
            .or_else(|| Some(format!("dataset: {}", self.dataset.failure()?)))
    }

    /// The document as of now.
    pub(crate) fn status(&self) -> Status<'_> {
        let not_ready_reason = self.not_ready_reason();
        let dataset = self.dataset.counters();
        let environment = &self.environment;
        Status {
            contract: "v1",
            tier: environment.tier.as_str(),
            namespace: &environment.namespace,
            instance: &environment.instance,
            instance_uid: &environment.instance_uid,
            pod_name: &environment.pod_name,
            pod_uid: &environment.pod_uid,
            node_name: &environment.node_name,
            run_id: &self.identity.run_id,
            config_hash: self.config_hash.as_str(),
            build: Build {
                version: env!("CARGO_PKG_VERSION"),
                binary_sha256: &self.identity.binary_sha256,
            },
            state: trading_state_name(self.part.state()),
            started_at: self.identity.started_at.to_string(),
            ready: not_ready_reason.is_none(),
            not_ready_reason,
            market_data: self.market_data(),
            dataset: Dataset {
                path: environment.data_directory.display().to_string(),
                rows_written: dataset.rows_written,
                files_published: dataset.files_published,
                rows_lost: dataset.rows_lost,
                last_published_file: dataset.last_published_file,
            },
            of_tier: self.part.status(),
        }
    }

    fn market_data(&self) -> MarketData<'_> {
        let mut instruments: Vec<&InstrumentStatus> = self.feed.instruments().iter().collect();
        let omitted = instruments.len().saturating_sub(MOST_INSTRUMENTS);
        if omitted > 0 {
            instruments.sort_by_key(|instrument| instrument.book() == BookState::Synced);
            instruments.truncate(MOST_INSTRUMENTS);
        }
        MarketData {
            source: self.environment.market_data.stream(),
            connected: self.feed.connected(),
            instruments: instruments.into_iter().map(InstrumentEntry::of).collect(),
            instruments_omitted: omitted,
        }
    }
}

/// The status document, contract version `v1`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status<'a> {
    contract: &'static str,
    tier: &'static str,
    namespace: &'a str,
    instance: &'a str,
    instance_uid: &'a str,
    pod_name: &'a str,
    pod_uid: &'a str,
    node_name: &'a str,
    run_id: &'a str,
    config_hash: &'a str,
    build: Build<'a>,
    state: &'static str,
    started_at: String,
    ready: bool,
    not_ready_reason: Option<String>,
    market_data: MarketData<'a>,
    dataset: Dataset,
    #[serde(flatten)]
    of_tier: Map<String, Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Build<'a> {
    version: &'static str,
    binary_sha256: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MarketData<'a> {
    source: &'a str,
    connected: bool,
    instruments: Vec<InstrumentEntry<'a>>,
    instruments_omitted: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InstrumentEntry<'a> {
    symbol: &'a str,
    book: &'static str,
    last_event_time_ns: i64,
    events: u64,
    gaps: u64,
    resyncs: u64,
}

impl<'a> InstrumentEntry<'a> {
    fn of(status: &'a InstrumentStatus) -> Self {
        Self {
            symbol: status.symbol().as_str(),
            book: status.book().name(),
            last_event_time_ns: status.last_event_time_ns(),
            events: status.events(),
            gaps: status.gaps(),
            resyncs: status.resyncs(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dataset {
    path: String,
    rows_written: u64,
    files_published: u64,
    rows_lost: u64,
    last_published_file: Option<String>,
}

#[cfg(test)]
pub(crate) mod tests {
    use std::ffi::OsString;

    use triptych_crds::Tier;
    use triptych_market_data::instruments::Instruments;

    use super::*;
    use crate::environment::Tiers;
    use crate::variables::Variables;

    struct Nothing;
    impl TierPart for Nothing {}

    pub(crate) fn observed(instruments: usize) -> Observed {
        let variables = Variables::new(|name| {
            let value = match name {
                "TRIPTYCH_TIER" => "ABH".to_owned(),
                "TRIPTYCH_CONFIG_HASH" => "ab".repeat(32),
                "TRIPTYCH_NAMESPACE" => "n".repeat(63),
                "TRIPTYCH_INSTANCE" => "i".repeat(253),
                "TRIPTYCH_INSTANCE_UID" => "u".repeat(36),
                _ => return None,
            };
            Some(OsString::from(value))
        });
        let tiers = Tiers {
            known: &[Tier::Abh],
            expected: "ABH",
        };
        let environment = Environment::read(&variables, tiers).unwrap();
        let symbols = (0..instruments).map(|index| format!("{index:0>20}"));
        Observed {
            config_hash: environment.config_hash.clone(),
            environment,
            identity: Identity::establish().unwrap(),
            feed: Arc::new(FeedStatus::new(&Instruments::parse(symbols).unwrap())),
            decisions: Arc::default(),
            dataset: Arc::default(),
            stopping: AtomicBool::new(false),
            part: Arc::new(Nothing),
        }
    }

    #[test]
    fn the_document_has_the_contracts_fields() {
        let observed = observed(1);
        let status = serde_json::to_value(observed.status()).unwrap();
        for (pointer, expected) in [
            ("/contract", "v1"),
            ("/tier", "ABH"),
            ("/state", "Active"),
            ("/configHash", &*"ab".repeat(32)),
            ("/build/version", env!("CARGO_PKG_VERSION")),
            ("/marketData/instruments/0/book", "Stale"),
            ("/notReadyReason", "market data: not connected"),
        ] {
            assert_eq!(
                status.pointer(pointer).and_then(|value| value.as_str()),
                Some(expected),
                "{pointer}"
            );
        }
        assert_eq!(
            status["build"]["binarySha256"].as_str().map(str::len),
            Some(64)
        );
        assert!(
            status["startedAt"]
                .as_str()
                .is_some_and(|time| time.ends_with('Z'))
        );
        assert_eq!(status["ready"], serde_json::json!(false));
        assert!(status["dataset"]["lastPublishedFile"].is_null());
        let run_id: uuid::Uuid = status["runId"].as_str().unwrap().parse().unwrap();
        assert_eq!(run_id.get_version_num(), 7);
    }

    #[test]
    fn the_document_stays_below_10_kib_and_leaves_6_to_the_tier() {
        let observed = observed(256);
        let text = serde_json::to_string(&observed.status()).unwrap();
        // The counters have room to grow to 20 digits each.
        assert!(
            text.len() + MOST_INSTRUMENTS * 4 * 19 <= 10 * 1024,
            "{} bytes",
            text.len()
        );
        assert!(text.contains("\"instrumentsOmitted\":224"));
    }

    #[test]
    fn stopping_is_not_ready() {
        let observed = observed(1);
        observed.stopping.store(true, Ordering::Relaxed);
        assert_eq!(observed.not_ready_reason().as_deref(), Some("stopping"));
    }
}
