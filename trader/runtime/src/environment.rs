//! What every tier is told through its environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use triptych_crds::Tier;
use triptych_crds::hash::ConfigHash;
use triptych_market_data::feed::Endpoints;

use crate::variables::{EnvironmentError, Variables, invalid};

/// What `--help` says of the variables that every tier requires, beside the tier itself.
pub const REQUIRED_HELP: &str = "  \
  TRIPTYCH_NAMESPACE       namespace of the TradingInstance
  TRIPTYCH_INSTANCE        name of the TradingInstance
  TRIPTYCH_INSTANCE_UID    its UID
  TRIPTYCH_CONFIG_HASH     declared SHA-256 of the configuration, 64 hexadecimal digits";

/// What `--help` says of the variables that every tier may have.
pub const OPTIONAL_HELP: &str = "  \
  TRIPTYCH_CONFIG_PATH     canonical configuration [/etc/triptych/config/config.json]
  TRIPTYCH_DATA_DIR        directory of what it writes [/var/lib/triptych]
  TRIPTYCH_MARKET_DATA_URL ws://host:port or wss://host of the market data [the venue's own]
  TRIPTYCH_LISTEN          address of status, health and metrics [0.0.0.0:8080]
  TRIPTYCH_LOG_FORMAT      json or text [json]
  TRIPTYCH_LOG             log filter, such as info or debug [info]
  TRIPTYCH_POD_NAME, TRIPTYCH_POD_UID, TRIPTYCH_NODE_NAME
                           identity of the pod, as the downward API has it";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The tiers that an executable runs.
#[derive(Debug, Clone, Copy)]
pub struct Tiers {
    /// Which.
    pub known: &'static [Tier],
    /// What is said of any other.
    pub expected: &'static str,
}

/// Everything that the environment says to each tier, checked.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The tier.
    pub tier: Tier,
    /// Namespace of the TradingInstance.
    pub namespace: String,
    /// Name of the TradingInstance.
    pub instance: String,
    /// UID of the TradingInstance.
    pub instance_uid: String,
    /// Name of the pod; empty outside of a cluster.
    pub pod_name: String,
    /// UID of the pod; empty outside of a cluster.
    pub pod_uid: String,
    /// Node of the pod; empty outside of a cluster.
    pub node_name: String,
    /// The mounted configuration.
    pub config_path: PathBuf,
    /// Its declared hash.
    pub config_hash: ConfigHash,
    /// Where the trader writes.
    pub data_directory: PathBuf,
    /// Where market data comes from.
    pub market_data: Endpoints,
    /// Address of status, health and metrics.
    pub listen: SocketAddr,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines are written.
    pub log_filter: String,
}

impl Environment {
    /// Reads and checks every variable.
    pub fn read(variables: &Variables, tiers: Tiers) -> Result<Self, EnvironmentError> {
        Ok(Self {
            tier: tier(variables, tiers)?,
            namespace: variables
                .required("TRIPTYCH_NAMESPACE", "the namespace of the TradingInstance")?,
            instance: variables.required("TRIPTYCH_INSTANCE", "the name of the TradingInstance")?,
            instance_uid: variables
                .required("TRIPTYCH_INSTANCE_UID", "the UID of the TradingInstance")?,
            pod_name: variables.or("TRIPTYCH_POD_NAME", "")?,
            pod_uid: variables.or("TRIPTYCH_POD_UID", "")?,
            node_name: variables.or("TRIPTYCH_NODE_NAME", "")?,
            config_path: variables
                .or("TRIPTYCH_CONFIG_PATH", "/etc/triptych/config/config.json")?
                .into(),
            config_hash: config_hash(variables)?,
            data_directory: variables
                .or("TRIPTYCH_DATA_DIR", "/var/lib/triptych")?
                .into(),
            market_data: market_data(variables)?,
            listen: listen(variables)?,
            log_format: log_format(variables)?,
            log_filter: variables.or("TRIPTYCH_LOG", "info")?,
        })
    }
}

fn tier(variables: &Variables, tiers: Tiers) -> Result<Tier, EnvironmentError> {
    let name = "TRIPTYCH_TIER";
    let text = variables.required(name, tiers.expected)?;
    tiers
        .known
        .iter()
        .find(|tier| tier.as_str() == text)
        .copied()
        .ok_or_else(|| invalid(name, &text, tiers.expected))
}

