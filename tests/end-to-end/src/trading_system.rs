//! A whole system of a test's own: an account with both sides, its keys, a market, and the instances
//! of a W and its mirror.

use anyhow::{Context, Result};
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::Api;
use serde_json::{Value, json};
use triptych_crds::{TradingInstance, trading_instance::TradingInstanceStatus};

use crate::{
    account::{Account, CUSTODIANS},
    lab::Lab,
    manifests,
};

/// Name of the W of every system.
pub const WRITER: &str = "writer";
/// Name of its mirror.
pub const MIRROR: &str = "mirror";

/// The system.
pub struct TradingSystem {
    /// Its account; the instances are declared in `account.team`.
    pub account: Account,
}

impl TradingSystem {
    /// Makes the account with its keys, the market, and the revisions `first` and `second`. Declares no
    /// instance yet.
    pub async fn prepare(lab: &'static Lab, purpose: &str) -> Result<Self> {
        let account = Account::new(lab, purpose).await?;
        let system = Self { account };
        let values = system.values();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        system.account.apply(&values)?;
        for side in ["live", "demo"] {
            system.bring_key(side)?;
        }
        let team = &system.account.team;
        team.start_tape().await?;
        for (name, variant) in [("first", 0), ("second", 1)] {
            let revision = manifests::revision(name, &lab.images().trader, variant);
            team.apply(&revision).await?;
        }
        Ok(system)
    }

    /// Prepares, declares both instances on `first`, and waits until both run it.
    pub async fn start(lab: &'static Lab, purpose: &str) -> Result<Self> {
        let system = Self::prepare(lab, purpose).await?;
        for manifest in system.instances("first") {
            system.account.team.apply(&manifest).await?;
        }
        system.until_in_sync().await?;
        Ok(system)
    }

    /// The manifests of W and its mirror. W waits three seconds for its mirror's proof.
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
                json!({ "tier": "W", "liveRatio": "0.1", "promotion": { "minimumReadySeconds": 3 } }),
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

    /// The trader's pod on a side.
    pub async fn pod(&self, side: &str) -> Result<Pod> {
        let namespace = self.account.sealed(side);
        let pods: Api<Pod> = Api::namespaced(self.account.team.client.clone(), &namespace);
        let pod = pods.get("trader-0").await;
        pod.with_context(|| format!("pod trader-0 of {namespace}"))
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

    /// Both sides, simulated by the tape of the team's namespace.
    fn values(&self) -> Vec<String> {
        let team = self.account.team.name();
        let host = format!("tape.{team}:9443");
        let mut values = vec!["simulated=true".to_owned()];
        for side in ["live", "demo"] {
            values.extend([
                format!("{side}.enabled=true"),
                format!("{side}.endpoints.rest=http://{host}"),
                format!("{side}.endpoints.marketStreams=ws://{host}"),
                format!("{side}.endpoints.userStreams=ws://{host}"),
                format!("{side}.journal.size=128Mi"),
                format!("{side}.destinations[0].namespace={team}"),
                format!("{side}.destinations[0].podLabels.app\\.kubernetes\\.io/name=tape"),
                format!("{side}.destinations[0].ports={{9443}}"),
            ]);
        }
        values
    }

    /// A custodian brings the key of a side, as docs/accounts.md says.
    fn bring_key(&self, side: &str) -> Result<()> {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": format!("triptych.trading/{side}-key"),
            "immutable": true,
            "metadata": { "name": format!("{side}-{}", self.account.name), "namespace": self.account.sealed(side) },
            "stringData": { "api-key": "a-key-of-a-simulated-venue", "api-secret": "a-secret-of-a-simulated-venue" }
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
