//! The StatefulSet controller, the kubelet, and the trader in the pod.

use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        core::v1::{
            ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
            ContainerStatus, Pod, PodCondition, PodStatus,
        },
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time},
};
use triptych_crds::ConfigHash;
use triptych_decide::{
    names::{self, CONFIG_FILE, TRADER_CONTAINER},
    view,
    world::{Attestation, Build, HaltAnswer, TraderStatus},
};

use super::Cluster;

#[derive(Clone)]
pub(crate) struct SimulatedPod {
    pub(crate) object: Pod,
    /// Hash of the bytes that are mounted; a pod keeps what it mounted first.
    mounted: Option<ConfigHash>,
    /// What the trader says otherwise than it is.
    pub(crate) lie: Option<Lie>,
    runs: u32,
    /// The halt that the trader tells of.
    pub(crate) halt: Option<HaltAnswer>,
}

#[derive(Clone, Debug)]
pub(crate) enum Lie {
    ConfigHash(String),
    PodUid(String),
    InstanceUid(String),
    Silence,
}

impl Cluster {
    pub(crate) fn stateful_set_controller(&mut self) -> bool {
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
            name: set.metadata.name.as_deref().map(names::pod),
            namespace: set.metadata.namespace.clone(),
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
            lie: self.lie.clone(),
            runs: 0,
            halt: None,
        }
    }

    /// Ends what is to end, mounts what is to be mounted, and starts the trader.
    pub(crate) fn kubelet(&mut self) -> bool {
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
            let now = self.now();
            pod.object.status = Some(status(&pod.object, starts, now));
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
    pub(crate) fn answer(&self) -> Attestation {
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
            state: None,
            halt: self.halt.clone(),
            execution: None,
            execution_message: None,
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
        name: set.metadata.name.clone().unwrap_or_default(),
        uid: set.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

fn status(pod: &Pod, starts: bool, now: Time) -> PodStatus {
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
    let ready = if starts { "True" } else { "False" };
    let former = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref()?.first())
        .filter(|condition| condition.status == ready);
    let since = former.and_then(|condition| condition.last_transition_time.clone());
    let since = since.unwrap_or(now);
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
            status: ready.into(),
            last_transition_time: Some(since),
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
