//! The trader's pod: which one it is, whether it is to be replaced, and what went wrong in it.

use k8s_openapi::api::core::v1::PodTemplateSpec;

use crate::{
    image, names,
    objects::stateful_set,
    plan::{Action, PodDeletion, Target},
    text,
    world::{ConfigMapView, ContainerView, Exit, PodView},
};

use super::problem::Problem;

/// The exit codes of the trader's contract that mean: this does not go away by trying again.
const REFUSALS: [(i32, &str, &str); 6] = [
    (64, "EnvironmentRefused", "refuses its environment"),
    (
        CONFIGURATION_INVALID,
        "ConfigurationRefused",
        "refuses the configuration",
    ),
    (
        CONFIGURATION_UNREADABLE,
        "ConfigurationUnreadable",
        "cannot read the configuration",
    ),
    (70, "TraderFailed", "failed inside"),
    (74, "DatasetNotWritable", "cannot write its dataset"),
    (
        HASH_MISMATCH,
        "ConfigurationHashMismatch",
        "loaded other bytes than were declared",
    ),
];
const CONFIGURATION_INVALID: i32 = 65;
const CONFIGURATION_UNREADABLE: i32 = 66;
const HASH_MISMATCH: i32 = 78;

/// The kubelet's reasons for a container that cannot be made from its image or its pod.
const IMAGE_PULL: [&str; 4] = [
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
];
const NOT_CREATED: [&str; 3] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// The trader's pod among the pods that carry the instance's label: the one of the StatefulSet's
/// name that no other controller owns.
pub(super) fn of_trader<'a>(
    pods: &'a [PodView],
    stateful_set: &str,
    stateful_set_uid: Option<&str>,
) -> Option<&'a PodView> {
    let name = names::pod(stateful_set);
    pods.iter().find(|pod| {
        let controller = pod.controller.as_deref();
        pod.name == name && (controller.is_none() || controller == stateful_set_uid)
    })
}

/// Why a pod is to be replaced, now that the StatefulSet has this template (invariant U1: for no
/// other reason). A pod that is on its way out already needs no second deletion.
pub(super) fn replacement(
    pod: &PodView,
    template: &PodTemplateSpec,
    config_map: Option<&ConfigMapView>,
) -> Option<PodDeletion> {
    if pod.deleting {
        return None;
    }
    let restart = stateful_set::restart(template);
    if pod.config_hash.as_deref() != stateful_set::config_hash(template) {
        Some(PodDeletion::ConfigurationChanged)
    } else if !has_image_of(pod, template) {
        Some(PodDeletion::ImageMismatch)
    } else if restart.is_some() && pod.restart.as_deref() != restart {
        Some(PodDeletion::RestartRequested)
    } else if config_map.is_some_and(|config_map| refused_an_older(pod, config_map)) {
        Some(PodDeletion::ConfigurationRestored)
    } else {
        None
    }
}

/// Whether the image in the pod's spec is the template's build.
pub(super) fn has_image_of(pod: &PodView, template: &PodTemplateSpec) -> bool {
    let [image, expected] = [pod.image.as_deref(), stateful_set::image(template)];
    image::same_build(image.unwrap_or_default(), expected.unwrap_or_default())
}

/// Whether the pod refused a configuration file, and the ConfigMap was made anew after the pod: the
/// kubelet does not mount it anew into a pod that exists. The next pod is younger than the
/// ConfigMap, so this happens once.
fn refused_an_older(pod: &PodView, config_map: &ConfigMapView) -> bool {
    let refused = failing_exit(&pod.container)
        .is_some_and(|exit| [HASH_MISMATCH, CONFIGURATION_UNREADABLE].contains(&exit.code));
    let older = match (&pod.created_at, &config_map.created_at) {
        (Some(pod), Some(config_map)) => pod <= config_map,
        _ => false,
    };
    refused && older && !pod.ready
}

/// The deletion of the pod that was looked at, and of no other.
pub(super) fn delete(namespace: &str, pod: &PodView, reason: PodDeletion) -> Action {
    let target = Target {
        namespace: namespace.to_owned(),
        name: pod.name.clone(),
        uid: pod.uid.clone(),
    };
    Action::DeletePod { target, reason }
}

/// What went wrong in the pod. Restart counts and back-off times stay with the pod: they would
/// change the status without end.
pub(super) fn failure(pod: &PodView) -> Option<Problem> {
    if pod.ready {
        return None;
    }
    if let Some(exit) = failing_exit(&pod.container) {
        return Some(ended(pod, exit));
    }
    let waiting = pod.container.waiting.as_ref()?;
    let reason = waiting.reason.as_str();
    if IMAGE_PULL.contains(&reason) {
        let image = pod.image.as_deref().unwrap_or("(none)");
        let message = format!(
            "image {image} cannot be pulled: see the events of pod {}; a corrected image is a new revision",
            pod.name
        );
        Some(Problem::new("ImagePullFailed", message, "the image"))
    } else if NOT_CREATED.contains(&reason) {
        let message = format!(
            "the container of pod {} cannot be made: {}",
            pod.name, waiting.message
        );
        Some(Problem::new(
            "ContainerNotCreated",
            message,
            "the container",
        ))
    } else {
        None
    }
}

/// How the container ended, where it ended in failure and did not get further since.
fn failing_exit(container: &ContainerView) -> Option<&Exit> {
    let backs_off = container
        .waiting
        .as_ref()
        .is_some_and(|waiting| waiting.reason == "CrashLoopBackOff");
    container
        .last_exit
        .as_ref()
        .filter(|exit| exit.code != 0 || backs_off)
}

fn ended(pod: &PodView, exit: &Exit) -> Problem {
    let said = match text::one_line(&exit.message) {
        said if said.is_empty() => "it left no message".to_owned(),
        said => said,
    };
    let known = REFUSALS.iter().find(|(code, ..)| *code == exit.code);
    let (reason, what) = known.map_or(("CrashLoop", "ended"), |(_, reason, what)| (*reason, *what));
    let message = format!(
        "the trader of pod {} {what} (exit code {}): {said}",
        pod.name, exit.code
    );
    Problem::new(reason, message, format!("a fix: {reason}"))
}
