//! A small simulated cluster: an API server that stores and defaults, the StatefulSet controller
//! (whose view may be stale), a kubelet with a trader in each pod, and the operator's two decisions.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        core::v1::{
            ConfigMap, ContainerState, ContainerStateRunning, ContainerStateTerminated,
            ContainerStateWaiting, ContainerStatus, PersistentVolumeClaim, Pod, PodCondition,
            PodStatus,
        },
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time},
    jiff::Timestamp,
};
use serde_json::Value;
use triptych_crds::{ConfigHash, TradingInstance, config_revision::ConfigRevisionStatus};
use triptych_decide::{
    instance,
    names::{self, CONFIG_FILE, TRADER_CONTAINER},
    plan::{Action, InstancePlan, Target},
    revision, view,
    world::{
        Attestation, Build, InstanceUse, InstanceWorld, Revision, RevisionSubject, RevisionWorld,
        TraderStatus,
    },
};

use crate::{
    examples::{INSTANCE, NAMESPACE, instance as example, spec},
    invariants,
};

/// Rounds after which a cluster that does not settle is a failure.
const ROUNDS: usize = 40;

#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) instance: TradingInstance,
    pub(crate) revisions: BTreeMap<String, StoredRevision>,
    pub(crate) config_maps: BTreeMap<String, ConfigMap>,
    pub(crate) claim: Option<PersistentVolumeClaim>,
    pub(crate) stateful_set: Option<StatefulSet>,
    pub(crate) pod: Option<SimulatedPod>,
    /// What the StatefulSet controller saw before the last write.
    former_set: Option<StatefulSet>,
    /// Whether the StatefulSet controller acts on that.
    pub(crate) controller_is_stale: bool,
    /// Writes of actions that are left before the operator crashes.
    pub(crate) writes_before_crash: Option<usize>,
    pub(crate) writes: usize,
    pub(crate) events: Vec<&'static str>,
    seconds: i64,
    uids: u32,
}

#[derive(Clone)]
pub(crate) struct StoredRevision {
    pub(crate) uid: String,
    pub(crate) spec: Value,
    pub(crate) status: Option<ConfigRevisionStatus>,
}

#[derive(Clone)]
pub(crate) struct SimulatedPod {
    pub(crate) object: Pod,
    /// Hash of the bytes that are mounted; a pod keeps what it mounted first.
    mounted: Option<ConfigHash>,
    /// What the trader says otherwise than it is.
    pub(crate) lie: Option<Lie>,
    runs: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Lie {
    ConfigHash(String),
    PodUid(String),
    InstanceUid(String),
    Silence,
}

/// The operator ended between two writes.
pub(crate) struct Crashed;

impl Cluster {
    /// Revisions `r1` (configuration a) and `r2` (configuration B, another image), and an instance
    /// that declares `r1`. The operator did not look yet.
    pub(crate) fn new() -> Self {
        let mut cluster = Self {
            instance: example("r1"),
            revisions: BTreeMap::new(),
            config_maps: BTreeMap::new(),
            claim: None,
            stateful_set: None,
            pod: None,
            former_set: None,
            controller_is_stale: false,
            writes_before_crash: None,
            writes: 0,
            events: Vec::new(),
            seconds: 0,
            uids: 0,
        };
        cluster.create_revision("r1", 'a');
        cluster.create_revision("r2", 'B');
        cluster
    }

    /// The same, settled.
    pub(crate) fn running() -> Self {
        let mut cluster = Self::new();
        cluster.settle();
        assert!(cluster.plan().status.running.is_some(), "the example runs");
        cluster.events.clear();
        cluster
    }

    pub(crate) fn create_revision(&mut self, name: &str, letter: char) {
        let uid = self.uid();
        let stored = StoredRevision {
            uid,
            spec: spec(letter),
            status: None,
        };
        self.revisions.insert(name.to_owned(), stored);
    }

    /// Changes the instance's spec as a user does.
    pub(crate) fn edit(
        &mut self,
        change: impl FnOnce(&mut triptych_crds::trading_instance::TradingInstanceSpec),
    ) {
        let before = self.instance.spec.clone();
        change(&mut self.instance.spec);
        if self.instance.spec != before {
            self.instance.metadata.generation = self
                .instance
                .metadata
                .generation
                .map(|generation| generation + 1);
        }
    }

    // What the operator sees.

