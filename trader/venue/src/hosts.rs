//! Which hosts are a venue's, and what they serve.
//!
//! In code, so that nothing in a configuration or an environment can say otherwise. Binance's are those of its
//! [REST](https://github.com/binance/binance-spot-api-docs/blob/master/rest-api.md),
//! [demo mode](https://github.com/binance/binance-spot-api-docs/blob/master/demo-mode/general-info.md) and
//! [testnet](https://github.com/binance/binance-spot-api-docs/blob/master/faqs/testnet.md) pages.

use std::fmt;

/// A side of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountSide {
    /// Real funds, traded by W.
    Live,
    /// The venue's demonstration, traded by R.
    Demo,
}

impl fmt::Display for AccountSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Demo => "demo",
        })
    }
}

/// A market of the venue with accounts of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Environment {
    /// Real funds.
    Live,
    /// Demo mode: a market that follows the live one.
    DemoMode,
    /// The spot testnet: a market of its own, wiped from time to time.
    Testnet,
}

impl Environment {
    pub(crate) const fn side(self) -> AccountSide {
        match self {
            Self::Live => AccountSide::Live,
            Self::DemoMode | Self::Testnet => AccountSide::Demo,
        }
    }

    /// The environment that an account's side means where no URL says which.
    pub(crate) const fn usual(side: AccountSide) -> Self {
        match side {
            AccountSide::Live => Self::Live,
            AccountSide::Demo => Self::DemoMode,
        }
    }
}

/// What an endpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Orders and questions.
    Rest,
    /// Public market streams.
    MarketStreams,
    /// The WebSocket API, which carries the account's own stream.
    UserStreams,
}

impl Purpose {
    pub(crate) const ALL: [Self; 3] = [Self::Rest, Self::MarketStreams, Self::UserStreams];

    /// The field of an account's endpoints.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Rest => "endpoints.rest",
            Self::MarketStreams => "endpoints.marketStreams",
            Self::UserStreams => "endpoints.userStreams",
        }
    }

    /// Schemes without and with encryption.
    pub(crate) const fn schemes(self) -> [&'static str; 2] {
        match self {
            Self::Rest => ["http", "https"],
            Self::MarketStreams | Self::UserStreams => ["ws", "wss"],
        }
    }

    /// Ports at which the venue serves it.
    pub(crate) const fn venue_ports(self) -> &'static [u16] {
        match self {
            Self::Rest => &[443],
            Self::MarketStreams | Self::UserStreams => &[443, 9443],
        }
    }
}

/// A host that the venue's documentation names. The first of a purpose is the one taken without a URL.
const BINANCE: [(&str, Environment, Purpose); 17] = [
    ("api.binance.com", Environment::Live, Purpose::Rest),
    ("api-gcp.binance.com", Environment::Live, Purpose::Rest),
    ("api1.binance.com", Environment::Live, Purpose::Rest),
    ("api2.binance.com", Environment::Live, Purpose::Rest),
    ("api3.binance.com", Environment::Live, Purpose::Rest),
    ("api4.binance.com", Environment::Live, Purpose::Rest),
    (
        "stream.binance.com",
        Environment::Live,
        Purpose::MarketStreams,
    ),
    (
        "data-stream.binance.vision",
        Environment::Live,
        Purpose::MarketStreams,
    ),
    (
        "ws-api.binance.com",
        Environment::Live,
        Purpose::UserStreams,
    ),
    ("demo-api.binance.com", Environment::DemoMode, Purpose::Rest),
    (
        "demo-stream.binance.com",
        Environment::DemoMode,
        Purpose::MarketStreams,
    ),
    (
        "demo-ws-api.binance.com",
        Environment::DemoMode,
        Purpose::UserStreams,
    ),
    (
        "testnet.binance.vision",
        Environment::Testnet,
        Purpose::Rest,
    ),
    (
        "api1.testnet.binance.vision",
        Environment::Testnet,
        Purpose::Rest,
    ),
    (
        "stream.testnet.binance.vision",
        Environment::Testnet,
        Purpose::MarketStreams,
    ),
    (
        "ws-api.testnet.binance.vision",
        Environment::Testnet,
        Purpose::UserStreams,
    ),
    // The documentation's former address of the testnet's streams.
    (
        "testnet.binance.vision",
        Environment::Testnet,
        Purpose::MarketStreams,
    ),
];

/// Domains that venues hold: whatever is below one of them is no simulated venue.
const DOMAINS_OF_VENUES: [&str; 12] = [
    "binance.com",
    "binance.vision",
    "binance.us",
    "binance.info",
    "binance.cloud",
    "binance.me",
    "binanceapi.com",
    "bybit.com",
    "bytick.com",
    "bybit.nl",
    "bybit.eu",
    "bybit.kz",
];

/// The environment of a host that serves this; `None` where the documentation names no such host. Lower case.
pub(crate) fn environment(host: &str, purpose: Purpose) -> Option<Environment> {
    BINANCE
        .iter()
        .find(|(name, _, serves)| *name == host && *serves == purpose)
        .map(|(_, environment, _)| *environment)
}

/// The host of an environment that serves this where no URL says which.
pub(crate) fn usual_host(environment: Environment, purpose: Purpose) -> &'static str {
    let found = BINANCE
        .iter()
        .find(|(_, of, serves)| *of == environment && *serves == purpose);
    // Each environment serves each purpose: a test below goes through all.
    found.map_or("", |(name, _, _)| *name)
}

/// Whether a host is a venue's, by its domain. Lower case.
pub(crate) fn is_of_a_venue(host: &str) -> bool {
    DOMAINS_OF_VENUES.iter().any(|domain| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_environment_serves_each_purpose_at_a_host_of_the_venue() {
        for environment_asked in [
            Environment::Live,
            Environment::DemoMode,
            Environment::Testnet,
        ] {
            for purpose in Purpose::ALL {
                let host = usual_host(environment_asked, purpose);
                assert_eq!(environment(host, purpose), Some(environment_asked));
                assert!(is_of_a_venue(host), "{host}");
            }
        }
    }

    #[test]
    fn no_host_is_of_two_environments() {
        for (host, environment, _) in BINANCE {
            let others = BINANCE
                .iter()
                .filter(|(name, of, _)| *name == host && *of != environment);
            assert_eq!(others.count(), 0, "{host}");
        }
    }

    #[test]
    fn a_domain_is_a_venues_with_everything_below_it_and_nothing_beside_it() {
        for (host, expected) in [
            ("binance.com", true),
            ("a.b.binance.com", true),
            ("api.bybit.com", true),
            ("notbinance.com", false),
            ("binance.com.example", false),
            ("venue-sim", false),
        ] {
            assert_eq!(is_of_a_venue(host), expected, "{host}");
        }
    }
}
