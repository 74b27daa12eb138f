//! The pod template of a trader: one function for every tier.
//!
//! Tiers differ in their [`Environment`] and in nothing else. An environment is one variant a tier,
//! and each variant holds what that tier may have: there is no way to write down an ABH with an
//! account, a token or a key.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EnvVar, EnvVarSource,
        HTTPGetAction, KeyToPath, ObjectFieldSelector, PersistentVolumeClaimVolumeSource,
        PodSecurityContext, PodSpec, PodTemplateSpec, Probe, SeccompProfile, SecurityContext,
        Volume, VolumeMount,
    },
    apimachinery::pkg::{apis::meta::v1::ObjectMeta, util::intstr::IntOrString},
};
use triptych_crds::{
    ConfigHash, Tier,
    trading_instance::{LogLevel, Resources},
};

use crate::{
    names::{self, CONFIG_FILE, TRADER_CONTAINER, annotation},
    resources,
};

/// User and group of every trader.
const NON_ROOT: i64 = 65_532;
/// Where the configuration is mounted.
const CONFIG_DIRECTORY: &str = "/etc/triptych/config";
/// Where the dataset's volume is mounted.
const DATA_DIRECTORY: &str = "/var/lib/triptych";
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

/// What a tier has that others do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Environment<'a> {
    /// ABH: a dataset to write and public market data to read. It never trades.
    Observe {
        /// Name of the claim that holds the dataset.
        claim: String,
        /// Base URL of public market data where it is not the venue's own.
        market_data_url: Option<&'a str>,
    },
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

impl Environment<'_> {
    fn tier(&self) -> Tier {
        match self {
            Self::Observe { .. } => Tier::Abh,
        }
    }

    fn command(&self) -> &'static str {
        match self {
            Self::Observe { .. } => "/usr/local/bin/trader-observe",
        }
    }

    fn variables(&self) -> Vec<EnvVar> {
        match self {
            Self::Observe {
                market_data_url, ..
            } => [("TRIPTYCH_DATA_DIR", DATA_DIRECTORY)]
                .into_iter()
                .chain(market_data_url.map(|url| ("TRIPTYCH_MARKET_DATA_URL", url)))
                .map(|(name, value)| variable(name, value))
                .collect(),
        }
    }

    fn volume(&self) -> (Volume, VolumeMount) {
        match self {
            Self::Observe { claim, .. } => dataset_volume(claim),
        }
    }
}

/// Renders the pod template of a trader.
pub fn render(
    identity: &Identity<'_>,
    configuration: &Configuration,
    environment: &Environment<'_>,
    knobs: &Knobs<'_>,
) -> PodTemplateSpec {
    let (config_volume, config_mount) = config_volume(&configuration.hash);
    let (data_volume, data_mount) = environment.volume();
    let container = Container {
        name: TRADER_CONTAINER.into(),
        image: Some(configuration.image.clone()),
        image_pull_policy: Some("IfNotPresent".into()),
        command: Some(vec![environment.command().into()]),
        env: Some(variables(identity, configuration, environment, knobs)),
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
        security_context: Some(container_security()),
        termination_message_path: Some("/dev/termination-log".into()),
        termination_message_policy: Some("File".into()),
        volume_mounts: Some(vec![config_mount, data_mount]),
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
            volumes: Some(vec![config_volume, data_volume]),
            // No token: the trader of ABH has no business with the API server.
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            // Written out so that a change by somebody else is taken back.
            host_network: Some(false),
            host_pid: Some(false),
            host_ipc: Some(false),
            restart_policy: Some("Always".into()),
            security_context: Some(pod_security()),
            termination_grace_period_seconds: Some(
                knobs
                    .termination_grace_period_seconds
                    .unwrap_or(DEFAULT_GRACE_SECONDS),
            ),
            node_selector: knobs
                .node_selector
                .filter(|labels| !labels.is_empty())
                .cloned(),
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
        labels: Some(names::instance_labels(identity.instance, tier, "trader")),
        annotations: Some([hash].into_iter().chain(restart).collect()),
        ..Default::default()
    }
}