    pub(crate) fn world(&self) -> InstanceWorld {
        let declared = self.revisions.get(&self.instance.spec.config_revision.0);
        let revision = declared.map_or(Revision::Missing, |stored| {
            view::revision(&stored.uid, &stored.spec)
        });
        let config_map = match &revision {
            Revision::Found(found) => self
                .config_maps
                .get(&found.canonical.hash.config_map_name())
                .map(view::config_map),
            _ => None,
        };
        InstanceWorld {
            instance: self.instance.clone(),
            revision,
            config_map,
            claim: self.claim.clone(),
            stateful_set: self.stateful_set.clone(),
            pods: self
                .pod
                .iter()
                .map(|pod| view::pod(&pod.object, pod.answer()))
                .collect(),
        }
    }

    pub(crate) fn revision_world(&self, name: &str) -> RevisionWorld {
        let content = |stored: &StoredRevision| view::revision(&stored.uid, &stored.spec);
        let hashes = self
            .revisions
            .values()
            .filter_map(|stored| match content(stored) {
                Revision::Found(found) => Some(found.canonical.hash),
                _ => None,
            });
        let status = self.instance.status.as_ref();
        RevisionWorld {
            namespace: NAMESPACE.to_owned(),
            revision: self.revisions.get(name).map(|stored| RevisionSubject {
                name: name.to_owned(),
                generation: Some(1),
                content: content(stored),
                status: stored.status.clone(),
            }),
            config_maps: self.config_maps.values().map(view::config_map).collect(),
            revisions: self.revisions.keys().cloned().collect(),
            revision_hashes: hashes.collect(),
            instances: vec![InstanceUse {
                name: INSTANCE.to_owned(),
                declares: self.instance.spec.config_revision.to_string(),
                running: status
                    .and_then(|status| status.running.as_ref())
                    .map(|running| running.hash.clone()),
                deleting: false,
            }],
            mounted: self.mounted(),
        }
    }

    /// Names of the ConfigMaps that the StatefulSet or the pod refers to.
    pub(crate) fn mounted(&self) -> BTreeSet<String> {
        let template = self.stateful_set.iter().filter_map(|set| {
            set.spec
                .as_ref()
                .and_then(|spec| spec.template.spec.as_ref())
        });
        let pod = self.pod.iter().filter_map(|pod| pod.object.spec.as_ref());
        template
            .chain(pod)
            .flat_map(view::named_config_maps)
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn plan(&self) -> InstancePlan {
        instance::decide(&self.world())
    }

    // The operator at work.

    /// One round of the instance's controller: decide, apply, report. Returns whether it did
    /// anything.
    pub(crate) fn reconcile(&mut self) -> Result<bool, Crashed> {
        let world = self.world();
        let plan = instance::decide(&world);
        invariants::check(&world, &plan, self);
        for action in &plan.actions {
            self.write(action)?;
        }
        let status = plan
            .status
            .status(self.instance.status.as_ref(), &self.now());
        let changed = self.instance.status.as_ref() != Some(&status);
        self.instance.status = Some(status);
        self.events
            .extend(plan.events.iter().map(|event| event.reason));
        Ok(changed || !plan.actions.is_empty() || !plan.events.is_empty())
    }

    /// One round of the revisions' controller, for each revision and for one that is gone.
    pub(crate) fn reconcile_revisions(&mut self) -> Result<bool, Crashed> {
        let mut worked = false;
        let names: Vec<String> = self
            .revisions
            .keys()
            .cloned()
            .chain(["gone".into()])
            .collect();
        for name in names {
            let plan = revision::decide(&self.revision_world(&name));
            invariants::check_revision(&plan, self);
            for action in &plan.actions {
                self.write(action)?;
            }
            worked |= !plan.actions.is_empty();
            let now = self.now();
            if let (Some(report), Some(stored)) = (plan.status, self.revisions.get_mut(&name)) {
                let status = report.status(stored.status.as_ref(), &now);
                worked |= stored.status.as_ref() != Some(&status);
                stored.status = Some(status);
            }
        }
        Ok(worked)
    }

    fn write(&mut self, action: &Action) -> Result<(), Crashed> {
        match &mut self.writes_before_crash {
            Some(0) => {
                self.writes_before_crash = None;
                return Err(Crashed);
            }
            Some(left) => *left -= 1,
            None => {}
        }
        self.writes += 1;
        self.apply(action);
        Ok(())
    }

    /// Lets everybody work until nobody has anything to do. A crashed operator is started again.
    pub(crate) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let revisions = self.reconcile_revisions().unwrap_or(true);
            let operator = self.reconcile().unwrap_or(true);
            let controller = self.stateful_set_controller();
            let kubelet = self.kubelet();
            self.seconds += 1;
            if !(revisions || operator || controller || kubelet) {
                return;
            }
        }
        panic!("not settled after {ROUNDS} rounds: {:?}", self.plan());
    }

