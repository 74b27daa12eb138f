//! A whole system of a test's own: an account with both sides, its keys, a market, and the instances
//! of a W and its mirror.

use anyhow::{Context, Result};
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use triptych_crds::{
    TradingInstance, TradingState,
    trading_instance::{Halt, TradingInstanceStatus},
};

use crate::{
    account::{Account, CUSTODIANS},
    exchange::Exchange,
    lab::Lab,
    manifests,
    namespace::TestNamespace,
};

/// Name of the W of every system.
pub const WRITER: &str = "writer";
/// Name of its mirror.
pub const MIRROR: &str = "mirror";

/// How long its mirror must have been ready before W follows, in seconds.
pub const SOAK: u32 = 3;
/// With it whoever reaches a trader of these systems can halt it.
pub const HALT_TOKEN: &str = "a-halt-token-of-a-simulated-venue";

/// The system.
pub struct TradingSystem {
    /// Its account; the instances are declared in `account.team`.
    pub account: Account,
    /// The namespace of its market.
    market: String,
    exchange: Exchange,
}

impl TradingSystem {
    /// Makes the account with its keys, the market, and the revisions `first` and `second`. Declares no
    /// instance yet.
    pub async fn prepare(lab: &'static Lab, purpose: &str) -> Result<Self> {
        Self::prepare_with(lab, purpose, &[]).await
    }

    /// Prepares with further values for the account's chart.
    pub async fn prepare_with(lab: &'static Lab, purpose: &str, further: &[&str]) -> Result<Self> {
        Self::empty(lab, purpose).await?.prepared(further).await
    }

    async fn prepared(self, further: &[&str]) -> Result<Self> {
        self.apply_account(further)?;
        for side in ["live", "demo"] {
            self.bring_key(side)?;
        }
        match self.exchange {
            Exchange::Tape => self.account.team.start_tape().await?,
            Exchange::Venue => self.account.team.start_venue().await?,
        }
        self.apply_revisions().await?;
        Ok(self)
    }

    /// Applies the revisions `first` and `second`.
    pub async fn apply_revisions(&self) -> Result<()> {
        let team = &self.account.team;
        for (name, variant) in [("first", 0), ("second", 1)] {
            let revision = manifests::revision(name, &team.lab.images().trader, variant);
            team.apply(&revision).await?;
        }
        Ok(())
    }

    /// A namespace for the team, and nothing else of the system.
    pub async fn empty(lab: &'static Lab, purpose: &str) -> Result<Self> {
        let account = Account::new(lab, purpose).await?;
        let market = account.team.name().to_owned();
        Ok(Self {
            account,
            market,
            exchange: Exchange::Tape,
        })
    }

    /// Follows the market of another namespace.
    #[must_use]
    pub fn on_market_of(self, namespace: &TestNamespace) -> Self {
        let market = namespace.name().to_owned();
        Self { market, ..self }
    }

    /// The platform team applies the chart of the account, with both sides and further values.
    pub fn apply_account(&self, further: &[&str]) -> Result<()> {
        let values = self.values();
        let values = values.iter().map(String::as_str);
        let values: Vec<&str> = values.chain(further.iter().copied()).collect();
        self.account.apply(&values).map(|_| ())
    }

    /// Prepares, declares both instances on `first`, and waits until both run it.
    pub async fn start(lab: &'static Lab, purpose: &str) -> Result<Self> {
        Self::prepare(lab, purpose).await?.started().await
    }

    /// As [`start`](Self::start), at a venue that takes orders.
    pub async fn start_at_venue(lab: &'static Lab, purpose: &str) -> Result<Self> {
        let prepared = Self::prepare_at_venue(lab, purpose).await?;
        prepared.started().await
    }

    /// As [`prepare`](Self::prepare), at a venue that takes orders.
    pub async fn prepare_at_venue(lab: &'static Lab, purpose: &str) -> Result<Self> {
        let empty = Self::empty(lab, purpose).await?;
        let exchange = Exchange::Venue;
        let system = Self { exchange, ..empty };
        system.prepared(&[]).await
    }

    async fn started(self) -> Result<Self> {
        self.declare("first").await?;
        self.until_in_sync().await?;
        Ok(self)
    }

    /// Applies the manifests of both instances.
    pub async fn declare(&self, revision: &str) -> Result<()> {
        for manifest in self.instances(revision) {
            self.account.team.apply(&manifest).await?;
        }
        Ok(())
    }

    /// One commit: both instances name another revision.
    pub async fn commit(&self, revision: &str) -> Result<()> {
        for name in [WRITER, MIRROR] {
            let spec = json!({ "configRevision": revision });
            self.account.team.patch_spec(name, spec).await?;
        }
        Ok(())
    }

    /// Changes how long the mirror must have been ready before W follows it.
    pub async fn set_soak(&self, seconds: u32) -> Result<()> {
        let spec = json!({ "promotion": { "minimumReadySeconds": seconds } });
        self.account.team.patch_spec(WRITER, spec).await
    }

