//! What W and R are told through their environment beside what every tier is told.

use std::fs;
use std::path::{Path, PathBuf};

use triptych_crds::Tier;
use triptych_crds::config_revision::Venue as VenueName;
use triptych_crds::text::AccountName;
use triptych_crds::trading_instance::Ledger;
use triptych_trader_runtime::Environment;
use triptych_trader_runtime::environment::Tiers;
use triptych_trader_runtime::variables::{EnvironmentError, Variables, invalid};
use triptych_venue::{AccountSide, EndpointUrls, TradingEndpoints};

/// Where Kubernetes says in which namespace a pod with a token runs.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

const SIMULATED: &str = "TRIPTYCH_SIMULATED";
const REST: &str = "TRIPTYCH_REST_URL";
const MARKET_STREAMS: &str = "TRIPTYCH_MARKET_DATA_URL";
const USER_STREAMS: &str = "TRIPTYCH_USER_STREAMS_URL";

const TIERS: Tiers = Tiers {
    known: &[Tier::W, Tier::R],
    expected: "W or R; ABH is run by the executable `trader-observe`",
};

/// Everything that the environment says, checked.
#[derive(Debug, Clone)]
pub struct TradingEnvironment {
    /// What every tier is told.
    pub common: Environment,
    /// Name of the account.
    pub account: AccountName,
    /// Folder of the account's keys.
    pub keys_directory: PathBuf,
    /// The account's venue.
    pub venue: VenueName,
    /// Where the account's side is reached.
    pub endpoints: TradingEndpoints,
    /// Where orders and fills are recorded beside the journal.
    pub ledger: Ledger,
    /// Folder of the ledger's connection string, where it is a server.
    pub ledger_directory: PathBuf,
}

impl TradingEnvironment {
    /// Reads and checks every variable, and that they do not contradict each other or the pod.
    pub fn read(variables: &Variables) -> Result<Self, EnvironmentError> {
        let pod_namespace = fs::read_to_string(POD_NAMESPACE).ok();
        Self::read_in(variables, pod_namespace.as_deref())
    }

    fn read_in(
        variables: &Variables,
        pod_namespace: Option<&str>,
    ) -> Result<Self, EnvironmentError> {
        let common = Environment::read(variables, TIERS)?;
        let environment = Self {
            venue: venue(variables)?,
            endpoints: endpoints(variables, common.tier)?,
            common,
            account: account(variables)?,
            keys_directory: variables
                .or("TRIPTYCH_KEYS_DIR", "/etc/triptych/keys")?
                .into(),
            ledger: ledger(variables)?,
            ledger_directory: variables
                .or("TRIPTYCH_LEDGER_DIR", "/etc/triptych/ledger")?
                .into(),
        };
        environment.expect_separate_folders()?;
        if let Some(namespace) = pod_namespace {
            environment.expect_own_namespace(namespace.trim())?;
        }
        Ok(environment)
    }

    /// What is written must never lie beside the keys.
    fn expect_separate_folders(&self) -> Result<(), EnvironmentError> {
        let (keys, data) = (&*self.keys_directory, &*self.common.data_directory);
        if lies_in(keys, data) || lies_in(data, keys) {
            let expected = format!("a folder apart from TRIPTYCH_DATA_DIR ({})", data.display());
            let found = keys.display().to_string();
            return Err(invalid("TRIPTYCH_KEYS_DIR", &found, &expected));
        }
        Ok(())
    }

    /// A pod that was started in another place than its account's has the wrong keys, or none.
    fn expect_own_namespace(&self, pod_namespace: &str) -> Result<(), EnvironmentError> {
        let side = match self.common.tier {
            Tier::W => "live",
            _ => "demo",
        };
        let sealed = format!("trading-{side}-{}", self.account);
        if pod_namespace == sealed {
            return Ok(());
        }
        let tier = self.common.tier.as_str();
        let expected = format!(
            "the account in whose namespace the pod runs: {tier} on this account runs in {sealed}, \
             and the pod runs in {pod_namespace}"
        );
        Err(invalid("TRIPTYCH_ACCOUNT", &self.account, &expected))
    }
}

fn lies_in(inner: &Path, outer: &Path) -> bool {
    inner.starts_with(outer)
}

fn account(variables: &Variables) -> Result<AccountName, EnvironmentError> {
    let name = "TRIPTYCH_ACCOUNT";
    let expected = "the name of a TradingAccount: at most 50 lowercase letters, digits and '-'";
    let text = variables.required(name, expected)?;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = text.len() <= AccountName::MAX_LENGTH
        && text.bytes().all(|byte| is_plain(byte) || byte == b'-')
        && text.bytes().next().is_some_and(is_plain)
        && text.bytes().last().is_some_and(is_plain);
    if is_name {
        Ok(AccountName(text))
    } else {
        Err(invalid(name, &text, expected))
    }
}

fn venue(variables: &Variables) -> Result<VenueName, EnvironmentError> {
    let name = "TRIPTYCH_VENUE";
    let expected = "BinanceSpot, the one venue at which this build trades";
    match variables.required(name, expected)?.as_str() {
        "BinanceSpot" => Ok(VenueName::BinanceSpot),
        other => Err(invalid(name, other, expected)),
    }
}

