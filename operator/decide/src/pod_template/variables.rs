//! The environment variables of a trader.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector};
use triptych_crds::trading_instance::LogLevel;

use super::{Configuration, Environment, Identity, Knobs, PORT, volumes::CONFIG_DIRECTORY};
use crate::names::CONFIG_FILE;

pub(super) fn of(
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
    let own = environment.variables().into_iter();
    variables.extend(own.map(|(name, value)| variable(name, value)));
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