fn config_hash(variables: &Variables) -> Result<ConfigHash, EnvironmentError> {
    let name = "TRIPTYCH_CONFIG_HASH";
    let expected = "the SHA-256 of the configuration as 64 lowercase hexadecimal digits";
    let text = variables.required(name, expected)?;
    ConfigHash::parse(&text).ok_or_else(|| invalid(name, &text, expected))
}

fn market_data(variables: &Variables) -> Result<Endpoints, EnvironmentError> {
    let name = "TRIPTYCH_MARKET_DATA_URL";
    match variables.optional(name)? {
        None => Ok(Endpoints::binance_public_data()),
        Some(url) => {
            Endpoints::from_url(&url).map_err(|error| invalid(name, &url, &error.to_string()))
        }
    }
}

fn listen(variables: &Variables) -> Result<SocketAddr, EnvironmentError> {
    let name = "TRIPTYCH_LISTEN";
    let text = variables.or(name, "0.0.0.0:8080")?;
    text.parse()
        .map_err(|_| invalid(name, &text, "an address and port, such as 0.0.0.0:8080"))
}

fn log_format(variables: &Variables) -> Result<LogFormat, EnvironmentError> {
    let name = "TRIPTYCH_LOG_FORMAT";
    match variables.or(name, "json")?.as_str() {
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        other => Err(invalid(name, other, "json or text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONLY_ABH: Tiers = Tiers {
        known: &[Tier::Abh],
        expected: "ABH",
    };

    fn variables() -> Vec<(&'static str, String)> {
        vec![
            ("TRIPTYCH_TIER", "ABH".to_owned()),
            ("TRIPTYCH_NAMESPACE", "desk".to_owned()),
            ("TRIPTYCH_INSTANCE", "lab".to_owned()),
            ("TRIPTYCH_INSTANCE_UID", "1-2-3".to_owned()),
            ("TRIPTYCH_CONFIG_HASH", "0a".repeat(32)),
        ]
    }

    fn read(variables: Vec<(&'static str, String)>) -> Result<Environment, EnvironmentError> {
        let variables = Variables::new(move |name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.into())
        });
        Environment::read(&variables, ONLY_ABH)
    }

    #[test]
    fn what_is_not_set_has_the_contracts_defaults() {
        let environment = read(variables()).unwrap();
        assert_eq!(
            environment.config_path,
            PathBuf::from("/etc/triptych/config/config.json")
        );
        assert_eq!(
            environment.data_directory,
            PathBuf::from("/var/lib/triptych")
        );
        assert_eq!(environment.listen.to_string(), "0.0.0.0:8080");
        assert_eq!(environment.market_data, Endpoints::binance_public_data());
        assert_eq!(environment.log_format, LogFormat::Json);
    }

    #[test]
    fn a_missing_variable_is_named() {
        for (name, _) in variables() {
            let rest: Vec<_> = variables()
                .into_iter()
                .filter(|(other, _)| *other != name)
                .collect();
            let error = read(rest).unwrap_err();
            assert!(
                matches!(error, EnvironmentError::Missing { name: missing, .. } if missing == name),
                "{name}: {error}"
            );
        }
    }

    #[test]
    fn a_wrong_value_is_named_with_what_is_expected() {
        for (name, value, expected) in [
            ("TRIPTYCH_TIER", "W", "ABH"),
            ("TRIPTYCH_CONFIG_HASH", "ABC", "64 lowercase"),
            ("TRIPTYCH_MARKET_DATA_URL", "http://tape:1", "ws://"),
            ("TRIPTYCH_LISTEN", "8080", "address and port"),
            ("TRIPTYCH_LOG_FORMAT", "xml", "json or text"),
        ] {
            let mut changed: Vec<_> = variables()
                .into_iter()
                .filter(|(other, _)| *other != name)
                .collect();
            changed.push((name, value.to_owned()));
            let error = read(changed).unwrap_err().to_string();
            assert!(
                error.contains(name) && error.contains(value) && error.contains(expected),
                "{error}"
            );
        }
    }
}
