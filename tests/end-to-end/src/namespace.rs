//! A namespace of a test's own, with the words in which tests speak of Triptych.

use anyhow::{Context, Result};
use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, Event, Namespace, PersistentVolumeClaim, Pod},
    },
    jiff::Timestamp,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use triptych_crds::{
    ConfigRevision, TradingInstance,
    trading_instance::{Phase, TradingInstanceStatus},
};

use crate::{lab::Lab, manifests, objects, wait};

/// A namespace that belongs to one test. It goes when the test is done; where the test fails it
/// stays, and says so, to be looked at.
pub struct TestNamespace {
    /// Client of an administrator.
    pub client: Client,
    /// The cluster and what is installed on it.
    pub lab: &'static Lab,
    name: String,
}

impl TestNamespace {
    /// Creates a namespace whose name starts with `purpose`.
    pub async fn create(lab: &'static Lab, purpose: &str) -> Result<Self> {
        let client = lab.client().await?;
        let namespace: Namespace = serde_json::from_value(json!({
            "metadata": {
                "generateName": format!("{purpose}-"),
                "labels": { "pod-security.kubernetes.io/enforce": "restricted" }
            }
        }))?;
        let created = Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await?;
        Ok(Self {
            client,
            lab,
            name: created.name_any(),
        })
    }

    /// Name of the namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Instances of this namespace.
    pub fn instances(&self) -> Api<TradingInstance> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Revisions of this namespace.
    pub fn revisions(&self) -> Api<ConfigRevision> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Pods of this namespace.
    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// ConfigMaps of this namespace.
    pub fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// StatefulSets of this namespace.
    pub fn stateful_sets(&self) -> Api<StatefulSet> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// PersistentVolumeClaims of this namespace.
    pub fn claims(&self) -> Api<PersistentVolumeClaim> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Applies a manifest.
    pub async fn apply(&self, manifest: &Value) -> Result<()> {
        objects::apply(&self.client, &self.name, manifest)
            .await
            .map(|_| ())
    }

    /// Merges a patch into an instance's spec, as `kubectl patch` does.
    pub async fn patch_spec(&self, instance: &str, spec: Value) -> Result<()> {
        let patch = json!({ "spec": spec });
        self.instances()
            .patch(instance, &PatchParams::default(), &Patch::Merge(&patch))
            .await?;
        Ok(())
    }

    /// Deletes an object of a kind and returns at once.
    pub async fn delete<K>(&self, api: &Api<K>, name: &str) -> Result<()>
    where
        K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
    {
        match api.delete(name, &DeleteParams::default()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(error).with_context(|| format!("delete {name}")),
        }
    }

    /// Applies the tape and waits until it serves.
    pub async fn start_tape(&self) -> Result<()> {
        self.start_server("tape", manifests::tape(&self.lab.images().trader))
            .await
    }

    /// Applies the simulated venue and waits until it serves.
    pub async fn start_venue(&self) -> Result<()> {
        self.start_server("venue", manifests::venue(&self.lab.images().venue))
            .await
    }

    async fn start_server(&self, name: &str, manifests: [Value; 2]) -> Result<()> {
        for manifest in manifests {
            self.apply(&manifest).await?;
        }
        let pods = format!("app.kubernetes.io/name={name}");
        let ready = |pods: &[Pod]| pods.iter().any(is_ready);
        wait::until_all(&self.pods(), &pods, &format!("the {name} serves"), ready).await?;
        Ok(())
    }

    /// What the simulated venue's admin port tells of a persona: balances, orders and fills of its accounts.
    pub fn venue_books(&self, persona: &str) -> Result<Value> {
        let path = format!(
            "/api/v1/namespaces/{}/services/venue:admin/proxy/personas/{persona}",
            self.name
        );
        let printed = self.lab.kubectl(&["get", "--raw", &path])?;
        serde_json::from_str(&printed).with_context(|| format!("not JSON: {printed}"))
    }

    /// Applies the tape, a revision `first` and an ABH instance, and waits until the instance runs.
    pub async fn start_observer(&self, instance: &str) -> Result<TradingInstance> {
        self.start_tape().await?;
        self.apply(&manifests::revision("first", &self.lab.images().trader, 0))
            .await?;
        self.apply(&manifests::observer(instance, "first")).await?;
        self.until_running(instance).await
    }

    /// Waits until an instance is in phase Running.
    pub async fn until_running(&self, instance: &str) -> Result<TradingInstance> {
        self.until_status(instance, "phase Running and in sync", |status| {
            status.phase == Some(Phase::Running) && status.in_sync.as_deref() == Some("True")
        })
        .await
    }

    /// Waits until an instance's status meets a condition.
    pub async fn until_status(
        &self,
        instance: &str,
        what: &str,
        met: impl Fn(&TradingInstanceStatus) -> bool,
    ) -> Result<TradingInstance> {
        wait::until_present(
            &self.instances(),
            instance,
            what,
            |object: &TradingInstance| {
                let current = |status: &TradingInstanceStatus| {
                    status.observed_generation == object.metadata.generation
                };
                object
                    .status
                    .as_ref()
                    .is_some_and(|status| current(status) && met(status))
            },
        )
        .await
        .with_context(|| format!("in namespace {}", self.name))
    }

    /// The one pod of an instance.
    pub async fn pod_of(&self, instance: &str) -> Result<Pod> {
        let name = format!("{instance}-0");
        self.pods()
            .get(&name)
            .await
            .with_context(|| format!("pod {name} in {}", self.name))
    }

    /// Runs a command in an instance's pod and returns what it printed.
    pub fn exec(&self, instance: &str, command: &[&str]) -> Result<String> {
        let pod = format!("{instance}-0");
        let mut words = vec!["exec", "-n", &self.name, &pod, "--"];
        words.extend(command);
        self.lab.kubectl(&words)
    }

    /// What the trader in an instance's pod says of itself at `/v1/status`.
    pub fn trader_status(&self, instance: &str) -> Result<Value> {
        let path = format!(
            "/api/v1/namespaces/{}/pods/{instance}-0:8080/proxy/v1/status",
            self.name
        );
        let printed = self.lab.kubectl(&["get", "--raw", &path])?;
        serde_json::from_str(&printed).with_context(|| format!("not JSON: {printed}"))
    }

    /// What `trader dataset verify` says of an instance's dataset, asked inside its pod.
    pub fn dataset(&self, instance: &str) -> Result<Value> {
        let printed = self.exec(
            instance,
            &[
                "/usr/local/bin/trader",
                "dataset",
                "verify",
                "/var/lib/triptych",
                "-o",
                "json",
            ],
        )?;
        serde_json::from_str(&printed).with_context(|| format!("not JSON: {printed}"))
    }

    /// Reasons of the events about an instance.
    pub async fn event_reasons(&self, instance: &str) -> Result<Vec<String>> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.name);
        let selector = ListParams::default().fields(&format!("involvedObject.name={instance}"));
        Ok(events
            .list(&selector)
            .await?
            .into_iter()
            .filter_map(|event| event.reason)
            .collect())
    }

    /// Deletes the namespace without waiting for its end.
    pub async fn finish(self) -> Result<()> {
        Api::<Namespace>::all(self.client.clone())
            .delete(&self.name, &DeleteParams::background())
            .await?;
        Ok(())
    }
}

/// Whether a pod is ready.
pub fn is_ready(pod: &Pod) -> bool {
    ready_since(pod).is_some()
}

/// Since when a pod is ready, where it is.
pub fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let mut conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let ready = conditions.find(|one| one.type_ == "Ready" && one.status == "True")?;
    ready.last_transition_time.as_ref().map(|time| time.0)
}
