//! What a template of tier ABH may contain (invariant A1).
//!
//! [`crate::pod_template`] cannot render anything else. The check is for templates that come back
//! from the API server, where somebody may have edited them.

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Volume};

use crate::names::TRADER_CONTAINER;

/// Whether a template holds one observing trader without a token, a Secret or a part of its node.
pub fn is_observer(template: &PodTemplateSpec) -> bool {
    let Some(spec) = &template.spec else {
        return false;
    };
    let [trader] = spec.containers.as_slice() else {
        return false;
    };
    is_alone(spec)
        && has_no_identity(spec)
        && spec.volumes.iter().flatten().all(is_harmless)
        && observes(trader)
        && is_confined(trader)
}

fn is_alone(spec: &PodSpec) -> bool {
    spec.init_containers.iter().flatten().next().is_none()
        && spec.ephemeral_containers.iter().flatten().next().is_none()
        && ![spec.host_network, spec.host_pid, spec.host_ipc].contains(&Some(true))
        && spec.node_name.is_none()
}

fn has_no_identity(spec: &PodSpec) -> bool {
    spec.automount_service_account_token == Some(false)
        && spec.image_pull_secrets.iter().flatten().next().is_none()
        && spec.resource_claims.iter().flatten().next().is_none()
}

/// A ConfigMap or a claim, and no other source.
fn is_harmless(volume: &Volume) -> bool {
    let mut rest = volume.clone();
    let source = rest.config_map.take().is_some() || rest.persistent_volume_claim.take().is_some();
    source
        && rest
            == Volume {
                name: volume.name.clone(),
                ..Default::default()
            }
}

fn observes(trader: &Container) -> bool {
    let command: Vec<&str> = trader
        .command
        .iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let from_pod_only = trader.env.iter().flatten().all(|variable| {
        variable.value_from.as_ref().is_none_or(|source| {
            source.secret_key_ref.is_none()
                && source.config_map_key_ref.is_none()
                && source.file_key_ref.is_none()
        })
    });
    trader.name == TRADER_CONTAINER
        && command == ["/usr/local/bin/trader-observe"]
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
