//! What the claim of the trader's volume needs.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use crate::{
    objects::claim::{self, Declaration},
    plan::Action,
};

use super::{problem::Problem, subject::Trader};

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

pub(super) fn state(trader: &Trader<'_>, live: Option<&PersistentVolumeClaim>) -> ClaimState {
    let declaration = trader.claim();
    let render = || claim::render(&declaration, live);
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
            problem: Some(being_deleted(&declaration)),
        };
    }
    let rendered = render();
    let differs = claim::differs(live, &rendered, trader.identity.uid);
    ClaimState {
        creation: None,
        adjustment: differs.then(|| apply(rendered)).flatten(),
        ready: true,
        problem: problem(&declaration, live),
    }
}

fn being_deleted(declaration: &Declaration<'_>) -> Problem {
    let name = &declaration.name;
    Problem::new(
        "ClaimDeleting",
        format!(
            "somebody deleted claim {name}: its data is gone when the pod that uses it stops; copy what you need before, a new claim is made afterwards"
        ),
        format!("the end of claim {name}"),
    )
}

fn problem(declaration: &Declaration<'_>, live: &PersistentVolumeClaim) -> Option<Problem> {
    let (name, storage) = (&declaration.name, declaration.storage.as_ref());
    let field = declaration.declared_by;
    let size = claim::requested_size(live).unwrap_or_default();
    let class = live
        .spec
        .as_ref()
        .and_then(|spec| spec.storage_class_name.as_deref());
    let declared_class = storage.storage_class_name.as_deref();
    let phase = live
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    if phase == Some("Lost") {
        let message = format!(
            "the volume of claim {name} is gone: restore it, or delete the claim to begin with an empty volume"
        );
        Some(Problem::new("ClaimLost", message, "the volume"))
    } else if claim::shrinks(storage, live) {
        let declared = &storage.size;
        let message = format!(
            "{field}.size: {declared} is less than the {size} that claim {name} has: volumes do not shrink; declare {size} or more"
        );
        Some(Problem::new(
            "StorageCannotShrink",
            message,
            format!("a larger {field}.size"),
        ))
    } else if declared_class.is_some() && declared_class != class {
        let [declared, has] = [declared_class, class].map(|class| class.unwrap_or("(none)"));
        let message = format!(
            "{field}.storageClassName: '{declared}' is declared and claim {name} has '{has}', which cannot be changed: declare that, or move the data and delete the claim"
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
