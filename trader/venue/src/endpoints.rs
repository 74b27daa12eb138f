//! Where an account is reached: live is live, demo is demo, simulated is neither.

use std::net::IpAddr;

use thiserror::Error;

use crate::endpoint::{Endpoint, is_private};
use crate::hosts::{AccountSide, Environment, Purpose, environment, is_of_a_venue, usual_host};

/// Addresses as an account names them; what is absent is the venue's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndpointUrls<'a> {
    /// Orders and questions, such as `https://demo-api.binance.com`.
    pub rest: Option<&'a str>,
    /// Public market streams, such as `wss://demo-stream.binance.com`.
    pub market_streams: Option<&'a str>,
    /// The WebSocket API with the account's own stream, such as `wss://demo-ws-api.binance.com`.
    pub user_streams: Option<&'a str>,
}

impl EndpointUrls<'_> {
    const fn of(&self, purpose: Purpose) -> Option<&str> {
        match purpose {
            Purpose::Rest => self.rest,
            Purpose::MarketStreams => self.market_streams,
            Purpose::UserStreams => self.user_streams,
        }
    }
}

/// Why an account is not connected to an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {value:?}: {reason}; expected {expected}")]
pub struct EndpointsError {
    /// The field of the account.
    pub field: &'static str,
    /// What was there; empty where nothing was.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
    /// What may be there.
    pub expected: String,
}

/// The addresses of one side of an account.
///
/// There is one way to have them, [`TradingEndpoints::new`]: no live side with a demo host, no demo side with
/// a live one, no other host unless the account is simulated, and no venue's host if it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradingEndpoints {
    side: AccountSide,
    is_simulated: bool,
    rest: Endpoint,
    market_streams: Endpoint,
    user_streams: Endpoint,
}

impl TradingEndpoints {
    /// The addresses of that side of a Binance account. W passes `Live` and R `Demo`; nothing else decides
    /// the side. Without URLs they are the venue's own of that side; a simulated account names all three.
    pub fn new(
        side: AccountSide,
        is_simulated: bool,
        urls: EndpointUrls<'_>,
    ) -> Result<Self, EndpointsError> {
        let [rest, market_streams, user_streams] = if is_simulated {
            simulated(side, urls)?
        } else {
            of_venue(side, urls)?
        };
        Ok(Self {
            side,
            is_simulated,
            rest,
            market_streams,
            user_streams,
        })
    }

    /// Which side it is.
    pub const fn side(&self) -> AccountSide {
        self.side
    }

    /// Whether all of them are of a simulated venue, which a W says for good.
    pub const fn is_simulated(&self) -> bool {
        self.is_simulated
    }

    /// Orders and questions.
    pub const fn rest(&self) -> &Endpoint {
        &self.rest
    }

    /// Public market streams.
    pub const fn market_streams(&self) -> &Endpoint {
        &self.market_streams
    }

    /// The WebSocket API with the account's own stream.
    pub const fn user_streams(&self) -> &Endpoint {
        &self.user_streams
    }

    /// Whether a connection to this address may be opened. A simulated account's name may be told by a name
    /// server to be anywhere: it is followed to private addresses alone.
    pub fn allows(&self, address: IpAddr) -> bool {
        !self.is_simulated || is_private(address)
    }
}

struct Reader<'a> {
    side: AccountSide,
    purpose: Purpose,
    url: &'a str,
}

impl Reader<'_> {
    fn refuse(&self, reason: impl Into<String>) -> EndpointsError {
        let environment = Environment::usual(self.side);
        EndpointsError {
            field: self.purpose.field(),
            value: self.url.to_owned(),
            reason: reason.into(),
            expected: format!(
                "{}://{} or another {} host of the venue, without path or query, or, on an account with simulated: true, a host of a simulated venue",
                self.purpose.schemes()[1],
                usual_host(environment, self.purpose),
                self.side
            ),
        }
    }

    fn endpoint(&self) -> Result<Endpoint, EndpointsError> {
        Endpoint::parse(self.url, self.purpose).map_err(|reason| self.refuse(reason))
    }

    /// An address of the venue, and what it is of.
    fn of_venue(&self) -> Result<(Endpoint, Environment), EndpointsError> {
        let endpoint = self.endpoint()?;
        let Some(environment) = environment(endpoint.host(), self.purpose) else {
            return Err(self.refuse(if is_of_a_venue(endpoint.host()) {
                "the venue's documentation names no such host for this"
            } else {
                "this host is not the venue's, and the account is not simulated"
            }));
        };
        if environment.side() != self.side {
            let reason = format!(
                "this is a {} host, and this is the {} side of the account",
                environment.side(),
                self.side
            );
            return Err(self.refuse(reason));
        }
        if !endpoint.is_encrypted() {
            return Err(self.refuse("it is not encrypted"));
        }
        if !self.purpose.venue_ports().contains(&endpoint.port()) {
            return Err(self.refuse("the venue does not serve this at that port"));
        }
        Ok((endpoint, environment))
    }

    fn simulated(&self) -> Result<Endpoint, EndpointsError> {
        let endpoint = self.endpoint()?;
        if is_of_a_venue(endpoint.host()) {
            return Err(self.refuse("this host is a venue's, and the account is simulated"));
        }
        let address: Option<IpAddr> = endpoint.host().parse().ok();
        if address.is_some_and(|address| !is_private(address)) {
            return Err(self.refuse(
                "a public address may be a venue's, and the account is simulated: name a private address or a host",
            ));
        }
        Ok(endpoint)
    }
}

/// Every address in one environment: a stream of the testnet would tell nothing of orders in demo mode.
fn of_venue(side: AccountSide, urls: EndpointUrls<'_>) -> Result<[Endpoint; 3], EndpointsError> {
    let mut named = None;
    for purpose in Purpose::ALL {
        let Some(url) = urls.of(purpose) else {
            continue;
        };
        let reader = Reader { side, purpose, url };
        let (_, environment) = reader.of_venue()?;
        match named {
            Some(other) if other != environment => {
                return Err(reader
                    .refuse("this host is of another environment than the endpoints before it"));
            }
            _ => named = Some(environment),
        }
    }
    let environment = named.unwrap_or(Environment::usual(side));
    let endpoint = |purpose: Purpose| {
        let own = format!(
            "{}://{}",
            purpose.schemes()[1],
            usual_host(environment, purpose)
        );
        let url = urls.of(purpose).unwrap_or(&own);
        let reader = Reader { side, purpose, url };
        reader.of_venue().map(|(endpoint, _)| endpoint)
    };
    Ok([
        endpoint(Purpose::Rest)?,
        endpoint(Purpose::MarketStreams)?,
        endpoint(Purpose::UserStreams)?,
    ])
}

fn simulated(side: AccountSide, urls: EndpointUrls<'_>) -> Result<[Endpoint; 3], EndpointsError> {
    let endpoint = |purpose: Purpose| {
        let url = urls.of(purpose);
        let reader = Reader {
            side,
            purpose,
            url: url.unwrap_or_default(),
        };
        if url.is_none() {
            return Err(reader.refuse(
                "a simulated account names each of its endpoints: it never connects to the venue itself",
            ));
        }
        reader.simulated()
    };
    Ok([
        endpoint(Purpose::Rest)?,
        endpoint(Purpose::MarketStreams)?,
        endpoint(Purpose::UserStreams)?,
    ])
}

#[cfg(test)]
mod tests;
