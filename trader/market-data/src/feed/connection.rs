//! One WebSocket connection to the venue's combined streams.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message, Utf8Bytes};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};

use super::config::FeedConfig;
use crate::wire::StreamKind;

/// Largest message that is read, in bytes; the venue's are far below.
const LARGEST_MESSAGE: usize = 4 * 1024 * 1024;

/// Why a connection could not be opened, or ended.
#[derive(Debug, Error)]
pub(super) enum ConnectionError {
    /// No connection in time.
    #[error("no connection within {0:?}")]
    ConnectTimedOut(Duration),
    /// Connecting, the handshake or reading failed.
    #[error("{0}")]
    WebSocket(#[from] WebSocketError),
    /// The other side closed it.
    #[error("closed by the venue{0}")]
    Closed(String),
    /// Silence.
    #[error("no frame for {0:?}")]
    Stale(Duration),
}

/// An open connection, subscribed by its URL.
pub(super) struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    stale_after: Duration,
}

impl Connection {
    /// Connects and subscribes to every stream of the configured instruments.
    pub(super) async fn open(
        config: &FeedConfig,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, ConnectionError> {
        let limits = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_MESSAGE))
            .max_frame_size(Some(LARGEST_MESSAGE));
        let connector = Connector::Rustls(Arc::clone(tls));
        let url = streams_url(config);
        let connecting = connect_async_tls_with_config(url, Some(limits), true, Some(connector));
        let (socket, _) = tokio::time::timeout(config.connect_timeout, connecting)
            .await
            .map_err(|_| ConnectionError::ConnectTimedOut(config.connect_timeout))??;
        Ok(Self {
            socket,
            stale_after: config.stale_after,
        })
    }

    /// The next text frame. Pings are answered on the way and count as a sign of life of the
    /// connection, but not of the market. Safe to drop while waiting.
    pub(super) async fn next_text(&mut self) -> Result<Utf8Bytes, ConnectionError> {
        let silence = tokio::time::sleep(self.stale_after);
        tokio::pin!(silence);
        loop {
            let message = tokio::select! {
                message = self.socket.next() => message,
                () = &mut silence => return Err(ConnectionError::Stale(self.stale_after)),
            };
            match message {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.map(|frame| format!(": {} {}", frame.code, frame.reason));
                    return Err(ConnectionError::Closed(reason.unwrap_or_default()));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(ConnectionError::Closed(String::new())),
            }
        }
    }

    /// Says goodbye; whether the venue hears it does not matter.
    pub(super) async fn close(mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(1), self.socket.close(None)).await;
    }
}

fn streams_url(config: &FeedConfig) -> String {
    let streams: Vec<String> = config
        .instruments
        .iter()
        .flat_map(|(_, symbol)| StreamKind::ALL.map(|kind| kind.name(symbol)))
        .collect();
    format!(
        "{}/stream?streams={}",
        config.endpoints.stream(),
        streams.join("/")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Endpoints;
    use crate::instruments::Instruments;

    #[test]
    fn one_url_subscribes_to_three_streams_of_each_instrument() {
        let config = FeedConfig::new(
            Endpoints::from_url("ws://tape:9443").unwrap(),
            Instruments::parse(["BTCUSDT", "ETHUSDT"]).unwrap(),
        );
        assert_eq!(
            streams_url(&config),
            "ws://tape:9443/stream?streams=btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms\
             /ethusdt@trade/ethusdt@bookTicker/ethusdt@depth@100ms"
        );
    }
}
