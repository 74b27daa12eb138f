//! What W and R add to the trader that all tiers share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use prometheus_client::encoding::DescriptorEncoder;
use serde_json::{Map, Value, json};
use triptych_crds::text::AccountName;
use triptych_crds::{Tier, TradingState};
use triptych_trader_runtime::{TierPart, metrics};

use crate::execution::status::ExecutionStatus;
use crate::halt::control::HaltControl;
use crate::halt::{document, endpoint};
use crate::instance::follow::InstanceStatus;
use crate::intents::Intents;
use crate::keys::HaltToken;
use crate::metrics::TABLE;

/// A trader of W or R.
pub struct Trading {
    /// W or R.
    pub tier: Tier,
    /// The account.
    pub account: AccountName,
    /// The token of the halt endpoint.
    pub halt_token: Option<HaltToken>,
    /// Trading state and halt.
    pub control: Arc<HaltControl>,
    /// What is known of the TradingInstance.
    pub instance: Arc<InstanceStatus>,
    /// What became of candidates.
    pub intents: Intents,
    /// Limits of losses that broke since the start.
    pub breaches: AtomicU64,
    /// The order path.
    pub execution: Arc<ExecutionStatus>,
    /// Whether the account is a simulated one.
    pub simulated: bool,
}

impl TierPart for Trading {
    fn state(&self) -> TradingState {
        self.control.state()
    }

    fn status(&self) -> Map<String, Value> {
        let halt = self.control.standing().halt;
        let live_ratio = self.instance.live_ratio();
        let fields = [
            ("account", json!(&*self.account)),
            ("halt", halt.as_ref().map_or(Value::Null, document)),
            ("liveRatio", json!(live_ratio.as_deref())),
            ("effectiveRatio", self.effective_ratio()),
            ("intents", self.intents()),
            ("tradingInstance", self.trading_instance()),
            ("simulated", json!(self.simulated)),
        ];
        fields
            .into_iter()
            .chain(self.execution.document())
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    fn encode_metrics(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        metrics::encode_table(TABLE, self, encoder)
    }

    fn routes(self: Arc<Self>) -> Router {
        endpoint::route(Arc::clone(&self.control), self.halt_token.clone())
    }
}

impl Trading {
    /// Limits of losses that broke since the start, of those that reduce or halt.
    pub(crate) fn breaches(&self) -> u64 {
        self.breaches.load(Ordering::Relaxed)
    }

    fn effective_ratio(&self) -> Value {
        match self.tier {
            Tier::W => json!(self.instance.live().ratio),
            Tier::R | Tier::Abh => Value::Null,
        }
    }

    fn intents(&self) -> Value {
        let refused = self.intents.refused().map(|(_, count)| count);
        json!({
            "accepted": self.intents.accepted(),
            "denied": self.intents.denied(),
            "refusedByState": refused.iter().sum::<u64>(),
            "cut": self.intents.cut(),
        })
    }

    fn trading_instance(&self) -> Value {
        json!({
            "read": self.instance.is_read(),
            "watching": self.instance.is_watching(),
            "failure": self.instance.failure(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use triptych_crds::text::HaltId;

    use super::*;
    use crate::halt::latch::LatchFile;
    use crate::halt::{Halt, LONGEST_REASON, Source};

    pub(crate) fn trading() -> Trading {
        let folder = tempfile::tempdir().unwrap();
        Trading {
            tier: Tier::W,
            account: AccountName("a".repeat(AccountName::MAX_LENGTH)),
            halt_token: None,
            control: HaltControl::new(LatchFile::new(folder.path())),
            instance: Arc::default(),
            intents: Intents::default(),
            breaches: AtomicU64::new(0),
            execution: Arc::default(),
            simulated: true,
        }
    }

    #[test]
    fn the_status_of_a_start_is_halted_and_not_connected_yet() {
        let trading = trading();
        assert_eq!(trading.state(), TradingState::Halted);
        let status = trading.status();
        assert_eq!(status["halt"]["source"], json!("Start"));
        assert_eq!(status["halt"]["id"], Value::Null);
        assert_eq!(status["execution"], json!("Connecting"));
        assert_eq!(status["simulated"], json!(true));
        assert_eq!(status["liveRatio"], Value::Null);
        assert_eq!(status["effectiveRatio"], json!("0"));
        assert_eq!(status["tradingInstance"]["read"], json!(false));
    }

    #[test]
    fn what_the_status_gains_stays_below_6_kib() {
        let halt = Halt {
            id: HaltId("h".repeat(HaltId::MAX_LENGTH)),
            state: TradingState::Halted,
            source: Source::InstanceGone,
            reason: "😀".repeat(LONGEST_REASON),
            since: jiff::Timestamp::now(),
        };
        let reasons = 2 * serde_json::to_string(&halt).unwrap().len();
        let fields = serde_json::to_string(&trading().status()).unwrap().len();
        assert!(reasons + fields < 6 * 1024, "{reasons} and {fields} bytes");
    }
}
