//! A whole system on the cluster of crashes: what people do to it, and what is seen of it.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::ListParams};
use serde_json::{Value, json};
use triptych_cluster::audit::AuditEntry;
use triptych_crds::{TradingAccount, TradingInstance, trading_instance::TradingInstanceStatus};
use triptych_end_to_end::{
    audit_invariants::{self, Parties},
    host_operator::{FaultsLab, HostOperator},
    lab::OPERATOR,
    trading_system::{MIRROR, TradingSystem, WRITER},
    wait,
};

use crate::ends::{self, End, Place, is_settled};

/// Renewals of the Lease without another write, after which nothing more is to come.
const QUIET_RENEWALS: usize = 3;

/// The system.
pub(crate) struct Desk {
    pub(crate) lab: &'static FaultsLab,
    pub(crate) system: TradingSystem,
}

impl Desk {
    /// An account with its keys and two revisions; nothing is declared yet.
    pub(crate) async fn prepare(purpose: &str) -> Result<Self> {
        let lab = FaultsLab::get();
        let system = TradingSystem::prepare(lab.lab(), purpose).await?;
        Ok(Self { lab, system })
    }

    /// Starts an operator that looks after this system alone.
    pub(crate) async fn start_operator(&self, end_at_write: Option<u32>) -> Result<HostOperator> {
        let namespaces = self.namespaces();
        let namespaces = namespaces.each_ref().map(String::as_str);
        self.lab.start_operator(&namespaces, end_at_write).await
    }

    /// The team's namespace and both sealed ones.
    fn namespaces(&self) -> [String; 3] {
        let account = &self.system.account;
        [
            account.team.name().to_owned(),
            account.sealed("live"),
            account.sealed("demo"),
        ]
    }

    /// Applies both instances on a revision, as one commit does.
    pub(crate) async fn commit(&self, revision: &str) -> Result<()> {
        for manifest in self.system.instances(revision) {
            self.system.account.team.apply(&manifest).await?;
        }
        Ok(())
    }

    /// Declares something of W.
    pub(crate) async fn patch_writer(&self, spec: Value) -> Result<()> {
        self.system.account.team.patch_spec(WRITER, spec).await
    }

    /// Waits until both run a revision, and what both declare is the same.
    pub(crate) async fn until_both_run(&self, revision: &str) -> Result<()> {
        for name in [MIRROR, WRITER] {
            self.until(name, "to run what both declare", |status| {
                status.in_sync.as_deref() == Some("True")
            })
            .await?;
        }
        let instances = self.system.account.team.instances();
        for instance in instances.list(&ListParams::default()).await? {
            ensure!(*instance.spec.config_revision == *revision);
        }
        Ok(())
    }

    /// Waits until an instance is settled and its status meets a condition.
    pub(crate) async fn until(
        &self,
        name: &str,
        what: &str,
        met: impl Fn(&TradingInstanceStatus) -> bool,
    ) -> Result<()> {
        let team = &self.system.account.team;
        let settled = |instance: &TradingInstance| {
            let status = instance.status.as_ref();
            let current = |status: &&TradingInstanceStatus| {
                status.observed_generation == instance.metadata.generation
            };
            is_settled(instance) && status.filter(current).is_some_and(&met)
        };
        wait::until_present(&team.instances(), name, what, settled)
            .await
            .with_context(|| format!("in namespace {}", team.name()))
            .map(|_| ())
    }

    /// Waits until the trader of a side is gone, and its pod.
    pub(crate) async fn until_gone(&self, side: &str) -> Result<()> {
        wait::until_gone(&self.system.traders(side), "trader").await?;
        let account = &self.system.account;
        let pods: Api<Pod> = Api::namespaced(account.team.client.clone(), &account.sealed(side));
        wait::until_gone(&pods, "trader-0").await
    }

    /// Waits until the operator that runs has nothing to write: its renewals are the clock.
    pub(crate) async fn until_quiet(&self) -> Result<()> {
        wait::until_answer("the operator has nothing more to write", async || {
            let quiet = self.lab.lab().audit(|entries| {
                let own = entries
                    .iter()
                    .rev()
                    .filter(|entry| self.is_of_operator(entry));
                own.take_while(|entry| is_of_lease(entry)).count() >= QUIET_RENEWALS
            })?;
            Ok(quiet.then_some(()))
        })
        .await
    }

    /// How often the operators wrote so far, without their Leases.
    pub(crate) fn writes(&self) -> Result<usize> {
        self.lab.lab().audit(|entries| {
            let own = entries.iter().filter(|entry| self.is_of_operator(entry));
            own.filter(|entry| !is_of_lease(entry)).count()
        })
    }

    fn is_of_operator(&self, entry: &AuditEntry) -> bool {
        let is_write = !matches!(entry.verb.as_str(), "get" | "list" | "watch");
        let concerns = entry.object_ref.as_ref().is_some_and(|object| {
            self.namespaces().contains(&object.namespace)
                || (object.resource == "tradingaccounts" && object.name == self.system.account.name)
        });
        is_write && concerns && entry.user.username == OPERATOR
    }

    /// What broke K, M or S since the cluster came up.
    pub(crate) fn breaches(&self) -> Result<Vec<String>> {
        let parties = Parties {
            team: self.system.account.team.name().to_owned(),
            account: self.system.account.name.clone(),
            w_nodes: self.lab.lab().w_nodes().iter().cloned().collect(),
            operator: OPERATOR.to_owned(),
        };
        self.lab
            .lab()
            .audit(|entries| audit_invariants::breaches(entries, &parties))
    }

    /// What there is, under names that are the same in every run.
    pub(crate) async fn end(&self) -> Result<End> {
        let client = &self.system.account.team.client;
        let [team, live, demo] = self.namespaces();
        let places = [("team/", team.clone()), ("live/", live), ("demo/", demo)];
        let places = places.map(|(called, namespace)| Place { called, namespace });
        let mut end = ends::of(client, &places).await?;
        end.retain(|name, _| !name.contains("tape"));
        let accounts: Api<TradingAccount> = Api::all(client.clone());
        let account = accounts.get_opt(&self.system.account.name).await?;
        let status = account.and_then(|account| account.status);
        let writers = status.map(|status| {
            [status.live, status.demo].map(|side| side?.writer.map(|writer| writer.name))
        });
        end.insert("account".to_owned(), json!(writers));
        // The team's name is part of every other name.
        let text = serde_json::to_string(&end)?.replace(&team, "team");
        Ok(serde_json::from_str(&text)?)
    }

    /// Takes everything away but the account, of which no operator says any more that it is free.
    pub(crate) async fn remove(self) -> Result<()> {
        let [_, live, demo] = self.namespaces();
        let account = &self.system.account.name;
        let meant = format!("triptych.trading/decommission={account}");
        let lab = self.lab.lab();
        lab.kubectl(&["annotate", "namespaces", &live, &demo, &meant])?;
        lab.kubectl(&["delete", "namespaces", &live, &demo, "--wait=false"])?;
        self.system.account.team.finish().await
    }
}

fn is_of_lease(entry: &AuditEntry) -> bool {
    let object = entry.object_ref.as_ref();
    object.is_some_and(|object| object.resource == "leases")
}
