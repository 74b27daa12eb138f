//! Where the feed connects to, and its limits in time.

use std::time::Duration;

use axum::http::Uri;
use thiserror::Error;

use crate::backoff::Backoff;
use crate::instruments::Instruments;

/// Why an address of a market data source is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "market data URL {url:?}: {reason}; expected ws://host:port or wss://host[:port] without a path"
)]
pub struct EndpointsError {
    /// The text given.
    pub url: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The two addresses of a source of public market data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    stream: String,
    rest: String,
}

impl Endpoints {
    /// Binance's addresses that serve public market data only: no account can be reached there.
    pub fn binance_public_data() -> Self {
        Self {
            stream: "wss://data-stream.binance.vision".to_owned(),
            rest: "https://data-api.binance.vision".to_owned(),
        }
    }

    /// Binance spot's own addresses.
    pub fn binance_spot() -> Self {
        Self {
            stream: "wss://stream.binance.com:9443".to_owned(),
            rest: "https://api.binance.com".to_owned(),
        }
    }

    /// A stream at `url`, with REST at the same host and port: `ws://h:p` implies `http://h:p`.
    /// The venue's own stream hosts imply the venue's REST hosts.
    pub fn from_url(url: &str) -> Result<Self, EndpointsError> {
        let refuse = |reason: &str| EndpointsError {
            url: url.to_owned(),
            reason: reason.to_owned(),
        };
        let trimmed = url.trim_end_matches('/');
        for known in [Self::binance_public_data(), Self::binance_spot()] {
            if known.stream == trimmed {
                return Ok(known);
            }
        }
        let uri: Uri = trimmed.parse().map_err(|_| refuse("it is not a URL"))?;
        let scheme = match uri.scheme_str() {
            Some("ws") => "http",
            Some("wss") => "https",
            _ => return Err(refuse("its scheme is neither ws nor wss")),
        };
        let authority = uri.authority().ok_or_else(|| refuse("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("public market data takes no user and no password"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(refuse("it has a path or a query"));
        }
        Ok(Self {
            stream: trimmed.to_owned(),
            rest: format!("{scheme}://{authority}"),
        })
    }

    /// Base of the WebSocket streams, such as `ws://host:9443`.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Base of the REST calls, such as `http://host:9443`.
    pub fn rest(&self) -> &str {
        &self.rest
    }
}

/// What the feed handler follows, and how patient it is.
#[derive(Debug, Clone)]
pub struct FeedConfig {
    /// Where to connect to.
    pub endpoints: Endpoints,
    /// What to subscribe to.
    pub instruments: Instruments,
    /// Levels of each side asked for in a snapshot. The venue answers with at most 5000; up to
    /// 1000 cost 50 of the 6000 weight that it grants an address in a minute.
    pub snapshot_levels: u16,
    /// Longest time without any frame before the connection counts as dead.
    pub stale_after: Duration,
    /// Longest time for opening a connection, and for one REST answer.
    pub connect_timeout: Duration,
    /// Age at which a connection is renewed; the venue cuts at 24 hours.
    pub renew_after: Duration,
    /// Waits between attempts to connect.
    pub reconnect: Backoff,
    /// A connection that lived this long starts the waits over.
    pub healthy_after: Duration,
    /// Waits between attempts to get a snapshot.
    pub snapshot_retry: Backoff,
}

impl FeedConfig {
    /// The defaults for `instruments` at `endpoints`.
    pub fn new(endpoints: Endpoints, instruments: Instruments) -> Self {
        Self {
            endpoints,
            instruments,
            snapshot_levels: 1000,
            stale_after: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(10),
            renew_after: Duration::from_mins(23 * 60 + 50),
            reconnect: Backoff::new(Duration::from_millis(250), Duration::from_secs(30)),
            healthy_after: Duration::from_secs(10),
            snapshot_retry: Backoff::new(Duration::from_millis(250), Duration::from_secs(30)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_url_gives_both_addresses() {
        for (url, stream, rest) in [
            ("ws://tape:9443", "ws://tape:9443", "http://tape:9443"),
            (
                "ws://10.0.0.7:80/",
                "ws://10.0.0.7:80",
                "http://10.0.0.7:80",
            ),
            ("wss://md.example", "wss://md.example", "https://md.example"),
            (
                "wss://stream.binance.com:9443",
                "wss://stream.binance.com:9443",
                "https://api.binance.com",
            ),
            (
                "wss://data-stream.binance.vision",
                "wss://data-stream.binance.vision",
                "https://data-api.binance.vision",
            ),
        ] {
            let endpoints = Endpoints::from_url(url).unwrap();
            assert_eq!((endpoints.stream(), endpoints.rest()), (stream, rest));
        }
    }

    #[test]
    fn other_urls_are_refused_with_the_reason() {
        for (url, reason) in [
            ("", "not a URL"),
            ("http://tape:9443", "neither ws nor wss"),
            ("tape:9443", "neither ws nor wss"),
            ("ws://tape:9443/stream", "path"),
            ("ws://tape:9443?x=1", "path"),
            ("ws://user:secret@tape:9443", "no user"),
        ] {
            let error = Endpoints::from_url(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
        }
    }
}
