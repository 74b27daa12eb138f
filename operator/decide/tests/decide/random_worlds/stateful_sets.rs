//! Random StatefulSets: what the operator made for some configuration, and what became of it.

use std::{collections::BTreeMap, sync::LazyLock};

use k8s_openapi::api::apps::v1::StatefulSet;
use proptest::prelude::*;
use triptych_decide::names::annotation;

use super::{image_text, text, uid};
use crate::{
    cluster::Cluster,
    examples::{INSTANCE_UID, at},
};

/// What happened to a StatefulSet that the operator made for some configuration.
#[derive(Clone, Debug)]
pub(super) struct Fate {
    letter: char,
    restart: Option<&'static str>,
    replicas: i32,
    live_image: Option<String>,
    kept: Option<String>,
    revision: Option<&'static str>,
    owner: Option<String>,
    labelled: bool,
    deleting: bool,
    host_path: bool,
}

pub(super) fn fate() -> impl Strategy<Value = Fate> {
    let made = (
        prop::sample::select(vec!['a', 'B', 'c']),
        prop::sample::select(vec![None, Some("one"), Some("two")]),
        prop::sample::select(vec![Some("r1"), Some("r2"), None]),
    );
    let edited = (
        0..4,
        prop::option::weighted(0.2, image_text()),
        prop::option::weighted(0.2, text()),
        prop::option::weighted(0.9, uid(INSTANCE_UID)),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    (made, edited).prop_map(|((letter, restart, revision), edited)| {
        let (replicas, live_image, kept, owner, labelled, deleting, host_path) = edited;
        Fate {
            letter,
            restart,
            replicas,
            live_image,
            kept,
            revision,
            owner,
            labelled,
            deleting,
            host_path,
        }
    })
}

/// Settled clusters by configuration and restart.
pub(super) static SETTLED: LazyLock<BTreeMap<(char, Option<&'static str>), Cluster>> =
    LazyLock::new(|| {
        let letters = ['a', 'B', 'c'].into_iter();
        let keys = letters
            .flat_map(|letter| [(letter, None), (letter, Some("one")), (letter, Some("two"))]);
        keys.map(|(letter, restart)| {
            let mut cluster = Cluster::new();
            cluster.create_revision("r1", letter);
            cluster.edit(|spec| spec.restart = restart.map(str::to_owned));
            cluster.settle();
            ((letter, restart), cluster)
        })
        .collect()
    });

impl Fate {
    pub(super) fn stateful_set(&self) -> StatefulSet {
        let settled = &SETTLED[&(self.letter, self.restart)];
        let mut set = settled.stateful_set.clone().expect("it was made");
        set.metadata.uid = Some("set-uid".to_owned());
        set.metadata.deletion_timestamp = self.deleting.then(|| at(9));
        match &self.owner {
            Some(uid) => {
                for owner in set.metadata.owner_references.iter_mut().flatten() {
                    owner.uid.clone_from(uid);
                }
            }
            None => set.metadata.owner_references = None,
        }
        if !self.labelled {
            set.metadata.labels = None;
        }
        let annotations = set.metadata.annotations.get_or_insert_default();
        if let Some(kept) = &self.kept {
            annotations.insert(annotation::RENDERED_TEMPLATE.to_owned(), kept.clone());
        }
        annotations.remove(annotation::REVISION);
        if let Some(revision) = self.revision {
            annotations.insert(annotation::REVISION.to_owned(), revision.to_owned());
        }
        let spec = set.spec.as_mut().expect("a StatefulSet has a spec");
        spec.replicas = Some(self.replicas);
        let pod = spec.template.spec.as_mut().expect("a template has a spec");
        if let Some(image) = &self.live_image {
            pod.containers[0].image = Some(image.clone());
        }
        if self.host_path {
            let volume = serde_json::json!({ "name": "node", "hostPath": { "path": "/" } });
            let volume = serde_json::from_value(volume).expect("a volume of the tests is valid");
            pod.volumes.get_or_insert_default().push(volume);
        }
        set
    }
}
