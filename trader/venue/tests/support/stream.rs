//! A server of account streams that ends as badly as a test wants, and what a client tells of it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use triptych_venue::binance::{Binance, BinanceSettings};
use triptych_venue::{AccountSide, AccountStreamSettings, Credentials, Notice, Venue as _};

use super::{KEY, PATIENCE, SECRET, client_of};

/// What the venue says of a subscription that it took.
pub(crate) const CONFIRMATION: &str =
    r#"{"id":"subscribe","status":200,"result":{"subscriptionId":0}}"#;

/// An order of that symbol changed.
pub(crate) fn event(symbol: &str) -> String {
    format!(r#"{{"subscriptionId":0,"event":{{"e":"executionReport","E":1,"s":"{symbol}"}}}}"#)
}

pub(crate) fn orders(symbol: &str) -> Notice {
    Notice::Orders {
        symbol: symbol.into(),
    }
}

/// One connection, as the server sees it.
pub(crate) struct Line(pub(crate) WebSocketStream<TcpStream>);

impl Line {
    /// The client's next text.
    pub(crate) async fn request(&mut self) -> String {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(_)) => {}
                other => panic!("no request: {other:?}"),
            }
        }
    }

    /// Writes all of them at once.
    pub(crate) async fn say(&mut self, texts: &[&str]) {
        for text in texts {
            self.0.feed(Message::text(*text)).await.unwrap();
        }
        self.0.flush().await.unwrap();
    }

    /// Takes a subscription, and says these right behind its confirmation.
    pub(crate) async fn confirm(&mut self, behind: &[&str]) {
        self.request().await;
        self.0.feed(Message::text(CONFIRMATION)).await.unwrap();
        self.say(behind).await;
    }

    /// Goes on answering pings until the client leaves.
    pub(crate) async fn stay(mut self) {
        while let Some(Ok(_)) = self.0.next().await {}
    }
}

/// Serves each connection by `serve`, which is told how many came before.
pub(crate) async fn serve<F, R>(serve: F) -> SocketAddr
where
    F: Fn(usize, Line) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut index = 0;
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
                tokio::spawn(serve(index, Line(socket)));
                index += 1;
            }
        }
    });
    address
}

/// Waits that a test has time for.
pub(crate) fn hasty() -> AccountStreamSettings {
    AccountStreamSettings {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(20),
        ..AccountStreamSettings::default()
    }
}

/// A client that follows its account, and what it tells.
pub(crate) struct Follower {
    pub(crate) client: Arc<Binance>,
    told: mpsc::UnboundedReceiver<Notice>,
    task: JoinHandle<()>,
}

impl Follower {
    pub(crate) fn start(client: Binance) -> Self {
        let client = Arc::new(client);
        let (sender, told) = mpsc::unbounded_channel();
        let following = Arc::clone(&client);
        let task = tokio::spawn(async move {
            let tell = |notice| drop(sender.send(notice));
            following.follow_account(tell).await;
        });
        Self { client, told, task }
    }

    /// Follows an account at a server of this test.
    pub(crate) fn at(address: SocketAddr, stream: AccountStreamSettings) -> Self {
        let credentials = Credentials::new(KEY, SECRET).unwrap();
        let settings = BinanceSettings {
            stream,
            ..BinanceSettings::default()
        };
        Self::start(client_of(address, AccountSide::Demo, credentials, settings))
    }

    pub(crate) async fn next(&mut self) -> Notice {
        let next = tokio::time::timeout(PATIENCE, self.told.recv()).await;
        next.expect("nothing is told").unwrap()
    }

    /// Why it is lost: the next that is told.
    pub(crate) async fn lost(&mut self) -> String {
        match self.next().await {
            Notice::Lost { reason } => reason.to_string(),
            other => panic!("{other:?} instead of a loss"),
        }
    }

    /// What is told until this, whose turn it is at last.
    pub(crate) async fn until(&mut self, expected: &Notice) {
        while self.next().await != *expected {}
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}
