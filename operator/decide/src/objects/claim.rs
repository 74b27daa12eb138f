//! The claim of a trader's volume: `dataset-<instance>` of an ABH, `journal-<account>` of W and R.

use std::{borrow::Cow, cmp::Ordering, collections::BTreeMap};

use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{ObjectMeta, OwnerReference},
    },
};
use triptych_crds::trading_instance::Storage;

use crate::{quantity, template_difference};

/// A claim as it is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration<'a> {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Size and StorageClass.
    pub storage: Cow<'a, Storage>,
    /// Where the size is declared: the path of a field.
    pub declared_by: &'static str,
    /// How many may mount the volume, in the words of the API.
    pub access_mode: &'static str,
    /// With whom it goes; `None` where it outlives everyone.
    pub owner: Option<OwnerReference>,
}

/// The claim to be applied. Fields that cannot change any more are taken from the live claim, so
/// that a claim which was left behind is taken up as it is.
pub fn render(
    declaration: &Declaration<'_>,
    live: Option<&PersistentVolumeClaim>,
) -> PersistentVolumeClaim {
    let storage = declaration.storage.as_ref();
    let live_spec = live.and_then(|claim| claim.spec.as_ref());
    let storage_class_name = match live_spec {
        Some(spec) => spec.storage_class_name.clone(),
        None => storage.storage_class_name.as_deref().map(str::to_owned),
    };
    let access_modes = live_spec
        .and_then(|spec| spec.access_modes.clone())
        .unwrap_or_else(|| vec![declaration.access_mode.to_owned()]);
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(declaration.name.clone()),
            namespace: Some(declaration.namespace.clone()),
            labels: Some(declaration.labels.clone()),
            owner_references: declaration.owner.clone().map(|owner| vec![owner]),
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

/// Whether less is declared than the claim has. Volumes never shrink.
pub fn shrinks(storage: &Storage, live: &PersistentVolumeClaim) -> bool {
    requested_size(live)
        .is_some_and(|size| quantity::compare(&storage.size, size) == Some(Ordering::Less))
}

fn size<'a>(storage: &'a Storage, live: Option<&'a PersistentVolumeClaim>) -> &'a str {
    live.filter(|live| shrinks(storage, live))
        .and_then(requested_size)
        .unwrap_or(&storage.size)
}