    /// One round of everybody.
    pub(crate) fn step(&mut self) {
        // A crashed operator starts again in the next round.
        let _worked = self.reconcile_revisions().is_ok() && self.reconcile().is_ok();
        self.let_others_work();
    }

    /// One round of everybody but the operator.
    pub(crate) fn let_others_work(&mut self) {
        self.stateful_set_controller();
        self.kubelet();
        self.seconds += 1;
    }

    // The API server.

    /// Carries out one action as the API server does.
    pub(crate) fn apply(&mut self, action: &Action) {
        match action {
            Action::ApplyConfigMap(applied) => self.apply_config_map(applied),
            Action::DeleteConfigMap { target, .. } => {
                let live = self
                    .config_maps
                    .get(&target.name)
                    .map(|live| &live.metadata);
                if has_uid(live, target) {
                    self.config_maps.remove(&target.name);
                }
            }
            Action::ApplyClaim(applied) => self.apply_claim(applied),
            Action::ApplyStatefulSet(applied) => self.apply_stateful_set(applied),
            Action::DeletePod { target, .. } => {
                if has_uid(self.pod.as_ref().map(|pod| &pod.object.metadata), target) {
                    self.delete_pod();
                }
            }
        }
    }

    fn apply_config_map(&mut self, applied: &ConfigMap) {
        let name = applied
            .metadata
            .name
            .clone()
            .expect("an applied object has a name");
        let live = self.config_maps.get(&name);
        if let Some(live) = live {
            let same = live.data == applied.data && live.binary_data == applied.binary_data;
            assert!(
                same || live.immutable != Some(true),
                "data of an immutable ConfigMap is written"
            );
        }
        let metadata = self.stored(&applied.metadata, live.map(|live| live.metadata.clone()));
        self.config_maps.insert(
            name,
            ConfigMap {
                metadata,
                ..applied.clone()
            },
        );
    }

    fn apply_claim(&mut self, applied: &PersistentVolumeClaim) {
        if let Some(live) = &self.claim {
            let fixed = |claim: &PersistentVolumeClaim| {
                let spec = claim.spec.clone().expect("a claim has a spec");
                (spec.access_modes, spec.storage_class_name)
            };
            assert_eq!(
                fixed(live),
                fixed(applied),
                "a fixed field of a claim is written"
            );
        }
        let former = self.claim.as_ref().map(|claim| claim.metadata.clone());
        let metadata = self.stored(&applied.metadata, former);
        let mut spec = applied.spec.clone();
        if let Some(spec) = &mut spec {
            spec.storage_class_name
                .get_or_insert_with(|| "default".to_owned());
            spec.volume_mode = Some("Filesystem".to_owned());
        }
        self.claim = Some(PersistentVolumeClaim {
            metadata,
            spec,
            status: None,
        });
    }

    fn apply_stateful_set(&mut self, applied: &StatefulSet) {
        let former = self.stateful_set.as_ref().map(|set| set.metadata.clone());
        let metadata = self.stored(&applied.metadata, former);
        let mut set = StatefulSet {
            metadata,
            ..applied.clone()
        };
        add_defaults(&mut set);
        self.former_set = self.stateful_set.replace(set);
    }

    /// Metadata as it is stored: identity stays, what was applied is there.
    fn stored(&mut self, applied: &ObjectMeta, former: Option<ObjectMeta>) -> ObjectMeta {
        let (uid, created) = match former {
            Some(former) => (former.uid, former.creation_timestamp),
            None => (Some(self.uid()), Some(self.now())),
        };
        ObjectMeta {
            uid,
            creation_timestamp: created,
            ..applied.clone()
        }
    }

    /// Begins the orderly stop of the pod.
    pub(crate) fn delete_pod(&mut self) {
        let now = self.now();
        if let Some(pod) = &mut self.pod {
            pod.object.metadata.deletion_timestamp.get_or_insert(now);
        }
    }

