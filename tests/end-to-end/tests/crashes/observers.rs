//! L1 on ABH: from a crash behind any single write the operator converges to the same end.

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use triptych_crds::{ConfigRevision, TradingInstance, trading_instance::Phase};
use triptych_end_to_end::{
    host_operator::{ENDED_AT_WRITE, FaultsLab, HostOperator},
    manifests, objects, wait,
};

use crate::ends::{self, End, Place, is_settled};

/// The tape that all scenarios follow.
const MARKET: &str = "market";
/// No scenario has more writes than this.
const MOST_WRITES: u32 = 40;
/// Runs of a scenario at the same time: most of a run is waiting for a kubelet.
const SIDE_BY_SIDE: usize = 3;

/// What happens while the operator is away, and is carried out by the one that crashes.
#[derive(Clone, Copy, Debug)]
enum Scenario {
    Create,
    Roll,
    Halt,
    Resume,
    Restart,
    Delete,
}

#[tokio::test]
async fn l1_killed_at_every_write_of_create_it_converges_to_the_same_end() -> Result<()> {
    killed_at_every_write(Scenario::Create).await
}

#[tokio::test]
async fn l1_killed_at_every_write_of_a_roll_it_converges_to_the_same_end() -> Result<()> {
    killed_at_every_write(Scenario::Roll).await
}

#[tokio::test]
async fn l1_killed_at_every_write_of_a_halt_it_converges_to_the_same_end() -> Result<()> {
    killed_at_every_write(Scenario::Halt).await
}

#[tokio::test]
async fn l1_killed_at_every_write_of_a_resume_it_converges_to_the_same_end() -> Result<()> {
    killed_at_every_write(Scenario::Resume).await
}

#[tokio::test]
async fn l1_killed_at_every_write_of_a_restart_it_converges_to_the_same_end() -> Result<()> {
    killed_at_every_write(Scenario::Restart).await
}

#[tokio::test]
async fn l1_killed_at_every_write_of_a_deletion_it_converges_to_the_same_end() -> Result<()> {
    killed_at_every_write(Scenario::Delete).await
}

async fn killed_at_every_write(scenario: Scenario) -> Result<()> {
    let lab = FaultsLab::get();
    let uninterrupted = Run::new(lab, scenario, 0).await?;
    let operator = uninterrupted.prepare_and_change().await?;
    let expected = uninterrupted.end().await?;
    operator.stop().await?;
    uninterrupted.remove().await?;

    let numbers = (1..=MOST_WRITES).map(|number| crash_and_recover(scenario, number, &expected));
    let mut outcomes = futures::stream::iter(numbers).buffered(SIDE_BY_SIDE);
    let mut writes = 0;
    while let Some(outcome) = outcomes.next().await {
        match outcome? {
            Outcome::Recovered => writes += 1,
            Outcome::NeverCrashed => {
                println!(
                    "{scenario:?}: killed at each of its {writes} writes, the same end each time"
                );
                ensure!(
                    writes > 0,
                    "{scenario:?} wrote nothing: there was nothing to crash at"
                );
                return Ok(());
            }
        }
    }
    anyhow::bail!("{scenario:?} has more than {MOST_WRITES} writes")
}

/// How a run with a crash ended.
enum Outcome {
    /// The operator was killed, and the next one came to the expected end.
    Recovered,
    /// It had fewer writes.
    NeverCrashed,
}

async fn crash_and_recover(scenario: Scenario, number: u32, expected: &End) -> Result<Outcome> {
    let run = Run::new(FaultsLab::get(), scenario, number).await?;
    if !run.crash_at(number).await? {
        run.remove().await?;
        return Ok(Outcome::NeverCrashed);
    }
    let operator = run.lab.start_operator(&[&run.namespace], None).await?;
    run.end().await?;
    let what = format!("{scenario:?}, killed at write {number}: the same end");
    wait::until_answer(&what, async || {
        let end = run.snapshot().await?;
        ensure!(end == *expected, "{}", ends::difference(expected, &end));
        Ok(Some(()))
    })
    .await?;
    operator.stop().await?;
    run.remove().await?;
    Ok(Outcome::Recovered)
}

/// One execution of a scenario, in a namespace of its own.
struct Run {
    lab: &'static FaultsLab,
    client: Client,
    scenario: Scenario,
    namespace: String,
}

impl Run {
    async fn new(lab: &'static FaultsLab, scenario: Scenario, number: u32) -> Result<Self> {
        let client = lab.client().await?;
        start_market(lab, &client).await?;
        let namespace = format!("{scenario:?}-{number}-{}", std::process::id()).to_lowercase();
        let manifest =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
        objects::apply(&client, "", &manifest).await?;
        Ok(Self {
            lab,
            client,
            scenario,
            namespace,
        })
    }

    /// Prepares with one operator, changes while none runs, and starts another.
    async fn prepare_and_change(&self) -> Result<HostOperator> {
        self.prepare().await?;
        self.change().await?;
        self.lab.start_operator(&[&self.namespace], None).await
    }

    /// Prepares and changes, then starts an operator that ends at a write. `false` where it had fewer.
    async fn crash_at(&self, number: u32) -> Result<bool> {
        self.prepare().await?;
        self.change().await?;
        let mut operator = self
            .lab
            .start_operator(&[&self.namespace], Some(number))
            .await?;
        tokio::select! {
            status = operator.wait_for_end() => {
                let code = status?.code();
                ensure!(code == Some(ENDED_AT_WRITE), "the operator ended with {code:?} instead of {ENDED_AT_WRITE}");
                Ok(true)
            }
            end = self.end() => {
                end?;
                // Its last writes (events) may follow the state that was waited for.
                Ok(tokio::time::timeout(std::time::Duration::from_secs(3), operator.wait_for_end()).await.is_ok())
            }
        }
    }

