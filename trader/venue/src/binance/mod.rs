//! Binance spot.
//!
//! Orders and cancellations are sent once, by [`Sender`]. What an answer means is decided in [`answers`], what
//! the venue still grants in [`allowance`]; both are pure.

mod allowance;
mod answers;
mod messages;
mod parameters;
mod user_stream;
mod venue;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use triptych_market_data::clock::now as wall_clock;
use triptych_market_data::feed::tls_client_config;

pub use allowance::AllowanceLimits;

use crate::account_stream::AccountStreamSettings;
use crate::allowance::Use;
use crate::attempt::Attempted;
use crate::clock::{ClockLimits, VenueClock};
use crate::credentials::Credentials;
use crate::endpoints::TradingEndpoints;
use crate::lock::lock;
use crate::order::{OrderReport, VenueTrade};
use crate::outcome::{QueryError, Sent};
use crate::sender::{Attempt, Message, Sender};
use crate::venue::RequestTime;
use allowance::Allowance;
use answers::{Meaning, WRONG_TIME};
use messages::{OrderMessage, TradeMessage};
use parameters::Parameters;

/// How long a question holds from its sending: Binance's own default.
const QUESTION_WINDOW: Duration = Duration::from_secs(5);

/// The header with the key's name.
const KEY_HEADER: HeaderName = HeaderName::from_static("x-mbx-apikey");

/// How patient the client is, and what it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinanceSettings {
    /// Longest time until a connection is open.
    pub connect_timeout: Duration,
    /// Longest time until an answer is whole. The venue itself gives up after ten seconds.
    pub answer_timeout: Duration,
    /// When orders are refused because of a clock.
    pub clock: ClockLimits,
    /// The venue's limits.
    pub allowance: AllowanceLimits,
    /// The account's own stream.
    pub stream: AccountStreamSettings,
}

impl Default for BinanceSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(12),
            clock: ClockLimits::default(),
            allowance: AllowanceLimits::default(),
            stream: AccountStreamSettings::default(),
        }
    }
}

/// Why there is no client.
#[derive(Debug, Error)]
pub enum BinanceError {
    /// TLS is not available.
    #[error("TLS: {0}")]
    Tls(String),
    /// The key cannot stand in a header.
    #[error("the API key of the account cannot stand in a header")]
    Key,
}

/// An account at Binance spot.
pub struct Binance {
    credentials: Credentials,
    key_header: HeaderValue,
    sender: Sender,
    tls: Arc<ClientConfig>,
    stream: AccountStreamSettings,
    allowance: Mutex<Allowance>,
    clock: Mutex<VenueClock>,
    clock_age: Duration,
    clock_is_wrong: Notify,
}

impl std::fmt::Debug for Binance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binance").finish_non_exhaustive()
    }
}

/// A request, and what it costs of the minute's weight.
struct Call {
    what: Use,
    method: Method,
    path: &'static str,
    weight: u32,
}

impl Call {
    const fn new(what: Use, method: Method, path: &'static str, weight: u32) -> Self {
        Self {
            what,
            method,
            path,
            weight,
        }
    }

    const fn question(path: &'static str, weight: u32) -> Self {
        Self::new(Use::Question, Method::GET, path, weight)
    }
}

impl Binance {
    /// A client of the account at these addresses. It connects when it is first used.
    ///
    /// Orders are refused until [`Venue::measure_clock`](crate::Venue::measure_clock) succeeded.
    pub fn new(
        endpoints: TradingEndpoints,
        credentials: Credentials,
        settings: BinanceSettings,
    ) -> Result<Self, BinanceError> {
        let tls = tls_client_config().map_err(|error| BinanceError::Tls(error.to_string()))?;
        let mut key_header =
            HeaderValue::from_bytes(credentials.key()).map_err(|_| BinanceError::Key)?;
        key_header.set_sensitive(true);
        Ok(Self {
            credentials,
            key_header,
            sender: Sender::new(
                endpoints,
                TlsConnector::from(Arc::clone(&tls)),
                settings.connect_timeout,
                settings.answer_timeout,
            ),
            tls,
            stream: settings.stream,
            allowance: Mutex::new(Allowance::new(settings.allowance)),
            clock: Mutex::new(VenueClock::new(settings.clock)),
            clock_age: settings.clock.oldest,
            clock_is_wrong: Notify::new(),
        })
    }

