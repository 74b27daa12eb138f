//! What a tier has that others do not. One variant a tier: a pod that pairs a live key with another
//! tier than W, or an ABH with any key, cannot be written down (invariants K1 and A1).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Toleration,
};
use triptych_crds::{
    Tier, config_revision::Venue, trading_account::Endpoints, trading_instance::Ledger,
};

use super::volumes::{self, DATA_DIRECTORY, KEYS_DIRECTORY, Mounted};
use crate::{
    names::{self, LIVE_TIER, TIER_TAINT, W_NODE_LABEL},
    side::SideName,
};

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
    /// R: the demo side of an account, on any node but W's.
    Demo(Side<'a>),
    /// W: the live side of an account, on W nodes only.
    Live(Side<'a>),
}

/// One side of an account, as its trader needs it. Which Secret and which nodes belong to it follows
/// from the variant of [`Environment`] and stands nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side<'a> {
    /// Name of the account.
    pub account: &'a str,
    /// The account's venue.
    pub venue: Venue,
    /// Whether the account is a simulated one.
    pub is_simulated: bool,
    /// Where the side is reached, where that is not the venue's own.
    pub endpoints: Option<&'a Endpoints>,
    /// Where orders and fills are recorded.
    pub ledger: Ledger,
}

impl Side<'_> {
    fn variables(&self) -> Vec<(&'static str, &str)> {
        let venue = match self.venue {
            Venue::BinanceSpot => "BinanceSpot",
            Venue::BybitV5 => "BybitV5",
        };
        let ledger = match self.ledger {
            Ledger::Embedded => "Embedded",
            Ledger::Postgres => "Postgres",
        };
        let mut variables = vec![
            ("TRIPTYCH_ACCOUNT", self.account),
            ("TRIPTYCH_KEYS_DIR", KEYS_DIRECTORY),
            ("TRIPTYCH_LEDGER", ledger),
            ("TRIPTYCH_VENUE", venue),
        ];
        if self.is_simulated {
            variables.push(("TRIPTYCH_SIMULATED", "true"));
        }
        if let Some(endpoints) = self.endpoints {
            variables.extend([
                ("TRIPTYCH_REST_URL", &*endpoints.rest),
                ("TRIPTYCH_MARKET_DATA_URL", &*endpoints.market_streams),
                ("TRIPTYCH_USER_STREAMS_URL", &*endpoints.user_streams),
            ]);
        }
        variables
    }
}

impl Environment<'_> {
    /// The tier that this environment makes.
    pub fn tier(&self) -> Tier {
        match self {
            Self::Observe { .. } => Tier::Abh,
            Self::Demo(_) => Tier::R,
            Self::Live(_) => Tier::W,
        }
    }

    pub(crate) fn command(&self) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Observe { .. } => &["/usr/local/bin/trader-observe"],
            Self::Demo(_) | Self::Live(_) => &["/usr/local/bin/trader", "run"],
        };
        words.iter().map(|&word| word.to_owned()).collect()
    }

    pub(super) fn variables(&self) -> Vec<(&'static str, &str)> {
        let own = match self {
            Self::Observe {
                market_data_url, ..
            } => market_data_url
                .map(|url| ("TRIPTYCH_MARKET_DATA_URL", url))
                .into_iter()
                .collect(),
            Self::Demo(side) | Self::Live(side) => side.variables(),
        };
        [("TRIPTYCH_DATA_DIR", DATA_DIRECTORY)]
            .into_iter()
            .chain(own)
            .collect()
    }

    /// The one Secret that the pod mounts.
    pub(crate) fn key_secret(&self) -> Option<String> {
        match self {
            Self::Observe { .. } => None,
            Self::Demo(side) => Some(SideName::Demo.key(side.account)),
            Self::Live(side) => Some(SideName::Live.key(side.account)),
        }
    }

    pub(super) fn volumes(&self) -> Vec<Mounted> {
        let own = match self {
            Self::Observe { claim, .. } => volumes::own("dataset", claim),
            Self::Demo(side) | Self::Live(side) => {
                volumes::own("journal", &names::journal_claim(side.account))
            }
        };
        let keys = self.key_secret().map(|secret| volumes::keys(&secret));
        keys.into_iter().chain([own]).collect()
    }

    /// W and R read their own TradingInstance, so that a halt needs no operator. ABH has no business
    /// with the API server.
    pub(crate) fn service_account(&self) -> Option<&'static str> {
        match self {
            Self::Observe { .. } => None,
            Self::Demo(_) | Self::Live(_) => Some(names::TRADER_SERVICE_ACCOUNT),
        }
    }

    /// The labels that a node must have, with those that a user asks for.
    pub(super) fn node_selector(
        &self,
        asked: Option<&BTreeMap<String, String>>,
    ) -> Option<BTreeMap<String, String>> {
        let mut labels = asked.cloned().unwrap_or_default();
        if matches!(self, Self::Live(_)) {
            labels.insert(W_NODE_LABEL.to_owned(), LIVE_TIER.to_owned());
        }
        (!labels.is_empty()).then_some(labels)
    }

    /// R and ABH stay away from W's nodes even where somebody took the taint off.
    pub(super) fn affinity(&self) -> Option<Affinity> {
        if matches!(self, Self::Live(_)) {
            return None;
        }
        let elsewhere = NodeSelectorRequirement {
            key: W_NODE_LABEL.into(),
            operator: "NotIn".into(),
            values: Some(vec![LIVE_TIER.into()]),
        };
        let term = NodeSelectorTerm {
            match_expressions: Some(vec![elsewhere]),
            match_fields: None,
        };
        Some(Affinity {
            node_affinity: Some(NodeAffinity {
                required_during_scheduling_ignored_during_execution: Some(NodeSelector {
                    node_selector_terms: vec![term],
                }),
                preferred_during_scheduling_ignored_during_execution: None,
            }),
            ..Default::default()
        })
    }

    pub(super) fn tolerations(&self) -> Option<Vec<Toleration>> {
        let of_taint = |effect: &str| Toleration {
            key: Some(TIER_TAINT.into()),
            operator: Some("Equal".into()),
            value: Some(LIVE_TIER.into()),
            effect: Some(effect.into()),
            toleration_seconds: None,
        };
        matches!(self, Self::Live(_)).then(|| vec![of_taint("NoSchedule"), of_taint("NoExecute")])
    }
}
