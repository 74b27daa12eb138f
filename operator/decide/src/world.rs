//! What the operator observed, as far as a decision needs it.
//!
//! Kubernetes objects stand here whole where a decision compares them field by field; pods and
//! ConfigMaps are reduced to [`PodView`] and [`ConfigMapView`] (made by [`crate::view`]).

use std::collections::BTreeSet;

use k8s_openapi::{
    api::{apps::v1::StatefulSet, core::v1::PersistentVolumeClaim},
    apimachinery::pkg::apis::meta::v1::Time,
};
use serde::Deserialize;
use triptych_crds::{
    ConfigHash, TradingInstance, TradingState,
    config_revision::ConfigRevisionStatus,
    hash::CanonicalConfig,
    trading_account::{TradingAccountSpec, Writer},
};

/// A TradingInstance and everything that belongs to it.
#[derive(Clone, Debug)]
pub struct InstanceWorld {
    /// The instance, with its metadata and the status that was reported last.
    pub instance: TradingInstance,
    /// The ConfigRevision that `spec.configRevision` names.
    pub revision: Revision,
    /// The ConfigMap that carries the name of the declared hash, whatever its labels are. `None`
    /// also where the revision has no hash.
    pub config_map: Option<ConfigMapView>,
    /// The claim of the trader's volume, whatever its labels are: `dataset-<instance>` of an ABH,
    /// `journal-<account>` in the sealed namespace of W and R.
    pub claim: Option<PersistentVolumeClaim>,
    /// The StatefulSet of the instance, whatever its labels are: of its name for an ABH, `trader` in
    /// the sealed namespace for W and R.
    pub stateful_set: Option<StatefulSet>,
    /// The pods that carry the instance's label. Those that are not the trader's are passed over.
    pub pods: Vec<PodView>,
    /// What W and R have beside that.
    pub trading: TradingWorld,
}

/// What decides on W and R beside their own objects. Empty for ABH.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TradingWorld {
    /// The account that the instance names; `None` where there is none.
    pub account: Option<AccountView>,
    /// The instance on the other side of the mirror.
    pub pairing: Pairing,
    /// When all of this was observed; `None` where nothing depends on it.
    pub observed_at: Option<Time>,
}

/// A TradingAccount.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountView {
    /// Its spec.
    pub spec: TradingAccountSpec,
    /// The writer of the instance's side as the account's status records it.
    pub writer: Option<Writer>,
    /// The seal of the instance's side.
    pub seal: Seal,
}

/// What is known of the seal of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seal {
    /// Every piece is there and as it should be.
    Whole,
    /// Pieces are missing or altered: each in a few words.
    Broken(Vec<String>),
    /// Nobody could look, and why.
    #[default]
    Unknown,
}

/// The instances that belong together as writer and mirror, seen from one of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Pairing {
    /// An ABH, or an R that mirrors nobody: a candidate.
    #[default]
    Alone,
    /// A W, and every R of its namespace that names it as `mirrorOf`.
    Writer {
        /// Those that are not being deleted.
        mirrors: Vec<MirrorView>,
    },
    /// An R that names a W.
    Mirror {
        /// That W, where it is there.
        writer: Option<WriterView>,
        /// Names of the other R that name the same W.
        others: Vec<String>,
    },
}

/// An R as its W sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct MirrorView {
    /// Name.
    pub name: String,
    /// Hash of the revision that it declares, where that has one.
    pub declares: Option<ConfigHash>,
    /// What its pod attests while it is ready.
    pub evidence: Option<Evidence>,
}

/// What a mirror that is ready attests.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Hash of the configuration that it runs.
    pub hash: String,
    /// Since when its pod is ready, without interruption.
    pub ready_since: Time,
    /// Whether a newer template waits for a restart of it.
    pub restart_required: bool,
}

/// A W as its mirror sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterView {
    /// Name.
    pub name: String,
    /// Hash of the revision that it declares, where that has one.
    pub declares: Option<ConfigHash>,
    /// Hash that its status shows as running.
    pub running: Option<String>,
}

/// A ConfigRevision as its stored `spec` value has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// No object of that name.
    Missing,
    /// It has no hash or names no build; the author of the revision has to correct it.
    Invalid {
        /// Field, value and expectation.
        error: String,
    },
    /// It can be used.
    Found(UsableRevision),
}

impl Revision {
    /// Its hash, where it can be used.
    pub fn hash(&self) -> Option<&ConfigHash> {
        match self {
            Self::Found(found) => Some(&found.canonical.hash),
            Self::Missing | Self::Invalid { .. } => None,
        }
    }
}

/// A ConfigRevision that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsableRevision {
    /// UID of the object.
    pub uid: String,
    /// Canonical form and hash of the stored `spec` value.
    pub canonical: CanonicalConfig,
    /// The image that the revision names, with its digest.
    pub image: String,
}

/// A ConfigMap, with its content reduced to a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigMapView {
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// When it was created.
    pub created_at: Option<Time>,
    /// Whether its deletion has begun.
    pub deleting: bool,
    /// Whether its labels say that the operator made it.
    pub managed: bool,
    /// Whether the API server refuses changes of its data.
    pub immutable: bool,
    /// Hash of the bytes of `config.json`; `None` where that key is absent or not alone.
    pub content: Option<ConfigHash>,
    /// The annotation `triptych.trading/config-hash`.
    pub config_hash: Option<String>,
}

