//! An account's own stream, whichever venue it is: one connection after the other, each told of from its
//! subscription to its end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};
use triptych_market_data::backoff::Backoff;
use zeroize::Zeroizing;

use crate::connect::connect;
use crate::credentials::Credentials;
use crate::endpoints::TradingEndpoints;
use crate::outcome::text_of;
use crate::venue::Notice;

/// Largest message that is read, in bytes; the venues' are below 16 KiB.
const LARGEST_MESSAGE: usize = 1024 * 1024;

/// How patient the client is with an account's own stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountStreamSettings {
    /// Longest time until a connection is open.
    pub connect_timeout: Duration,
    /// Longest time until the venue confirms the subscription, and until it answers a ping.
    pub answer_timeout: Duration,
    /// Silence after which a ping asks whether the venue is still there.
    pub ping_after: Duration,
    /// Age at which a connection is given up for a new one.
    pub renew_after: Duration,
    /// About the first wait before another connection; each further one is twice as long.
    pub first_wait: Duration,
    /// The longest wait. A connection that lived as long starts over with the first.
    pub longest_wait: Duration,
}

impl Default for AccountStreamSettings {
    /// Binance pings every 20 seconds, ends a connection after 24 hours, and takes 300 connections of an
    /// address in five minutes.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(10),
            ping_after: Duration::from_secs(25),
            renew_after: Duration::from_hours(23),
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(30),
        }
    }
}

/// Why a connection is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// In a line.
    pub(crate) reason: String,
    /// What the venue asked to wait before the next.
    pub(crate) pause: Duration,
}

impl Ended {
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            pause: Duration::ZERO,
        }
    }
}

/// What is said on a connection.
pub(crate) trait Dialogue: Sync {
    /// Opens one connection, subscribes, and passes on what it tells until it ends.
    fn listen(&self, tell: &(impl Fn(Notice) + Sync)) -> impl Future<Output = Ended> + Send;
}

/// Keeps the stream subscribed. Every end is told, without keys that its reason may repeat.
pub(crate) async fn follow(
    dialogue: &impl Dialogue,
    credentials: &Credentials,
    settings: AccountStreamSettings,
    tell: &(impl Fn(Notice) + Sync),
) {
    let mut backoff = Backoff::new(settings.first_wait, settings.longest_wait);
    loop {
        let begun = Instant::now();
        let ended = dialogue.listen(tell).await;
        tell(Notice::Lost {
            reason: credentials.redact(&ended.reason).into(),
        });
        if begun.elapsed() >= settings.longest_wait {
            backoff.reset();
        }
        sleep(backoff.next(fastrand::u32(..)).max(ended.pause)).await;
    }
}

/// An open connection.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    settings: AccountStreamSettings,
    renewal: Instant,
}

impl Socket {
    /// Connects to that path of the account's address for streams.
    pub(crate) async fn open(
        endpoints: &TradingEndpoints,
        path: &str,
        tls: &Arc<ClientConfig>,
        settings: AccountStreamSettings,
    ) -> Result<Self, Ended> {
        let endpoint = endpoints.user_streams();
        let url = format!("{endpoint}{path}");
        let limits = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_MESSAGE))
            .max_frame_size(Some(LARGEST_MESSAGE));
        let tls = Connector::Rustls(Arc::clone(tls));
        let opening = async {
            let stream = connect(endpoints, endpoint)
                .await
                .map_err(|error| text_of(&error))?;
            client_async_tls_with_config(url, stream, Some(limits), Some(tls))
                .await
                .map_err(|error| text_of(&error))
        };
        let opened = timeout(settings.connect_timeout, opening).await;
        let opened = opened.unwrap_or_else(|_| {
            Err(format!(
                "no connection within {:?}",
                settings.connect_timeout
            ))
        });
        let (stream, _) =
            opened.map_err(|why| Ended::because(format!("no connection to {endpoint}: {why}")))?;
        Ok(Self {
            stream,
            settings,
            renewal: Instant::now() + settings.renew_after,
        })
    }

    /// Says something with a key in it: its memory is overwritten when it is written.
    pub(crate) async fn say(&mut self, text: Zeroizing<String>) -> Result<(), Ended> {
        let text = Utf8Bytes::try_from(Bytes::from_owner(text))
            .map_err(|error| Ended::because(text_of(&error)))?;
        self.write(Message::Text(text)).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Ended> {
        match timeout(self.settings.answer_timeout, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Ended::because(text_of(&error))),
            Err(_) => Err(Ended::because("the venue takes nothing any more")),
        }
    }

    /// The next text. Every frame is a sign of life; silence is met with a ping, and more silence is the end.
    pub(crate) async fn next_text(&mut self) -> Result<Utf8Bytes, Ended> {
        let mut is_asked = false;
        loop {
            let patience = if is_asked {
                self.settings.answer_timeout
            } else {
                self.settings.ping_after
            };
            let silent = Instant::now() + patience;
            let deadline = silent.min(self.renewal);
            match timeout_at(deadline, self.stream.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => return Ok(text),
                Ok(Some(Ok(Message::Close(frame)))) => {
                    let reason = frame.map(|frame| format!(": {} {}", frame.code, frame.reason));
                    let reason = reason.unwrap_or_default();
                    return Err(Ended::because(format!("closed by the venue{reason}")));
                }
                Ok(Some(Ok(Message::Binary(_)))) => {
                    return Err(Ended::because(
                        "a message that cannot be read: it is no text",
                    ));
                }
                Ok(Some(Ok(_))) => is_asked = false,
                Ok(Some(Err(error))) => return Err(Ended::because(text_of(&error))),
                Ok(None) => return Err(Ended::because("closed by the venue")),
                Err(_) if Instant::now() >= self.renewal => {
                    return Err(Ended::because(format!(
                        "renewed after {:?}, before the venue ends it",
                        self.settings.renew_after
                    )));
                }
                Err(_) if is_asked => {
                    let silence = self.settings.ping_after + patience;
                    return Err(Ended::because(format!(
                        "no frame for {silence:?}, and no answer to a ping"
                    )));
                }
                Err(_) => {
                    self.write(Message::Ping(Bytes::new())).await?;
                    is_asked = true;
                }
            }
        }
    }
}
