//! What a decision asks for: typed actions, a status without times, events, and when to look again.

use std::time::Duration;

use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, PersistentVolumeClaim},
    },
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
};
use triptych_crds::{
    TradingState,
    config_revision::ConfigRevisionStatus,
    promotion::{GateVerdict, ProvenConfiguration},
    trading_instance::{Ceiling, Halt, Phase, Running, TradingInstanceStatus},
};

use crate::conditions::{self, ConditionReport};

/// What a TradingInstance needs next.
#[derive(Clone, Debug, PartialEq)]
pub struct InstancePlan {
    /// To be carried out in this order, stopping at the first that fails: the next decision starts
    /// from what was reached.
    pub actions: Vec<Action>,
    /// What is known of the instance.
    pub status: InstanceReport,
    /// To be published once the actions and the status are written.
    pub events: Vec<EventReport>,
    /// When to decide again although nothing changed; `None` where a watch will tell.
    pub check_again: Option<Duration>,
}

/// What a ConfigRevision's namespace needs next.
#[derive(Clone, Debug, PartialEq)]
pub struct RevisionPlan {
    /// To be carried out in this order, stopping at the first that fails.
    pub actions: Vec<Action>,
    /// What is known of the revision; `None` after its deletion.
    pub status: Option<RevisionReport>,
    /// To be published once the actions and the status are written.
    pub events: Vec<EventReport>,
}

/// One write to the API server. Everything is applied with force under
/// `triptych-operator/<`[`Action::purpose`]`>`; every deletion carries the UID that was decided on as
/// a precondition, so that it can only hit the object that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Render a configuration.
    ApplyConfigMap(Box<ConfigMap>),
    /// Take a ConfigMap away.
    DeleteConfigMap {
        /// Which.
        target: Target,
        /// Why.
        reason: ConfigMapDeletion,
    },
    /// Make or grow the claim of a trader's volume.
    ApplyClaim(Box<PersistentVolumeClaim>),
    /// Make or change a trader's StatefulSet. By itself it restarts nothing (`OnDelete`).
    ApplyStatefulSet(Box<StatefulSet>),
    /// Take a trader away whose instance is gone: its pod stops in good order.
    DeleteStatefulSet {
        /// Which.
        target: Target,
        /// Why.
        reason: StatefulSetDeletion,
    },
    /// Replace a pod: its StatefulSet brings it back with the newest template.
    DeletePod {
        /// Which.
        target: Target,
        /// Why.
        reason: PodDeletion,
    },
}

/// An object, pinned by UID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID: the precondition of the deletion.
    pub uid: String,
}

/// Why a ConfigMap is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigMapDeletion {
    /// Its bytes are not those of the hash in its name.
    Tampered,
    /// No revision renders it and nothing declares, runs or mounts it.
    Unused,
}

/// Why a StatefulSet is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatefulSetDeletion {
    /// The instance that it belongs to is gone, and owners do not reach across namespaces.
    InstanceGone,
}

/// Why a pod is deleted. There is no further reason (invariant U1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodDeletion {
    /// It was made for another configuration than the one that may run now.
    ConfigurationChanged,
    /// `spec.restart` asks for it.
    RestartRequested,
    /// The image in its spec is not the configuration's.
    ImageMismatch,
    /// It refused a configuration file that has been replaced since.
    ConfigurationRestored,
}

impl Action {
    /// What the written fields are for: the second half of the field manager's name.
    pub fn purpose(&self) -> &'static str {
        match self {
            Self::ApplyConfigMap(_) | Self::DeleteConfigMap { .. } => "configuration",
            Self::ApplyClaim(_) => "storage",
            Self::ApplyStatefulSet(_) | Self::DeleteStatefulSet { .. } | Self::DeletePod { .. } => {
                "workload"
            }
        }
    }
}

