//! A second receiver of a feed, which writes down what it received, as a desk's recorder does.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use triptych_engine::event::Event;
use triptych_market_data::feed::{self, Endpoints, FeedConfig, FeedStatus};
use triptych_market_data::instruments::Instruments;
use triptych_market_data::wire::recorded_line;

/// The receiver, on a thread of its own.
pub(crate) struct Receiver {
    stop: CancellationToken,
    lines: JoinHandle<Vec<String>>,
}

impl Receiver {
    pub(crate) fn start(url: &str, symbols: [&str; 2]) -> Self {
        let instruments = Instruments::parse(symbols).unwrap();
        let stop = CancellationToken::new();
        let config = FeedConfig::new(Endpoints::from_url(url).unwrap(), instruments);
        let lines = thread::spawn({
            let stop = stop.clone();
            move || follow(config, stop)
        });
        Self { stop, lines }
    }

    /// The recording: a line each message, as received.
    pub(crate) fn stop(self) -> Vec<String> {
        self.stop.cancel();
        self.lines.join().unwrap()
    }
}

fn follow(config: FeedConfig, stop: CancellationToken) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let instruments = config.instruments.clone();
        let status = Arc::new(FeedStatus::new(&instruments));
        let (sender, mut events) = mpsc::channel::<Event>(100_000);
        let (_resync, wishes) = mpsc::unbounded_channel();
        let feed = tokio::spawn(feed::run(config, status, sender, wishes, stop));
        let mut lines = Vec::new();
        while let Some(event) = events.recv().await {
            lines.extend(recorded_line(&event, instruments.symbol(event.instrument)));
        }
        feed.await.unwrap().unwrap();
        lines
    })
}
