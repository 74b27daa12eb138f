//! Who trades here, with which keys, balances and rates, and what moves the market.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::{Pace, Passes};

use crate::core::{Amount, AssetId, CommissionRates, Ledger};
use crate::signature::check_key_format;

/// Which face of the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PersonaName {
    /// What a live account trades against.
    Live,
    /// What a demo account trades against.
    Demo,
}

impl fmt::Display for PersonaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Demo => "demo",
        })
    }
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// Not a decimal.
    #[error("{field}: {value:?} is no amount; write a plain decimal such as 0.001")]
    Decimal {
        /// Where.
        field: String,
        /// What was there.
        value: String,
    },
    /// Not a key.
    #[error("apiKey {key:?}: expected 64 letters and digits")]
    Key {
        /// What was there.
        key: String,
    },
    /// Two accounts with one key.
    #[error("accounts of {persona}: two have the same apiKey; give each its own")]
    SharedKey {
        /// Of which persona.
        persona: PersonaName,
    },
}

fn usual_rate() -> String {
    "0.001".to_owned()
}

/// An account.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountSettings {
    /// 64 letters and digits.
    pub api_key: String,
    /// What its requests are signed with.
    pub secret: String,
    /// What it has, by asset.
    pub balances: BTreeMap<String, String>,
    /// The part of what a waiting order receives that the venue keeps.
    #[serde(default = "usual_rate")]
    pub maker_rate: String,
    /// The part of what a taking order receives that the venue keeps.
    #[serde(default = "usual_rate")]
    pub taker_rate: String,
}

impl fmt::Debug for AccountSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountSettings")
            .field("balances", &self.balances)
            .finish_non_exhaustive()
    }
}

impl AccountSettings {
    /// Its rates.
    pub(crate) fn rates(&self) -> Result<CommissionRates, SettingsError> {
        check_key_format(&self.api_key).map_err(|_| SettingsError::Key {
            key: self.api_key.clone(),
        })?;
        let rate = |field: &str, value: &String| {
            value.parse().map_err(|_| SettingsError::Decimal {
                field: field.to_owned(),
                value: value.clone(),
            })
        };
        Ok(CommissionRates {
            maker: rate("makerRate", &self.maker_rate)?,
            taker: rate("takerRate", &self.taker_rate)?,
        })
    }

    pub(crate) fn balances_in(
        &self,
        ledger: &Ledger,
    ) -> Result<Vec<(AssetId, Amount)>, SettingsError> {
        self.balances
            .iter()
            .filter_map(|(name, value)| Some((name, value, ledger.asset(name)?)))
            .map(|(name, value, asset)| {
                let amount = value.parse().map_err(|_| SettingsError::Decimal {
                    field: format!("balances.{name}"),
                    value: value.clone(),
                })?;
                Ok((asset, amount))
            })
            .collect()
    }
}

/// The accounts of a persona.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PersonaSettings {
    /// Each with a key of its own.
    pub accounts: Vec<AccountSettings>,
}

/// Both personas.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Personas {
    /// The live one.
    pub live: PersonaSettings,
    /// The demo one.
    pub demo: PersonaSettings,
}

impl Personas {
    /// An account each, whose keys and secrets are in the documentation: nobody's money depends on them.
    pub fn documented() -> Self {
        let account = |name: &str, usdt: &str| {
            let word = |word: &str| format!("{name}{word}").repeat(16)[..64].to_owned();
            AccountSettings {
                api_key: word("Key"),
                secret: word("Secret"),
                balances: [("BTC", "2"), ("ETH", "20"), ("BNB", "50"), ("USDT", usdt)]
                    .map(|(asset, amount)| (asset.to_owned(), amount.to_owned()))
                    .into(),
                maker_rate: usual_rate(),
                taker_rate: usual_rate(),
            }
        };
        Self {
            live: PersonaSettings {
                accounts: vec![account("Live", "250000")],
            },
            demo: PersonaSettings {
                accounts: vec![account("Demo", "100000")],
            },
        }
    }

    /// The accounts of one.
    pub fn of(&self, name: PersonaName) -> &PersonaSettings {
        match name {
            PersonaName::Live => &self.live,
            PersonaName::Demo => &self.demo,
        }
    }
}

/// What moves the market.
#[derive(Debug, Clone)]
pub enum Crowd {
    /// A recording.
    Recording {
        /// The file, gzipped or plain.
        path: PathBuf,
        /// How often it is played.
        passes: Passes,
    },
    /// The generator.
    Generator {
        /// The seed; the same seed gives the same market.
        seed: u64,
        /// What is traded.
        instruments: Instruments,
    },
}

/// The market and how fast it moves.
#[derive(Debug, Clone)]
pub struct CrowdSettings {
    /// What moves it.
    pub crowd: Crowd,
    /// How fast.
    pub pace: Pace,
    /// Events after which it stands still; `None` for never.
    pub most_events: Option<usize>,
}