/// What is known of a TradingInstance, without times.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceReport {
    /// Generation that was decided on.
    pub generation: Option<i64>,
    /// What the instance is doing.
    pub phase: Phase,
    /// The trading state in force.
    pub trading_state: Option<TradingState>,
    /// Hash of the declared revision, where it has one.
    pub declared_hash: Option<String>,
    /// What the running pod attests (invariant M3).
    pub running: Option<Running>,
    /// Whether what runs is what is declared; `None` where the tier is not run by this build.
    pub in_sync: Option<bool>,
    /// What the next step waits for, at most 64 characters.
    pub waiting_for: Option<String>,
    /// The value of `spec.restart` that was carried out last.
    pub restarted: Option<String>,
    /// The halt in force, as the trader tells of it (W and R).
    pub halt: Option<Halt>,
    /// The most that the trader may do (W and R).
    pub ceiling: Option<Ceiling>,
    /// What each gate says of the declared configuration (W).
    pub gates: Vec<GateVerdict>,
    /// Configurations to which W may go back without waiting, the newest first.
    pub proven: Vec<ProvenConfiguration>,
    /// The conditions that this decision stands for; others are left as they are.
    pub conditions: Vec<ConditionReport>,
}

impl InstanceReport {
    /// The status to be stored: equal to `previous` where nothing changed. A condition keeps its
    /// transition time until its status changes; then it gets `now`.
    pub fn status(
        &self,
        previous: Option<&TradingInstanceStatus>,
        now: &Time,
    ) -> TradingInstanceStatus {
        let previous = previous.cloned().unwrap_or_default();
        let conditions =
            conditions::merge(&previous.conditions, &self.conditions, self.generation, now);
        TradingInstanceStatus {
            observed_generation: self.generation,
            phase: Some(self.phase),
            trading_state: self.trading_state,
            declared_hash: self.declared_hash.clone(),
            running: self.running.clone(),
            in_sync: self
                .in_sync
                .map(|in_sync| if in_sync { "True" } else { "False" }.to_owned()),
            waiting_for: self.waiting_for.clone(),
            restarted: self.restarted.clone(),
            halt: self.halt.clone(),
            ceiling: self.ceiling.clone(),
            gates: self.gates.clone(),
            proven: self.proven.clone(),
            conditions,
            ..previous
        }
    }
}

/// What is known of a ConfigRevision, without times.
#[derive(Clone, Debug, PartialEq)]
pub struct RevisionReport {
    /// Generation that was decided on.
    pub generation: Option<i64>,
    /// Hash of the configuration, where it has one.
    pub hash: Option<String>,
    /// Name of the rendered ConfigMap, where there is one.
    pub config_map: Option<String>,
    /// Number of TradingInstances that declare or run it.
    pub used_by: i32,
    /// `Ready`.
    pub conditions: Vec<ConditionReport>,
}

impl RevisionReport {
    /// The status to be stored: equal to `previous` where nothing changed.
    pub fn status(
        &self,
        previous: Option<&ConfigRevisionStatus>,
        now: &Time,
    ) -> ConfigRevisionStatus {
        let known: &[Condition] = previous.map_or(&[], |status| &status.conditions);
        ConfigRevisionStatus {
            observed_generation: self.generation,
            hash: self.hash.as_deref().map(Into::into),
            short_hash: self
                .hash
                .as_deref()
                .map(|hash| hash.chars().take(12).collect()),
            config_map: self.config_map.clone(),
            used_by: Some(self.used_by),
            conditions: conditions::merge(known, &self.conditions, self.generation, now),
        }
    }
}

/// An event of events.k8s.io about the object that was decided on. A plan contains one only where
/// something changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventReport {
    /// `Normal` or `Warning`.
    pub severity: Severity,
    /// One word in CamelCase.
    pub reason: &'static str,
    /// What the operator did, one word in CamelCase.
    pub action: &'static str,
    /// A sentence for a person, at most 1,024 bytes.
    pub note: String,
}

/// Severity of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Part of ordinary work.
    Normal,
    /// Somebody should look at it.
    Warning,
}