/// A pod, reduced to what decisions and the status need.
#[derive(Clone, Debug, PartialEq)]
pub struct PodView {
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// UID of the controlling owner.
    pub controller: Option<String>,
    /// When it was created.
    pub created_at: Option<Time>,
    /// Whether its deletion has begun.
    pub deleting: bool,
    /// The annotation `triptych.trading/config-hash`.
    pub config_hash: Option<String>,
    /// The annotation `triptych.trading/restart`.
    pub restart: Option<String>,
    /// The image of the trader's container as the pod's spec has it.
    pub image: Option<String>,
    /// The node that it is bound to.
    pub node: Option<String>,
    /// Its address.
    pub ip: Option<String>,
    /// Whether the API server calls it finished: phase `Succeeded` or `Failed`.
    pub finished: bool,
    /// Whether its condition `Ready` is `True`.
    pub ready: bool,
    /// Since when it is, by the kubelet.
    pub ready_since: Option<Time>,
    /// Why it is not scheduled, in the scheduler's words.
    pub unschedulable: Option<String>,
    /// The trader's container.
    pub container: ContainerView,
    /// What the trader says of itself.
    pub attestation: Attestation,
}

/// The trader's container as the kubelet reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerView {
    /// The image that runs, as the node resolved it: `registry/name@sha256:...`.
    pub image_id: Option<String>,
    /// Identifier of the container: a new one after each restart.
    pub container_id: Option<String>,
    /// How often it was restarted.
    pub restarts: i32,
    /// Whether it runs now.
    pub running: bool,
    /// Why it does not run: the kubelet's reason (`CrashLoopBackOff`, `ImagePullBackOff`) and message.
    pub waiting: Option<Waiting>,
    /// How it ended, or how the run before this one ended.
    pub last_exit: Option<Exit>,
}

/// Why a container does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The kubelet's reason.
    pub reason: String,
    /// The kubelet's message, possibly empty.
    pub message: String,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Exit code; the trader's contract gives them a meaning.
    pub code: i32,
    /// What the trader wrote as its termination message, possibly empty.
    pub message: String,
}

/// What a trader answered when it was asked by the address of its pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attestation {
    /// It was not asked: the pod has no address or its container does not run.
    NotAsked,
    /// It did not answer, or not in the contract's form.
    Unreachable {
        /// Why.
        reason: String,
    },
    /// It answered.
    Answered(Box<TraderStatus>),
}

/// The part of `GET /v1/status` that the operator reads (docs/trader-contract.md). Further fields
/// are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraderStatus {
    /// Version of the contract: `v1`.
    pub contract: String,
    /// Tier that the trader runs as.
    pub tier: String,
    /// UID of the TradingInstance, from the trader's environment.
    pub instance_uid: String,
    /// UID of the pod, from the trader's environment.
    pub pod_uid: String,
    /// Identifier of the run: a new one each time the trader starts.
    pub run_id: String,
    /// Hash of the bytes that the trader loaded.
    pub config_hash: String,
    /// What the trader says of its own executable.
    pub build: Build,
    /// Whether the trader calls itself ready.
    pub ready: bool,
    /// Why it does not.
    #[serde(default)]
    pub not_ready_reason: Option<String>,
    /// The trading state in force.
    #[serde(default)]
    pub state: Option<TradingState>,
    /// The halt in force (W and R).
    #[serde(default)]
    pub halt: Option<HaltAnswer>,
    /// How far the order path is (W and R).
    #[serde(default)]
    pub execution: Option<ExecutionAnswer>,
    /// What it says of that.
    #[serde(default)]
    pub execution_message: Option<String>,
}

/// How far a trader's order path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ExecutionAnswer {
    /// The venue is not reached yet.
    Connecting,
    /// Journal and venue are being compared.
    Reconciling,
    /// Orders go out.
    Connected,
    /// No order goes out until the trader is started again.
    Failed,
    /// Something that this operator does not know.
    #[serde(other)]
    Unknown,
}

/// A halt as the trader tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HaltAnswer {
    /// Its identifier; absent for one that ends by itself.
    #[serde(default)]
    pub id: Option<String>,
    /// Where it came from.
    pub source: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// What a trader says of its own executable.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Build {
    /// Version.
    pub version: String,
}

/// A ConfigRevision and the rendered configurations of its namespace.
#[derive(Clone, Debug)]
pub struct RevisionWorld {
    /// The namespace.
    pub namespace: String,
    /// The revision; `None` after its deletion, when there is only something to collect.
    pub revision: Option<RevisionSubject>,
    /// Every ConfigMap of the namespace that the operator made, and the one that carries the name
    /// of the revision's hash, whatever its labels are.
    pub config_maps: Vec<ConfigMapView>,
    /// Names of all ConfigRevisions of the namespace.
    pub revisions: BTreeSet<String>,
    /// Hashes of all ConfigRevisions of the namespace that have one.
    pub revision_hashes: BTreeSet<ConfigHash>,
    /// All TradingInstances of the namespace.
    pub instances: Vec<InstanceUse>,
    /// Names of the ConfigMaps that any pod or StatefulSet template of the namespace refers to
    /// ([`crate::view::named_config_maps`]).
    pub mounted: BTreeSet<String>,
}

/// The ConfigRevision that is decided on.
#[derive(Clone, Debug)]
pub struct RevisionSubject {
    /// Name.
    pub name: String,
    /// Generation of the object.
    pub generation: Option<i64>,
    /// What its stored `spec` value is: never [`Revision::Missing`].
    pub content: Revision,
    /// The status that was reported last.
    pub status: Option<ConfigRevisionStatus>,
}

/// How a TradingInstance uses configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceUse {
    /// Name of the instance.
    pub name: String,
    /// Name of the ConfigRevision that it declares.
    pub declares: String,
    /// Hash that its status shows as running.
    pub running: Option<String>,
    /// Whether its deletion has begun.
    pub deleting: bool,
}