/// The tier says which side it is, and nothing else does.
fn endpoints(variables: &Variables, tier: Tier) -> Result<TradingEndpoints, EnvironmentError> {
    let is_simulated = match variables.optional(SIMULATED)?.as_deref() {
        None => false,
        Some("true") => true,
        Some(other) => return Err(invalid(SIMULATED, other, "true, or not to be set")),
    };
    let side = match tier {
        Tier::W => AccountSide::Live,
        Tier::R | Tier::Abh => AccountSide::Demo,
    };
    let [rest, market_streams, user_streams] = [REST, MARKET_STREAMS, USER_STREAMS]
        .map(|name| variables.optional(name))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?
        .try_into()
        .unwrap_or_default();
    let urls = EndpointUrls {
        rest: rest.as_deref(),
        market_streams: market_streams.as_deref(),
        user_streams: user_streams.as_deref(),
    };
    TradingEndpoints::new(side, is_simulated, urls).map_err(|error| {
        let name = match error.field {
            "endpoints.rest" => REST,
            "endpoints.marketStreams" => MARKET_STREAMS,
            _ => USER_STREAMS,
        };
        invalid(
            name,
            &error.value,
            &format!("{} ({})", error.expected, error.reason),
        )
    })
}

fn ledger(variables: &Variables) -> Result<Ledger, EnvironmentError> {
    let name = "TRIPTYCH_LEDGER";
    match variables.or(name, "Embedded")?.as_str() {
        "Embedded" => Ok(Ledger::Embedded),
        "Postgres" => Ok(Ledger::Postgres),
        other => Err(invalid(name, other, "Embedded or Postgres")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&'static str, &str)], pod: Option<&str>) -> Result<Ledger, String> {
        let hash = "0a".repeat(32);
        let mut variables = vec![
            ("TRIPTYCH_TIER", "W"),
            ("TRIPTYCH_NAMESPACE", "desk"),
            ("TRIPTYCH_INSTANCE", "live"),
            ("TRIPTYCH_INSTANCE_UID", "1-2-3"),
            ("TRIPTYCH_CONFIG_HASH", &hash),
            ("TRIPTYCH_ACCOUNT", "alpha"),
            ("TRIPTYCH_VENUE", "BinanceSpot"),
        ];
        for (name, value) in changes {
            variables.retain(|(known, _)| known != name);
            variables.push((name, value));
        }
        let variables: Vec<(&str, String)> = variables
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        let variables = Variables::new(move |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.into())
        });
        TradingEnvironment::read_in(&variables, pod)
            .map(|environment| environment.ledger)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn each_tier_is_accepted_in_its_own_namespace() {
        for (tier, namespace) in [("W", "trading-live-alpha"), ("R", "trading-demo-alpha\n")] {
            let tier = [("TRIPTYCH_TIER", tier)];
            assert_eq!(read(&tier, Some(namespace)), Ok(Ledger::Embedded));
            assert_eq!(read(&tier, None), Ok(Ledger::Embedded));
        }
        let postgres = [("TRIPTYCH_LEDGER", "Postgres")];
        assert_eq!(read(&postgres, None), Ok(Ledger::Postgres));
    }

    #[test]
    fn what_is_wrong_or_contradicts_itself_is_refused_and_named() {
        let long = "a".repeat(51);
        for (name, value, pod, expected) in [
            ("TRIPTYCH_TIER", "ABH", None, "trader-observe"),
            ("TRIPTYCH_TIER", "w", None, "W or R"),
            ("TRIPTYCH_ACCOUNT", "", None, "is not set"),
            ("TRIPTYCH_ACCOUNT", "Alpha", None, "lowercase"),
            ("TRIPTYCH_ACCOUNT", "-alpha", None, "lowercase"),
            ("TRIPTYCH_ACCOUNT", &long, None, "at most 50"),
            ("TRIPTYCH_LEDGER", "Paper", None, "Embedded or Postgres"),
            ("TRIPTYCH_VENUE", "", None, "is not set"),
            ("TRIPTYCH_VENUE", "BybitV5", None, "BinanceSpot"),
            ("TRIPTYCH_SIMULATED", "yes", None, "true, or not to be set"),
            (
                "TRIPTYCH_SIMULATED",
                "false",
                None,
                "true, or not to be set",
            ),
            (
                "TRIPTYCH_REST_URL",
                "https://demo-api.binance.com",
                None,
                "this is a demo host, and this is the live side",
            ),
            (
                "TRIPTYCH_REST_URL",
                "https://api.example",
                None,
                "the account is not simulated",
            ),
            ("TRIPTYCH_KEYS_DIR", "/var/lib/triptych", None, "apart from"),
            (
                "TRIPTYCH_KEYS_DIR",
                "/var/lib/triptych/keys",
                None,
                "apart from",
            ),
            ("TRIPTYCH_KEYS_DIR", "/var/lib", None, "apart from"),
            (
                "TRIPTYCH_ACCOUNT",
                "beta",
                Some("trading-live-alpha"),
                "trading-live-beta",
            ),
            (
                "TRIPTYCH_ACCOUNT",
                "alpha",
                Some("trading-demo-alpha"),
                "trading-live-alpha",
            ),
            (
                "TRIPTYCH_ACCOUNT",
                "alpha",
                Some("desk"),
                "the pod runs in desk",
            ),
        ] {
            let error = read(&[(name, value)], pod).unwrap_err();
            assert!(error.contains(name) && error.contains(expected), "{error}");
        }
    }
}