    async fn prepare(&self) -> Result<()> {
        if matches!(self.scenario, Scenario::Create) {
            return Ok(());
        }
        let operator = self.lab.start_operator(&[&self.namespace], None).await?;
        self.create().await?;
        self.until_running("first").await?;
        if matches!(self.scenario, Scenario::Resume) {
            self.patch(json!({ "tradingState": "Halted" })).await?;
            self.until_halted().await?;
        }
        operator.stop().await
    }

    async fn create(&self) -> Result<()> {
        let mut observer = manifests::observer("observer", "first");
        observer["spec"]["marketData"]["url"] = format!("ws://tape.{MARKET}:9443").into();
        let image = &self.lab.images().trader;
        let revisions = [
            manifests::revision("first", image, 0),
            manifests::revision("second", image, 1),
        ];
        for manifest in revisions.iter().chain([&observer]) {
            objects::apply(&self.client, &self.namespace, manifest).await?;
        }
        Ok(())
    }

    async fn change(&self) -> Result<()> {
        match self.scenario {
            Scenario::Create => self.create().await,
            Scenario::Roll => self.patch(json!({ "configRevision": "second" })).await,
            Scenario::Halt => self.patch(json!({ "tradingState": "Halted" })).await,
            Scenario::Resume => self.patch(json!({ "tradingState": "Active" })).await,
            Scenario::Restart => {
                self.patch(json!({ "restart": "again", "logLevel": "Debug" }))
                    .await
            }
            Scenario::Delete => {
                self.instances()
                    .delete("observer", &DeleteParams::default())
                    .await?;
                let revisions: Api<ConfigRevision> =
                    Api::namespaced(self.client.clone(), &self.namespace);
                for name in ["first", "second"] {
                    revisions.delete(name, &DeleteParams::default()).await?;
                }
                Ok(())
            }
        }
    }

    async fn patch(&self, spec: Value) -> Result<()> {
        let patch = json!({ "spec": spec });
        self.instances()
            .patch("observer", &PatchParams::default(), &Patch::Merge(&patch))
            .await?;
        Ok(())
    }

    /// Waits for the scenario's end and returns what is there then, without what differs between runs.
    async fn end(&self) -> Result<End> {
        match self.scenario {
            Scenario::Create | Scenario::Resume => self.until_running("first").await?,
            Scenario::Roll => self.until_running("second").await?,
            Scenario::Restart => self.until_restarted().await?,
            Scenario::Halt => self.until_halted().await?,
            Scenario::Delete => self.until_nothing_left().await?,
        }
        self.snapshot().await
    }

    async fn until_running(&self, revision: &str) -> Result<()> {
        self.until("to run what is declared", |instance| {
            let status = instance.status.as_ref();
            instance.spec.config_revision.0 == revision
                && status.is_some_and(|status| {
                    status.phase == Some(Phase::Running)
                        && status.in_sync.as_deref() == Some("True")
                })
        })
        .await
    }

    async fn until_restarted(&self) -> Result<()> {
        self.until("to carry the restart out", |instance| {
            instance.status.as_ref().is_some_and(|status| {
                status.restarted.as_deref() == Some("again") && status.phase == Some(Phase::Running)
            })
        })
        .await
    }

    async fn until_halted(&self) -> Result<()> {
        self.until("to halt", |instance| {
            let status = instance.status.as_ref();
            status.is_some_and(|status| {
                status.phase == Some(Phase::Halted) && status.running.is_none()
            })
        })
        .await?;
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        wait::until_gone(&pods, "observer-0").await
    }

    async fn until_nothing_left(&self) -> Result<()> {
        wait::until_answer(
            "everything of the instance and its revisions to be gone",
            async || {
                let left = self.snapshot().await?;
                ensure!(left.is_empty(), "{:?}", left.keys().collect::<Vec<_>>());
                Ok(Some(()))
            },
        )
        .await
    }

    async fn until(&self, what: &str, met: impl Fn(&TradingInstance) -> bool) -> Result<()> {
        let current = |instance: &TradingInstance| {
            let observed = instance
                .status
                .as_ref()
                .and_then(|status| status.observed_generation);
            observed == instance.metadata.generation && is_settled(instance) && met(instance)
        };
        let waited = wait::until_present(&self.instances(), "observer", what, current).await;
        waited
            .with_context(|| format!("in namespace {}", self.namespace))
            .map(|_| ())
    }

    fn instances(&self) -> Api<TradingInstance> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn snapshot(&self) -> Result<End> {
        let place = Place {
            called: "",
            namespace: self.namespace.clone(),
        };
        ends::of(&self.client, &[place]).await
    }

    async fn remove(self) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client);
        namespaces
            .delete(&self.namespace, &DeleteParams::background())
            .await?;
        Ok(())
    }
}

async fn start_market(lab: &FaultsLab, client: &Client) -> Result<()> {
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": MARKET } });
    objects::apply(client, "", &namespace).await?;
    for manifest in manifests::tape(&lab.images().trader) {
        objects::apply(client, MARKET, &manifest).await?;
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), MARKET);
    let ready = |pods: &[Pod]| pods.iter().any(triptych_end_to_end::namespace::is_ready);
    wait::until_all(
        &pods,
        "app.kubernetes.io/name=tape",
        "the tape serves",
        ready,
    )
    .await
    .map(|_| ())
}
