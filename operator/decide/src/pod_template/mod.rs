//! The pod template of a trader: one function for every tier.
//!
//! Tiers differ in their [`Environment`] and in nothing else (invariant M4).

mod environment;
mod security;
mod variables;
mod volumes;

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Container, ContainerPort, HTTPGetAction, PodSpec, PodTemplateSpec, Probe},
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};
use triptych_crds::{
    ConfigHash, Tier,
    trading_instance::{LogLevel, Resources},
};

pub use environment::{Environment, Side};

use crate::{
    names::{self, TRADER_CONTAINER, annotation},
    resources,
};

/// Port of health, status and metrics.
const PORT: i32 = 8080;
/// Name of that port.
const PORT_NAME: &str = "http";
/// Time for an orderly stop where the instance names none, in seconds.
const DEFAULT_GRACE_SECONDS: i64 = 30;

/// Whose pod it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Namespace of the TradingInstance.
    pub namespace: &'a str,
    /// Name of the TradingInstance.
    pub instance: &'a str,
    /// UID of the TradingInstance.
    pub uid: &'a str,
}

/// What it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Name of the ConfigRevision. It is no part of the template: equal hashes are equal templates.
    pub revision: String,
    /// Hash of the configuration.
    pub hash: ConfigHash,
    /// The build, with its digest.
    pub image: String,
}

/// What may be chosen freely, because no invariant hangs on it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Knobs<'a> {
    /// Requests and limits.
    pub resources: Option<&'a Resources>,
    /// Least severe level of log lines.
    pub log_level: LogLevel,
    /// Time for an orderly stop, in seconds.
    pub termination_grace_period_seconds: Option<i64>,
    /// Labels that a node must have.
    pub node_selector: Option<&'a BTreeMap<String, String>>,
    /// PriorityClass of the pod.
    pub priority_class_name: Option<&'a str>,
    /// The restart that the pod is made for.
    pub restart: Option<&'a str>,
}

/// Renders the pod template of a trader.
pub fn render(
    identity: &Identity<'_>,
    configuration: &Configuration,
    environment: &Environment<'_>,
    knobs: &Knobs<'_>,
) -> PodTemplateSpec {
    let configured = volumes::configuration(&configuration.hash);
    let (volumes, mounts) = std::iter::once(configured)
        .chain(environment.volumes())
        .unzip();
    let container = Container {
        name: TRADER_CONTAINER.into(),
        image: Some(configuration.image.clone()),
        image_pull_policy: Some("IfNotPresent".into()),
        command: Some(environment.command()),
        env: Some(variables::of(identity, configuration, environment, knobs)),
        ports: Some(vec![ContainerPort {
            name: Some(PORT_NAME.into()),
            container_port: PORT,
            protocol: Some("TCP".into()),
            ..Default::default()
        }]),
        resources: Some(resources::requirements(knobs.resources)),
        startup_probe: Some(probe(
            "/healthz",
            &Rhythm {
                period: 1,
                timeout: 1,
                failures: 60,
            },
        )),
        liveness_probe: Some(probe(
            "/healthz",
            &Rhythm {
                period: 10,
                timeout: 2,
                failures: 3,
            },
        )),
        readiness_probe: Some(probe(
            "/readyz",
            &Rhythm {
                period: 2,
                timeout: 1,
                failures: 3,
            },
        )),
        security_context: Some(security::container()),
        termination_message_path: Some("/dev/termination-log".into()),
        termination_message_policy: Some("File".into()),
        volume_mounts: Some(mounts),
        ..Default::default()
    };
    PodTemplateSpec {
        metadata: Some(metadata(
            identity,
            configuration,
            environment.tier(),
            knobs.restart,
        )),
        spec: Some(PodSpec {
            containers: vec![container],
            volumes: Some(volumes),
            service_account_name: environment.service_account().map(str::to_owned),
            automount_service_account_token: Some(environment.service_account().is_some()),
            enable_service_links: Some(false),
            // Written out so that a change by somebody else is taken back.
            host_network: Some(false),
            host_pid: Some(false),
            host_ipc: Some(false),
            restart_policy: Some("Always".into()),
            security_context: Some(security::pod()),
            termination_grace_period_seconds: Some(
                knobs
                    .termination_grace_period_seconds
                    .unwrap_or(DEFAULT_GRACE_SECONDS),
            ),
            node_selector: environment.node_selector(knobs.node_selector),
            affinity: environment.affinity(),
            tolerations: environment.tolerations(),
            priority_class_name: knobs.priority_class_name.map(str::to_owned),
            ..Default::default()
        }),
    }
}

fn metadata(
    identity: &Identity<'_>,
    configuration: &Configuration,
    tier: Tier,
    restart: Option<&str>,
) -> ObjectMeta {
    let hash = (
        annotation::CONFIG_HASH.to_owned(),
        configuration.hash.to_string(),
    );
    let restart = restart.map(|restart| (annotation::RESTART.to_owned(), restart.to_owned()));
    ObjectMeta {
        labels: Some(names::instance_labels(identity, tier, "trader")),
        annotations: Some([hash].into_iter().chain(restart).collect()),
        ..Default::default()
    }
}

/// When a probe asks, in seconds, and how many failures count.
struct Rhythm {
    period: i32,
    timeout: i32,
    failures: i32,
}

fn probe(path: &str, rhythm: &Rhythm) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::String(PORT_NAME.into()),
            scheme: Some("HTTP".into()),
            ..Default::default()
        }),
        period_seconds: Some(rhythm.period),
        timeout_seconds: Some(rhythm.timeout),
        failure_threshold: Some(rhythm.failures),
        ..Default::default()
    }
}