fn variables(
    identity: &Identity<'_>,
    configuration: &Configuration,
    environment: &Environment<'_>,
    knobs: &Knobs<'_>,
) -> Vec<EnvVar> {
    let config_path = format!("{CONFIG_DIRECTORY}/{CONFIG_FILE}");
    let listen = format!("0.0.0.0:{PORT}");
    let mut variables = vec![
        variable("TRIPTYCH_TIER", environment.tier().as_str()),
        variable("TRIPTYCH_NAMESPACE", identity.namespace),
        variable("TRIPTYCH_INSTANCE", identity.instance),
        variable("TRIPTYCH_INSTANCE_UID", identity.uid),
        variable("TRIPTYCH_CONFIG_PATH", &config_path),
        variable("TRIPTYCH_CONFIG_HASH", configuration.hash.as_str()),
    ];
    variables.extend(environment.variables());
    variables.extend([
        from_pod("TRIPTYCH_POD_NAME", "metadata.name"),
        from_pod("TRIPTYCH_POD_UID", "metadata.uid"),
        from_pod("TRIPTYCH_NODE_NAME", "spec.nodeName"),
        variable("TRIPTYCH_LISTEN", &listen),
        variable("TRIPTYCH_LOG_FORMAT", "json"),
        variable("TRIPTYCH_LOG", log_filter(knobs.log_level)),
    ]);
    variables
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.into(),
        value: Some(value.into()),
        value_from: None,
    }
}

fn from_pod(name: &str, field: &str) -> EnvVar {
    let field = ObjectFieldSelector {
        api_version: Some("v1".into()),
        field_path: field.into(),
    };
    let source = EnvVarSource {
        field_ref: Some(field),
        ..Default::default()
    };
    EnvVar {
        name: name.into(),
        value: None,
        value_from: Some(source),
    }
}

fn log_filter(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    }
}

fn config_volume(hash: &ConfigHash) -> (Volume, VolumeMount) {
    let file = KeyToPath {
        key: CONFIG_FILE.into(),
        path: CONFIG_FILE.into(),
        ..Default::default()
    };
    let volume = Volume {
        name: "config".into(),
        config_map: Some(ConfigMapVolumeSource {
            name: hash.config_map_name(),
            items: Some(vec![file]),
            default_mode: Some(0o444),
            ..Default::default()
        }),
        ..Default::default()
    };
    (volume, mount("config", CONFIG_DIRECTORY, true))
}

fn dataset_volume(claim: &str) -> (Volume, VolumeMount) {
    let source = PersistentVolumeClaimVolumeSource {
        claim_name: claim.into(),
        ..Default::default()
    };
    let volume = Volume {
        name: "dataset".into(),
        persistent_volume_claim: Some(source),
        ..Default::default()
    };
    (volume, mount("dataset", DATA_DIRECTORY, false))
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.into(),
        mount_path: path.into(),
        // `false` is what absence means; the API server leaves it out.
        read_only: read_only.then_some(true),
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

fn pod_security() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(NON_ROOT),
        run_as_group: Some(NON_ROOT),
        fs_group: Some(NON_ROOT),
        // A large dataset is not walked through at each start.
        fs_group_change_policy: Some("OnRootMismatch".into()),
        seccomp_profile: Some(runtime_default()),
        ..Default::default()
    }
}

fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        privileged: Some(false),
        read_only_root_filesystem: Some(true),
        run_as_non_root: Some(true),
        run_as_user: Some(NON_ROOT),
        run_as_group: Some(NON_ROOT),
        seccomp_profile: Some(runtime_default()),
        capabilities: Some(Capabilities {
            add: None,
            drop: Some(vec!["ALL".into()]),
        }),
        ..Default::default()
    }
}

fn runtime_default() -> SeccompProfile {
    SeccompProfile {
        type_: "RuntimeDefault".into(),
        localhost_profile: None,
    }
}
