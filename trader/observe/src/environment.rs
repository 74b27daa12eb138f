//! What the process is told through its environment.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;
use triptych_crds::hash::ConfigHash;
use triptych_market_data::feed::Endpoints;

/// What `--help` says of the environment.
pub(crate) const HELP: &str = "\
Environment (required):
  TRIPTYCH_TIER            ABH; this program runs no other tier
  TRIPTYCH_NAMESPACE       namespace of the TradingInstance
  TRIPTYCH_INSTANCE        name of the TradingInstance
  TRIPTYCH_INSTANCE_UID    its UID
  TRIPTYCH_CONFIG_HASH     declared SHA-256 of the configuration, 64 hexadecimal digits

Environment (optional):
  TRIPTYCH_CONFIG_PATH     canonical configuration [/etc/triptych/config/config.json]
  TRIPTYCH_DATA_DIR        the dataset's directory [/var/lib/triptych]
  TRIPTYCH_MARKET_DATA_URL ws://host:port or wss://host of the market data [the venue's own]
  TRIPTYCH_LISTEN          address of status, health and metrics [0.0.0.0:8080]
  TRIPTYCH_LOG_FORMAT      json or text [json]
  TRIPTYCH_LOG             log filter, such as info or debug [info]
  TRIPTYCH_POD_NAME, TRIPTYCH_POD_UID, TRIPTYCH_NODE_NAME
                           identity of the pod, as the downward API has it

Exit codes: 0 orderly stop, 64 usage or environment, 65 configuration invalid, 66 configuration
unreadable, 70 internal, 74 dataset not writable, 78 configuration is not the declared one.

Example, against a tape that plays on this machine:
  trader tape serve --listen 127.0.0.1:9443 --generate 42 &
  TRIPTYCH_TIER=ABH TRIPTYCH_NAMESPACE=desk TRIPTYCH_INSTANCE=lab TRIPTYCH_INSTANCE_UID=1 \\
  TRIPTYCH_CONFIG_PATH=config.json TRIPTYCH_CONFIG_HASH=$(sha256sum < config.json | cut -d' ' -f1) \\
  TRIPTYCH_DATA_DIR=data TRIPTYCH_MARKET_DATA_URL=ws://127.0.0.1:9443 TRIPTYCH_LISTEN=127.0.0.1:8080 \\
  trader-observe";

/// Longest value that is accepted, in bytes.
const LONGEST_VALUE: usize = 512;

/// A variable is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum EnvironmentError {
    /// Not set, or empty.
    #[error("environment variable {name} is not set: expected {expected}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// Set to something else.
    #[error("environment variable {name} is {found:?}: expected {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What was found.
        found: String,
        /// What belongs there.
        expected: String,
    },
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Everything that the environment says, checked.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    pub(crate) namespace: String,
    pub(crate) instance: String,
    pub(crate) instance_uid: String,
    pub(crate) pod_name: String,
    pub(crate) pod_uid: String,
    pub(crate) node_name: String,
    pub(crate) config_path: PathBuf,
    pub(crate) config_hash: ConfigHash,
    pub(crate) data_directory: PathBuf,
    pub(crate) market_data: Endpoints,
    pub(crate) listen: SocketAddr,
    pub(crate) log_format: LogFormat,
    pub(crate) log_filter: String,
}

impl Environment {
    /// Reads every variable through `get`.
    pub(crate) fn read(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, EnvironmentError> {
        let variables = Variables { get };
        variables.expect_tier()?;
        Ok(Self {
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
            config_hash: variables.config_hash()?,
            data_directory: variables
                .or("TRIPTYCH_DATA_DIR", "/var/lib/triptych")?
                .into(),
            market_data: variables.market_data()?,
            listen: variables.listen()?,
            log_format: variables.log_format()?,
            log_filter: variables.or("TRIPTYCH_LOG", "info")?,
        })
    }
}

struct Variables<G> {
    get: G,
}

impl<G: Fn(&str) -> Option<OsString>> Variables<G> {
    fn optional(&self, name: &'static str) -> Result<Option<String>, EnvironmentError> {
        let Some(value) = (self.get)(name).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        match value.into_string() {
            Ok(text) if text.len() <= LONGEST_VALUE => Ok(Some(text)),
            Ok(text) => Err(invalid(name, &text, "at most 512 bytes")),
            Err(raw) => Err(invalid(name, &raw.to_string_lossy(), "text in UTF-8")),
        }
    }

    fn required(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<String, EnvironmentError> {
        self.optional(name)?
            .ok_or(EnvironmentError::Missing { name, expected })
    }

    fn or(&self, name: &'static str, default: &str) -> Result<String, EnvironmentError> {
        Ok(self.optional(name)?.unwrap_or_else(|| default.to_owned()))
    }

    fn expect_tier(&self) -> Result<(), EnvironmentError> {
        let expected = "ABH; W and R are run by the executable `trader`";
        match self.required("TRIPTYCH_TIER", expected)?.as_str() {
            "ABH" => Ok(()),
            other => Err(invalid("TRIPTYCH_TIER", other, expected)),
        }
    }

    fn config_hash(&self) -> Result<ConfigHash, EnvironmentError> {
        let name = "TRIPTYCH_CONFIG_HASH";
        let expected = "the SHA-256 of the configuration as 64 lowercase hexadecimal digits";
        let text = self.required(name, expected)?;
        ConfigHash::parse(&text).ok_or_else(|| invalid(name, &text, expected))
    }

    fn market_data(&self) -> Result<Endpoints, EnvironmentError> {
        let name = "TRIPTYCH_MARKET_DATA_URL";
        match self.optional(name)? {
            None => Ok(Endpoints::binance_public_data()),
            Some(url) => {
                Endpoints::from_url(&url).map_err(|error| invalid(name, &url, &error.to_string()))
            }
        }
    }

    fn listen(&self) -> Result<SocketAddr, EnvironmentError> {
        let name = "TRIPTYCH_LISTEN";
        let text = self.or(name, "0.0.0.0:8080")?;
        text.parse()
            .map_err(|_| invalid(name, &text, "an address and port, such as 0.0.0.0:8080"))
    }

    fn log_format(&self) -> Result<LogFormat, EnvironmentError> {
        let name = "TRIPTYCH_LOG_FORMAT";
        match self.or(name, "json")?.as_str() {
            "json" => Ok(LogFormat::Json),
            "text" => Ok(LogFormat::Text),
            other => Err(invalid(name, other, "json or text")),
        }
    }
}

pub(crate) fn invalid(name: &'static str, found: &str, expected: &str) -> EnvironmentError {
    EnvironmentError::Invalid {
        name,
        found: found.chars().take(120).collect(),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Vec<(&'static str, String)> {
        vec![
            ("TRIPTYCH_TIER", "ABH".to_owned()),
            ("TRIPTYCH_NAMESPACE", "desk".to_owned()),
            ("TRIPTYCH_INSTANCE", "lab".to_owned()),
            ("TRIPTYCH_INSTANCE_UID", "1-2-3".to_owned()),
            ("TRIPTYCH_CONFIG_HASH", "0a".repeat(32)),
        ]
    }

    fn read(variables: &[(&'static str, String)]) -> Result<Environment, EnvironmentError> {
        Environment::read(|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.into())
        })
    }

    #[test]
    fn what_is_not_set_has_the_contracts_defaults() {
        let environment = read(&variables()).unwrap();
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
            let error = read(&rest).unwrap_err();
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
            let error = read(&changed).unwrap_err().to_string();
            assert!(
                error.contains(name) && error.contains(value) && error.contains(expected),
                "{error}"
            );
        }
    }
}
