//! The claim `dataset-<instance>` that holds the dataset of an ABH.

use std::{cmp::Ordering, collections::BTreeMap};

use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{ObjectMeta, OwnerReference},
    },
};
use triptych_crds::{
    Tier,
    trading_instance::{Storage, WhenDeleted},
};

use crate::{names, pod_template::Identity, quantity, template_difference};

/// The claim to be applied. Fields that cannot change any more are taken from the live claim, so
/// that a claim which an earlier instance left behind is taken up as it is.
pub fn render(
    identity: &Identity<'_>,
    owner: OwnerReference,
    storage: &Storage,
    live: Option<&PersistentVolumeClaim>,
) -> PersistentVolumeClaim {
    let live_spec = live.and_then(|claim| claim.spec.as_ref());
    let storage_class_name = match live_spec {
        Some(spec) => spec.storage_class_name.clone(),
        None => storage.storage_class_name.as_deref().map(str::to_owned),
    };
    let access_modes = live_spec
        .and_then(|spec| spec.access_modes.clone())
        .unwrap_or_else(|| vec!["ReadWriteOnce".to_owned()]);
    let goes_with_instance = storage.when_deleted == Some(WhenDeleted::Delete);
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(names::dataset_claim(identity.instance)),
            namespace: Some(identity.namespace.to_owned()),
            labels: Some(names::instance_labels(
                identity.instance,
                Tier::Abh,
                "dataset",
            )),
            owner_references: goes_with_instance.then(|| vec![owner]),
            ..Default::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(access_modes),
            storage_class_name,
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([(
                    "storage".to_owned(),
                    Quantity(size(storage, live).to_owned()),
                )])),
                limits: None,
            }),
            ..Default::default()
        }),
        status: None,
    }
}

/// Whether the live claim lacks something of the rendered one, or belongs to the instance although
/// it should outlive it.
pub fn differs(live: &PersistentVolumeClaim, rendered: &PersistentVolumeClaim, uid: &str) -> bool {
    let owned = |claim: &PersistentVolumeClaim| {
        claim
            .metadata
            .owner_references
            .iter()
            .flatten()
            .any(|owner| owner.uid == uid)
    };
    !template_difference::missing_in(live, rendered).is_empty() || owned(live) != owned(rendered)
}

/// The requested size of a claim.
pub fn requested_size(claim: &PersistentVolumeClaim) -> Option<&str> {
    let requests = claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
    requests.get("storage").map(|size| size.0.as_str())
}

/// Whether the instance asks for less than the claim has. Volumes never shrink.
pub fn shrinks(storage: &Storage, live: &PersistentVolumeClaim) -> bool {
    requested_size(live)
        .is_some_and(|size| quantity::compare(&storage.size, size) == Some(Ordering::Less))
}

fn size<'a>(storage: &'a Storage, live: Option<&'a PersistentVolumeClaim>) -> &'a str {
    live.filter(|live| shrinks(storage, live))
        .and_then(requested_size)
        .unwrap_or(&storage.size)
}
