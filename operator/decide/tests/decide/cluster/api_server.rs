//! The API server: it stores, defaults, and refuses what can never change.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, PersistentVolumeClaim},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use triptych_crds::ConfigHash;
use triptych_decide::{
    names::CONFIG_FILE,
    plan::{Action, Target},
};

use super::Cluster;

impl Cluster {
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
            Action::DeleteStatefulSet { target, .. } => {
                let live = self.stateful_set.as_ref().map(|set| &set.metadata);
                if has_uid(live, target) {
                    self.delete_stateful_set(false);
                }
            }
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
