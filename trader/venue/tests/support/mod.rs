//! A client of an account, and a server that answers as badly as a test wants.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod simulated;
pub(crate) mod stream;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use triptych_engine::event::{Side, Timestamp};
use triptych_venue::binance::{Binance, BinanceSettings};
use triptych_venue::{
    AccountSide, ClientOrderId, Credentials, EndpointUrls, NewOrder, OrderKind, RequestTime,
    TimeInForce, TradingEndpoints, Venue as _,
};

/// Longest time that a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const KEY: &[u8] = b"the-api-key-of-the-account";
pub(crate) const SECRET: &[u8] = b"the-secret-of-the-account";

pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_nanoseconds(i64::try_from(since_epoch.as_nanos()).unwrap())
}

/// The right to trade was seen just now, and holds for five seconds.
pub(crate) fn just_now() -> RequestTime {
    RequestTime {
        at: now(),
        receive_window: Duration::from_secs(5),
    }
}

/// A purchase far below the market.
pub(crate) fn order(name: &str) -> NewOrder {
    NewOrder {
        client_order_id: ClientOrderId::new(name).unwrap(),
        symbol: "BTCUSDT".into(),
        side: Side::Buy,
        kind: OrderKind::Limit {
            price: "30000".parse().unwrap(),
            time_in_force: TimeInForce::GoodTillCancel,
        },
        quantity: "0.01".parse().unwrap(),
    }
}

pub(crate) fn client_of(
    address: SocketAddr,
    side: AccountSide,
    credentials: Credentials,
    settings: BinanceSettings,
) -> Binance {
    let (rest, streams) = (format!("http://{address}"), format!("ws://{address}"));
    let urls = EndpointUrls {
        rest: Some(&rest),
        market_streams: Some(&streams),
        user_streams: Some(&streams),
    };
    let endpoints = TradingEndpoints::new(side, true, urls).unwrap();
    Binance::new(endpoints, credentials, settings).unwrap()
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Writes these bytes and goes on listening.
    Keep(Vec<u8>),
    /// Writes these bytes and closes.
    Close(Vec<u8>),
    /// Says nothing.
    Silence,
}

/// An answer with its length.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What the venue says of an order that it took.
pub(crate) fn accepted(name: &str) -> String {
    format!(
        r#"{{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"{name}","transactTime":1507725176595,"price":"30000.00000000","origQty":"0.01000000","executedQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","timeInForce":"GTC","type":"LIMIT","side":"BUY"}}"#
    )
}

/// A server on this machine. It answers questions for its time rightly, and all else by `reply`, which is told
/// how many other requests came before.
pub(crate) struct HostileServer {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl HostileServer {
    pub(crate) async fn start(
        reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, reply) = (Arc::clone(&requests), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, reply) = (Arc::clone(&seen), Arc::clone(&reply));
                tokio::spawn(async move { serve(stream, &seen, &*reply).await });
            }
        });
        Self { address, requests }
    }

    /// Heads of all requests but those for the time.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A client of it that knows its clock.
    pub(crate) async fn client(&self, settings: BinanceSettings) -> Binance {
        let credentials = Credentials::new(KEY, SECRET).unwrap();
        let client = client_of(self.address, AccountSide::Demo, credentials, settings);
        client.measure_clock().await.unwrap();
        client
    }
}

async fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    reply: &(dyn Fn(usize, &str) -> Reply + Send + Sync),
) {
    let mut read = Vec::new();
    loop {
        let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => read.extend_from_slice(&buffer[..count]),
            }
            continue;
        };
        let head = String::from_utf8(read.drain(..end + 4).collect()).unwrap();
        let reply = if head.starts_with("GET /api/v3/time") {
            let time = now().nanoseconds() / 1_000_000;
            Reply::Keep(answer("200 OK", "", &format!(r#"{{"serverTime":{time}}}"#)))
        } else {
            let index = {
                let mut seen = seen.lock().unwrap();
                seen.push(head.clone());
                seen.len() - 1
            };
            reply(index, &head)
        };
        match reply {
            Reply::Keep(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::Close(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Silence => {}
        }
    }
}