    /// Deletes the StatefulSet, and lets its pod live where it is orphaned.
    pub(crate) fn delete_stateful_set(&mut self, orphan: bool) {
        self.stateful_set = None;
        if orphan {
            if let Some(pod) = &mut self.pod {
                pod.object.metadata.owner_references = None;
            }
        } else {
            self.delete_pod();
        }
    }

    /// Puts other bytes into a ConfigMap, as somebody who deletes and creates it anew.
    pub(crate) fn tamper_config_map(&mut self, hash: &ConfigHash) {
        let (uid, now) = (self.uid(), self.now());
        if let Some(live) = self.config_maps.get_mut(&hash.config_map_name()) {
            live.metadata.uid = Some(uid);
            live.metadata.creation_timestamp = Some(now);
            live.data = Some(BTreeMap::from([(CONFIG_FILE.into(), "{}".into())]));
        }
    }

    // The other controllers.

    fn stateful_set_controller(&mut self) -> bool {
        let stale = self
            .controller_is_stale
            .then(|| self.former_set.take())
            .flatten();
        let current = self.stateful_set.clone();
        // A cache can lag behind; it cannot know a StatefulSet that never had this UID.
        let seen = stale.filter(|stale| {
            current
                .as_ref()
                .is_some_and(|set| set.metadata.uid == stale.metadata.uid)
        });
        let Some(set) = seen.or(current) else {
            return false;
        };
        let spec = set.spec.as_ref().expect("a StatefulSet has a spec");
        let wanted = spec.replicas != Some(0);
        match &mut self.pod {
            None if wanted => {
                self.pod = Some(self.make_pod(&set));
                true
            }
            Some(pod) if pod.object.metadata.owner_references.is_none() => {
                pod.object.metadata.owner_references = Some(vec![owner(&set)]);
                true
            }
            Some(pod) if !wanted && pod.object.metadata.deletion_timestamp.is_none() => {
                self.delete_pod();
                true
            }
            _ => false,
        }
    }

    fn make_pod(&mut self, set: &StatefulSet) -> SimulatedPod {
        let template = set
            .spec
            .as_ref()
            .expect("a StatefulSet has a spec")
            .template
            .clone();
        let metadata = ObjectMeta {
            name: Some(names::pod(INSTANCE)),
            namespace: Some(NAMESPACE.into()),
            uid: Some(self.uid()),
            creation_timestamp: Some(self.now()),
            owner_references: Some(vec![owner(set)]),
            ..template.metadata.unwrap_or_default()
        };
        let object = Pod {
            metadata,
            spec: template.spec,
            status: None,
        };
        SimulatedPod {
            object,
            mounted: None,
            lie: None,
            runs: 0,
        }
    }

    /// Ends what is to end, mounts what is to be mounted, and starts the trader.
    fn kubelet(&mut self) -> bool {
        let Some(mut pod) = self.pod.take() else {
            return false;
        };
        if pod.object.metadata.deletion_timestamp.is_some() {
            return true;
        }
        let before = pod.object.status.clone();
        if pod.mounted.is_none() && self.claim.is_some() {
            pod.mounted = self.bytes_for(&pod.object);
        }
        if let Some(mounted) = &pod.mounted {
            let declared = pod.variable("TRIPTYCH_CONFIG_HASH");
            let starts = declared.as_deref() == Some(mounted.as_str());
            pod.object.status = Some(status(&pod.object, starts));
            pod.runs += u32::from(before.is_none());
        }
        let changed = pod.object.status != before;
        self.pod = Some(pod);
        changed
    }

    fn bytes_for(&self, pod: &Pod) -> Option<ConfigHash> {
        let name = view::named_config_maps(pod.spec.as_ref()?)
            .into_iter()
            .next()?;
        let text = self
            .config_maps
            .get(name)?
            .data
            .as_ref()?
            .get(CONFIG_FILE)?;
        Some(ConfigHash::of_canonical_bytes(text.as_bytes()))
    }

    pub(crate) fn now(&self) -> Time {
        Time(Timestamp::from_second(self.seconds).expect("a second of the tests"))
    }

    fn uid(&mut self) -> String {
        self.uids += 1;
        format!("uid-{}", self.uids)
    }
}

impl SimulatedPod {
    /// Puts another image into the pod's spec and restarts the container, as somebody with the right
    /// to edit pods can.
    pub(crate) fn swap_image(&mut self, image: &str) {
        let spec = self.object.spec.as_mut().expect("a pod has a spec");
        spec.containers[0].image = Some(image.to_owned());
        self.object.status = None;
    }

