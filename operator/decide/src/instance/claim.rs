//! What the dataset's claim needs.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::{names, objects::claim, plan::Action};

use super::{problem::Problem, subject::Observer};

/// The state of the claim.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClaimState {
    /// The claim is missing: this makes it.
    pub(super) creation: Option<Action>,
    /// The claim is there, and this brings it to what is declared. It comes last, so that a
    /// StorageClass which refuses to grow volumes stands in the way of nothing else.
    pub(super) adjustment: Option<Action>,
    /// Whether a new pod could mount it.
    pub(super) ready: bool,
    /// What a person has to look at.
    pub(super) problem: Option<Problem>,
}

pub(super) fn state(observer: &Observer<'_>, live: Option<&PersistentVolumeClaim>) -> ClaimState {
    let render = || {
        claim::render(
            &observer.identity,
            observer.owner(false),
            observer.storage,
            live,
        )
    };
    let apply = |claim| Some(Action::ApplyClaim(Box::new(claim)));
    let Some(live) = live else {
        return ClaimState {
            creation: apply(render()),
            adjustment: None,
            ready: true,
            problem: None,
        };
    };
    if live.metadata.deletion_timestamp.is_some() {
        return ClaimState {
            creation: None,
            adjustment: None,
            ready: false,
            problem: Some(being_deleted(observer)),
        };
    }
    let rendered = render();
    let differs = claim::differs(live, &rendered, observer.identity.uid);
    ClaimState {
        creation: None,
        adjustment: differs.then(|| apply(rendered)).flatten(),
        ready: true,
        problem: problem(observer, live),
    }
}

fn being_deleted(observer: &Observer<'_>) -> Problem {
    let name = names::dataset_claim(observer.identity.instance);
    Problem::new(
        "ClaimDeleting",
        format!(
            "somebody deleted claim {name}: its data is gone when the pod that uses it stops; copy what you need before, a new claim is made afterwards"
        ),
        format!("the end of claim {name}"),
    )
}

fn problem(observer: &Observer<'_>, live: &PersistentVolumeClaim) -> Option<Problem> {
    let name = names::dataset_claim(observer.identity.instance);
    let size = claim::requested_size(live).unwrap_or_default();
    let class = live
        .spec
        .as_ref()
        .and_then(|spec| spec.storage_class_name.as_deref());
    let declared_class = observer.storage.storage_class_name.as_deref();
    let phase = live
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    if phase == Some("Lost") {
        let message = format!(
            "the volume of claim {name} is gone: restore it, or delete the claim to begin an empty dataset"
        );
        Some(Problem::new("ClaimLost", message, "the dataset's volume"))
    } else if claim::shrinks(observer.storage, live) {
        let declared = &observer.storage.size;
        let message = format!(
            "spec.storage.size: {declared} is less than the {size} that claim {name} has: volumes do not shrink; declare {size} or more"
        );
        Some(Problem::new(
            "StorageCannotShrink",
            message,
            "a larger spec.storage.size",
        ))
    } else if declared_class.is_some() && declared_class != class {
        let [declared, has] = [declared_class, class].map(|class| class.unwrap_or("(none)"));
        let message = format!(
            "spec.storage.storageClassName: '{declared}' is declared and claim {name} has '{has}', which cannot be changed: declare that, or move the data and delete the claim"
        );
        Some(Problem::new(
            "StorageClassDiffers",
            message,
            "the claim's StorageClass",
        ))
    } else {
        None
    }
}