    /// The venue found the time of a request wrong.
    fn clock_was_wrong(&self) {
        lock(&self.clock).forget();
        self.clock_is_wrong.notify_one();
    }

    /// Sends what changes something, once.
    async fn act(
        &self,
        call: Call,
        parameters: Parameters,
        time: RequestTime,
    ) -> Sent<OrderReport> {
        let at = lock(&self.clock).at_venue(time.at);
        let signed = parameters.signed(at, time.receive_window, &self.credentials);
        let attempted = self.attempt::<OrderMessage>(&call, &signed).await;
        attempted.map(OrderReport::from).sent()
    }

    /// Asks something with the account's signature, once.
    async fn ask<T: DeserializeOwned>(
        &self,
        call: Call,
        parameters: Parameters,
    ) -> Result<T, QueryError> {
        let at = lock(&self.clock).at_venue(wall_clock());
        let signed = parameters.signed(at, QUESTION_WINDOW, &self.credentials);
        self.question(call, signed).await
    }

    async fn question<T: DeserializeOwned>(
        &self,
        call: Call,
        parameters: Parameters,
    ) -> Result<T, QueryError> {
        self.attempt(&call, &parameters).await.answered()
    }

    /// One attempt, whatever it is: taken from the allowance, sent, and read.
    async fn attempt<T: DeserializeOwned>(
        &self,
        call: &Call,
        parameters: &Parameters,
    ) -> Attempted<T> {
        let taken = lock(&self.allowance).take(call.what, call.weight, Instant::now());
        if let Err(withheld) = taken {
            return Attempted::Withheld(withheld);
        }
        let _taken = Taken {
            allowance: &self.allowance,
            weight: call.weight,
        };
        match self.sender.send(self.message(call, parameters)).await {
            Attempt::Answered(answer) => {
                let used = answers::used(&answer.headers);
                lock(&self.allowance).count(used, call.weight, Instant::now());
                self.looked_at(answers::meaning(&answer))
            }
            Attempt::NotWritten(why) => Attempted::NotWritten(why),
            Attempt::Lost(loss) => Attempted::Lost(loss),
        }
    }

    fn message(&self, call: &Call, parameters: &Parameters) -> Message {
        Message {
            method: call.method.clone(),
            path_and_query: match parameters.as_str() {
                "" => call.path.to_owned(),
                query => format!("{}?{query}", call.path),
            },
            headers: HeaderMap::from_iter([(KEY_HEADER, self.key_header.clone())]),
            body: Bytes::new(),
        }
    }

    /// What an answer says of the clock and of a pause is acted upon.
    fn looked_at<T>(&self, meaning: Meaning<T>) -> Attempted<T> {
        let attempted = match meaning {
            Meaning::Done(value) => Attempted::Done(value),
            Meaning::Refused(refusal) => {
                if refusal.code == WRONG_TIME {
                    self.clock_was_wrong();
                }
                Attempted::Refused(refusal)
            }
            Meaning::Pause(pause, after) => {
                Attempted::Paused(lock(&self.allowance).pause(pause, after, Instant::now()))
            }
            Meaning::Unclear(text) => Attempted::Unclear(text),
            Meaning::Unreadable(text) => Attempted::Unreadable(text),
        };
        attempted.redacted(&self.credentials)
    }

    async fn trades_of(&self, parameters: Parameters) -> Result<Vec<VenueTrade>, QueryError> {
        let call = Call::question("/api/v3/myTrades", 20);
        let trades: Vec<TradeMessage> = self.ask(call, parameters).await?;
        Ok(trades.into_iter().map(Into::into).collect())
    }
}

/// What a request took of the allowance, until it ends or is given up.
struct Taken<'a> {
    allowance: &'a Mutex<Allowance>,
    weight: u32,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        lock(self.allowance).ended(self.weight);
    }
}