    fn variable(&self, name: &str) -> Option<String> {
        let trader = self.object.spec.as_ref()?.containers.first()?;
        trader
            .env
            .as_ref()?
            .iter()
            .find(|variable| variable.name == name)?
            .value
            .clone()
    }

    /// What the trader says, from the environment that it was given.
    fn answer(&self) -> Attestation {
        let ready = view::pod(&self.object, Attestation::NotAsked).ready;
        if !ready {
            return Attestation::NotAsked;
        }
        let variable = |name: &str| self.variable(name).unwrap_or_default();
        let mut answer = TraderStatus {
            contract: "v1".into(),
            tier: variable("TRIPTYCH_TIER"),
            instance_uid: variable("TRIPTYCH_INSTANCE_UID"),
            pod_uid: self.object.metadata.uid.clone().unwrap_or_default(),
            run_id: format!(
                "run-{}-{}",
                self.object.metadata.uid.clone().unwrap_or_default(),
                self.runs
            ),
            config_hash: self
                .mounted
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            build: Build {
                version: "0.1.0".into(),
            },
            ready: true,
            not_ready_reason: None,
        };
        match self.lie.clone() {
            None => {}
            Some(Lie::ConfigHash(hash)) => answer.config_hash = hash,
            Some(Lie::PodUid(uid)) => answer.pod_uid = uid,
            Some(Lie::InstanceUid(uid)) => answer.instance_uid = uid,
            Some(Lie::Silence) => {
                return Attestation::Unreachable {
                    reason: "connection refused".into(),
                };
            }
        }
        Attestation::Answered(Box::new(answer))
    }
}

fn owner(set: &StatefulSet) -> OwnerReference {
    OwnerReference {
        api_version: "apps/v1".into(),
        kind: "StatefulSet".into(),
        name: INSTANCE.into(),
        uid: set.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

fn has_uid(live: Option<&ObjectMeta>, target: &Target) -> bool {
    live.is_some_and(|live| live.uid.as_deref() == Some(&target.uid))
}

/// What the API server makes of a StatefulSet: defaults, and its own spelling of amounts.
fn add_defaults(set: &mut StatefulSet) {
    let spec = set.spec.as_mut().expect("a StatefulSet has a spec");
    let pod = spec.template.spec.as_mut().expect("a template has a spec");
    pod.dns_policy = Some("ClusterFirst".into());
    pod.scheduler_name = Some("default-scheduler".into());
    for absent in [&mut pod.host_network, &mut pod.host_pid, &mut pod.host_ipc] {
        *absent = absent.filter(|value| *value);
    }
    for container in &mut pod.containers {
        let resources = container.resources.iter_mut();
        let amounts =
            resources.flat_map(|resources| [&mut resources.limits, &mut resources.requests]);
        for amount in amounts.flatten().flat_map(BTreeMap::values_mut) {
            if amount.0 == "1024Mi" {
                amount.0 = "1Gi".into();
            }
        }
        if let Some(probe) = &mut container.liveness_probe {
            probe.success_threshold = Some(1);
        }
    }
}

fn status(pod: &Pod, starts: bool) -> PodStatus {
    let image = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.containers[0].image.clone());
    let image = image.unwrap_or_default();
    let state = if starts {
        ContainerState {
            running: Some(ContainerStateRunning::default()),
            ..Default::default()
        }
    } else {
        ContainerState {
            waiting: Some(ContainerStateWaiting {
                reason: Some("CrashLoopBackOff".into()),
                message: None,
            }),
            ..Default::default()
        }
    };
    let refused = ContainerState {
        terminated: Some(ContainerStateTerminated {
            exit_code: 78,
            message: Some("config hash mismatch".into()),
            ..Default::default()
        }),
        ..Default::default()
    };
    PodStatus {
        phase: Some("Running".into()),
        pod_ip: Some("10.0.0.7".into()),
        conditions: Some(vec![PodCondition {
            type_: "Ready".into(),
            status: if starts { "True" } else { "False" }.into(),
            ..Default::default()
        }]),
        container_statuses: Some(vec![ContainerStatus {
            name: TRADER_CONTAINER.into(),
            image: image.clone(),
            image_id: image,
            ready: starts,
            state: Some(state),
            last_state: (!starts).then_some(refused),
            ..Default::default()
        }]),
        ..Default::default()
    }
}
