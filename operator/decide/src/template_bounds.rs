//! What a template of a tier may contain (invariants A1 and K1).
//!
//! [`crate::pod_template`] cannot render anything else. The check is for templates that come back
//! from the API server, where somebody may have edited them.

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Volume};

use crate::{
    names::{LIVE_TIER, TIER_TAINT, TRADER_CONTAINER, W_NODE_LABEL},
    pod_template::Environment,
};

/// Whether a template holds one trader of this environment, with no Secret, token, node or command
/// but those of its tier.
pub fn is_within(template: &PodTemplateSpec, environment: &Environment<'_>) -> bool {
    let Some(spec) = &template.spec else {
        return false;
    };
    let [trader] = spec.containers.as_slice() else {
        return false;
    };
    is_alone(spec)
        && has_identity_of(spec, environment)
        && is_placed_as(spec, environment)
        && spec
            .volumes
            .iter()
            .flatten()
            .all(|volume| is_allowed(volume, environment))
        && runs(trader, environment)
        && is_confined(trader)
}

fn is_alone(spec: &PodSpec) -> bool {
    spec.init_containers.iter().flatten().next().is_none()
        && spec.ephemeral_containers.iter().flatten().next().is_none()
        && ![spec.host_network, spec.host_pid, spec.host_ipc].contains(&Some(true))
        && spec.node_name.is_none()
}

fn has_identity_of(spec: &PodSpec, environment: &Environment<'_>) -> bool {
    let account = environment.service_account();
    spec.automount_service_account_token == Some(account.is_some())
        && (account.is_none() || spec.service_account_name.as_deref() == account)
        && spec.image_pull_secrets.iter().flatten().next().is_none()
        && spec.resource_claims.iter().flatten().next().is_none()
}

/// W on its nodes only, the others never there.
fn is_placed_as(spec: &PodSpec, environment: &Environment<'_>) -> bool {
    let selected = spec
        .node_selector
        .as_ref()
        .and_then(|labels| labels.get(W_NODE_LABEL))
        .is_some_and(|tier| tier == LIVE_TIER);
    let tolerates = spec.tolerations.iter().flatten().any(|toleration| {
        toleration
            .key
            .as_deref()
            .is_none_or(|key| key.is_empty() || key == TIER_TAINT)
    });
    match environment {
        Environment::Live(_) => selected,
        Environment::Observe { .. } | Environment::Demo(_) => !selected && !tolerates,
    }
}

/// A ConfigMap, a claim, or the one Secret of the environment, and no other source.
fn is_allowed(volume: &Volume, environment: &Environment<'_>) -> bool {
    let mut rest = volume.clone();
    let secret = rest.secret.take().is_some_and(|secret| {
        secret.secret_name.is_some() && secret.secret_name == environment.key_secret()
    });
    let source =
        secret || rest.config_map.take().is_some() || rest.persistent_volume_claim.take().is_some();
    source
        && rest
            == Volume {
                name: volume.name.clone(),
                ..Default::default()
            }
}

fn runs(trader: &Container, environment: &Environment<'_>) -> bool {
    let from_pod_only = trader.env.iter().flatten().all(|variable| {
        variable.value_from.as_ref().is_none_or(|source| {
            source.secret_key_ref.is_none()
                && source.config_map_key_ref.is_none()
                && source.file_key_ref.is_none()
        })
    });
    trader.name == TRADER_CONTAINER
        && trader.command.as_ref() == Some(&environment.command())
        && trader.args.iter().flatten().next().is_none()
        && trader.env_from.iter().flatten().next().is_none()
        && from_pod_only
}

fn is_confined(trader: &Container) -> bool {
    trader.security_context.as_ref().is_some_and(|security| {
        let adds = security
            .capabilities
            .as_ref()
            .and_then(|set| set.add.as_ref());
        security.privileged != Some(true)
            && security.allow_privilege_escalation == Some(false)
            && security.run_as_non_root == Some(true)
            && security.read_only_root_filesystem == Some(true)
            && adds.is_none_or(Vec::is_empty)
    })
}
