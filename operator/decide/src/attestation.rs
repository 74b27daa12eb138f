//! Whether the answer of a trader counts (invariant M3): it is tied to the pod as the API server
//! has it, by the pod's UID, the instance's UID, the hash that the pod was made for and the digest of
//! the image that the node runs.

use triptych_crds::{Tier, TradingInstance, trading_instance::Running};

use crate::{
    conditions::ConditionType,
    image,
    pod_template::Configuration,
    text,
    world::{Attestation, Evidence, PodView, TraderStatus},
};

/// The version of the trader's contract that this operator speaks.
const CONTRACT: &str = "v1";

/// What is known of what a pod runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attested {
    /// The pod attests this.
    Runs(Running),
    /// Nothing yet, and why.
    Unknown(String),
    /// The answer contradicts the API server, so it is never counted.
    Mismatch(String),
}

impl Attested {
    /// What runs, where it is known.
    pub fn running(&self) -> Option<&Running> {
        match self {
            Self::Runs(running) => Some(running),
            Self::Unknown(_) | Self::Mismatch(_) => None,
        }
    }
}

/// Checks the answer of a pod against the pod, the instance and, where the pod was made for it, the
/// configuration that is to run.
pub fn verify(
    pod: &PodView,
    tier: Tier,
    instance_uid: &str,
    expected: Option<&Configuration>,
) -> Attested {
    let answer = match &pod.attestation {
        Attestation::NotAsked => return Attested::Unknown("it was not asked yet".into()),
        Attestation::Unreachable { reason } => {
            return Attested::Unknown(format!("it does not answer: {reason}"));
        }
        Attestation::Answered(answer) => answer,
    };
    if let Some(contradiction) = contradiction(pod, answer, tier, instance_uid) {
        return Attested::Mismatch(contradiction);
    }
    let Some(image_id) = pod.container.image_id.as_deref() else {
        return Attested::Unknown("its node did not report the image yet".into());
    };
    match image_contradiction(pod, image_id, expected) {
        Some(contradiction) => Attested::Mismatch(contradiction),
        None => Attested::Runs(running(pod, answer, image_id)),
    }
}

/// What a mirror's pod is evidence of: the configuration that it attests, and since when it is ready
/// without interruption. `None` while it is not.
pub fn evidence(pod: &PodView, mirror: &TradingInstance) -> Option<Evidence> {
    let uid = mirror.metadata.uid.as_deref()?;
    let Attested::Runs(running) = verify(pod, Tier::R, uid, None) else {
        return None;
    };
    let conditions = mirror.status.iter().flat_map(|status| &status.conditions);
    let restart_required = ConditionType::RestartRequired.as_str();
    let mut told = conditions.filter(|condition| condition.type_ == restart_required);
    Some(Evidence {
        hash: running.hash,
        ready_since: pod.ready_since.clone().filter(|_| !pod.deleting)?,
        restart_required: told.any(|condition| condition.status == "True"),
    })
}

fn contradiction(
    pod: &PodView,
    answer: &TraderStatus,
    tier: Tier,
    instance_uid: &str,
) -> Option<String> {
    let claims = [
        ("contract", answer.contract.as_str(), CONTRACT),
        ("tier", answer.tier.as_str(), tier.as_str()),
        ("podUid", answer.pod_uid.as_str(), pod.uid.as_str()),
        ("instanceUid", answer.instance_uid.as_str(), instance_uid),
        (
            "configHash",
            answer.config_hash.as_str(),
            pod.config_hash
                .as_deref()
                .unwrap_or("(no hash: the annotation is gone)"),
        ),
    ];
    claims
        .into_iter()
        .find(|(_, said, expected)| said != expected)
        .map(|(field, said, expected)| {
            let said = text::at_most(said, 64);
            format!(
                "pod {} attests {field} {said}, expected {expected}",
                pod.name
            )
        })
}

fn image_contradiction(
    pod: &PodView,
    image_id: &str,
    expected: Option<&Configuration>,
) -> Option<String> {
    let declared = pod.image.as_deref().unwrap_or_default();
    if !image::same_build(image_id, declared) {
        let runs = text::at_most(image_id, 200);
        return Some(format!(
            "pod {} runs image {runs}, its spec names {declared}",
            pod.name
        ));
    }
    let expected =
        expected.filter(|expected| pod.config_hash.as_deref() == Some(expected.hash.as_str()))?;
    (!image::same_build(image_id, &expected.image)).then(|| {
        let revision = &expected.image;
        format!(
            "pod {} runs image {image_id}, its configuration names {revision}",
            pod.name
        )
    })
}

fn running(pod: &PodView, answer: &TraderStatus, image_id: &str) -> Running {
    let short = |text: &str, max: usize| text::at_most(&text::one_line(text), max);
    Running {
        hash: answer.config_hash.clone(),
        short_hash: answer.config_hash.chars().take(12).collect(),
        run_id: short(&answer.run_id, 64),
        pod: pod.name.clone(),
        pod_uid: pod.uid.clone(),
        node: pod.node.clone().unwrap_or_default(),
        image: short(image_id, 512),
        version: short(&answer.build.version, 64),
    }
}