    /// The manifests of W and its mirror. W waits [`SOAK`] for its mirror's proof.
    pub fn instances(&self, revision: &str) -> [Value; 2] {
        let instance = |name: &str, spec: Value| {
            let mut manifest = json!({
                "apiVersion": "triptych.trading/v1alpha1",
                "kind": "TradingInstance",
                "metadata": { "name": name },
                "spec": {
                    "configRevision": revision,
                    "account": self.account.name,
                    "resources": { "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "memory": "256Mi" } }
                }
            });
            for (field, value) in spec.as_object().into_iter().flatten() {
                manifest["spec"][field] = value.clone();
            }
            manifest
        };
        [
            instance(
                WRITER,
                json!({ "tier": "W", "liveRatio": "0.1", "promotion": { "minimumReadySeconds": SOAK } }),
            ),
            instance(MIRROR, json!({ "tier": "R", "mirrorOf": WRITER })),
        ]
    }

    /// Waits until W and its mirror run what both declare.
    pub async fn until_in_sync(&self) -> Result<()> {
        for name in [MIRROR, WRITER] {
            self.until(name, "in sync", |status| {
                status.in_sync.as_deref() == Some("True")
            })
            .await?;
        }
        Ok(())
    }

    /// Waits until the status of an instance meets a condition.
    pub async fn until(
        &self,
        name: &str,
        what: &str,
        met: impl Fn(&TradingInstanceStatus) -> bool,
    ) -> Result<TradingInstance> {
        self.account.team.until_status(name, what, met).await
    }

    /// Waits until an instance is settled, and returns its status.
    pub async fn status(&self, name: &str) -> Result<TradingInstanceStatus> {
        let settled = self.until(name, "settled", |_| true).await?;
        settled.status.context("a settled instance has a status")
    }

    /// Halts W by its declaration, and waits until it is halted.
    pub async fn halt(&self) -> Result<Halt> {
        let halted = json!({ "tradingState": "Halted" });
        self.account.team.patch_spec(WRITER, halted).await?;
        self.shown_halt(WRITER).await
    }

    /// Waits until the status of an instance shows a halt.
    pub async fn shown_halt(&self, name: &str) -> Result<Halt> {
        let shown = self.until(name, "halted", |status| status.halt.is_some());
        let halt = shown.await?.status.and_then(|status| status.halt);
        halt.context("a halt")
    }

    /// Ends a halt of an instance, and waits until it is active.
    pub async fn resume(&self, name: &str, halt: &Halt) -> Result<()> {
        let resume = json!({ "resume": &*halt.id });
        self.account.team.patch_spec(name, resume).await?;
        let active = |status: &TradingInstanceStatus| {
            status.halt.is_none() && status.trading_state == Some(TradingState::Active)
        };
        self.until(name, "active again", active).await.map(|_| ())
    }

    /// The identities of the pods of W and R.
    pub async fn pod_uids(&self) -> Result<[Option<String>; 2]> {
        Ok([self.pod("live").await?.uid(), self.pod("demo").await?.uid()])
    }

    /// The trader's pod on a side.
    pub async fn pod(&self, side: &str) -> Result<Pod> {
        let pod = self.pods(side).get("trader-0").await;
        pod.with_context(|| format!("pod trader-0 of {}", self.account.sealed(side)))
    }

    /// The pods of a side.
    pub fn pods(&self, side: &str) -> Api<Pod> {
        let namespace = self.account.sealed(side);
        Api::namespaced(self.account.team.client.clone(), &namespace)
    }

    /// The StatefulSets of a side.
    pub fn traders(&self, side: &str) -> Api<StatefulSet> {
        let namespace = self.account.sealed(side);
        Api::namespaced(self.account.team.client.clone(), &namespace)
    }

    /// Takes everything away.
    pub async fn remove(self) -> Result<()> {
        for name in [WRITER, MIRROR] {
            let instances = self.account.team.instances();
            self.account.team.delete(&instances, name).await?;
        }
        for side in ["live", "demo"] {
            crate::wait::until_gone(&self.traders(side), "trader").await?;
        }
        self.account.remove().await
    }

    /// Both sides, simulated by the market's namespace. A side reaches nothing of the other's.
    fn values(&self) -> Vec<String> {
        let (market, exchange) = (&self.market, self.exchange.name());
        let mut values = vec!["simulated=true".to_owned()];
        for side in ["live", "demo"] {
            let port = self.exchange.port(side);
            let host = format!("{exchange}.{market}:{port}");
            values.extend([
                format!("{side}.enabled=true"),
                format!("{side}.endpoints.rest=http://{host}"),
                format!("{side}.endpoints.marketStreams=ws://{host}"),
                format!("{side}.endpoints.userStreams=ws://{host}"),
                format!("{side}.journal.size=128Mi"),
                format!("{side}.destinations[0].namespace={market}"),
                format!("{side}.destinations[0].podLabels.app\\.kubernetes\\.io/name={exchange}"),
                format!("{side}.destinations[0].ports={{{port}}}"),
            ]);
        }
        values
    }

    /// A custodian brings the key of a side, as docs/accounts.md says.
    pub fn bring_key(&self, side: &str) -> Result<()> {
        let [key, secret] = self.exchange.key(side);
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": format!("triptych.trading/{side}-key"),
            "immutable": true,
            "metadata": { "name": format!("{side}-{}", self.account.name), "namespace": self.account.sealed(side) },
            "stringData": { "api-key": key, "api-secret": secret, "halt-token": HALT_TOKEN }
        });
        let file = tempfile::NamedTempFile::new()?;
        serde_json::to_writer(&file, &secret)?;
        let path = file.path().to_string_lossy();
        let words = [
            "create",
            "--filename",
            &path,
            "--as",
            "cleo",
            "--as-group",
            CUSTODIANS,
        ];
        self.account.team.lab.kubectl(&words).map(|_| ())
    }
}
