//! Keeps a connection open and turns its frames into events in order.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use rustls::ClientConfig;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use triptych_engine::event::{Event, EventKind, InstrumentId};
use triptych_engine::order_book::sequence::{DepthSequence, DiffStep, SnapshotStep};

use super::config::FeedConfig;
use super::connection::{Connection, ConnectionError};
use super::rest::RestClient;
use super::snapshots::{SnapshotRequest, Snapshots};
use super::status::{BookState, FeedStatus};
use super::tls;
use crate::clock::now;
use crate::frame::{Frame, FrameParser};

/// Follows the configured instruments until `stop` is cancelled or nobody receives `events` any
/// more.
///
/// An instrument received on `resync` gets a new snapshot: the engine asks so where its book became
/// void for a reason that the ids do not show, such as a crossed book.
///
/// `events` is the bounded queue to the engine. Where it is full the event is dropped and counted;
/// if it was one that the order book needs, the instrument is given [`EventKind::Gap`] as soon as
/// there is room, and a new snapshot: a slow engine costs data, never a wrong book.
///
/// # Errors
/// Where TLS cannot be set up. Everything else is retried.
pub async fn run(
    config: FeedConfig,
    status: Arc<FeedStatus>,
    events: mpsc::Sender<Event>,
    resync: mpsc::UnboundedReceiver<InstrumentId>,
    stop: CancellationToken,
) -> Result<(), rustls::Error> {
    let tls = tls::client_config()?;
    let client = RestClient::new(
        config.endpoints.rest().to_owned(),
        config.connect_timeout,
        &tls,
    );
    let snapshots = Snapshots::start(config.clone(), client, Arc::clone(&status));
    let mut handler = Handler {
        parser: FrameParser::new(config.instruments.clone()),
        instruments: vec![InstrumentFeed::default(); config.instruments.count()],
        config,
        status,
        events,
        resync,
        snapshots,
        connection: 0,
    };
    handler.follow(&tls, &stop).await;
    Ok(())
}

struct Handler {
    config: FeedConfig,
    parser: FrameParser,
    status: Arc<FeedStatus>,
    events: mpsc::Sender<Event>,
    resync: mpsc::UnboundedReceiver<InstrumentId>,
    snapshots: Snapshots,
    instruments: Vec<InstrumentFeed>,
    connection: u64,
}

/// Where the hand-over of one instrument stands.
#[derive(Debug, Clone, Copy, Default)]
struct InstrumentFeed {
    sequence: DepthSequence,
    snapshot_asked: bool,
    /// An event that the book needs was dropped and the receiver has not been told yet.
    loss_untold: bool,
    synced_before: bool,
}

/// Nobody receives events any more.
struct ReceiverGone;

/// Why a connection ended.
enum SessionEnd {
    ReceiverGone,
    Renewal,
    Lost(ConnectionError),
}

impl Handler {
    async fn follow(&mut self, tls: &Arc<ClientConfig>, stop: &CancellationToken) {
        let mut random = ChaCha8Rng::from_os_rng();
        let mut backoff = self.config.reconnect;
        loop {
            let begun = Instant::now();
            let end = tokio::select! {
                end = self.session(tls) => end,
                () = stop.cancelled() => break,
            };
            if self.on_disconnected().is_break() {
                break;
            }
            match end {
                SessionEnd::ReceiverGone => break,
                SessionEnd::Renewal => info!("renewing the connection"),
                SessionEnd::Lost(error) => {
                    if begun.elapsed() >= self.config.healthy_after {
                        backoff.reset();
                    }
                    let wait = backoff.next(random.next_u32());
                    let source = self.config.endpoints.stream();
                    warn!(%error, ?wait, source, "market data connection lost, reconnecting");
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = stop.cancelled() => break,
                    }
                }
            }
        }
        self.status.set_connected(false);
    }

    async fn session(&mut self, tls: &Arc<ClientConfig>) -> SessionEnd {
        let mut connection = match Connection::open(&self.config, tls).await {
            Ok(connection) => connection,
            Err(error) => return SessionEnd::Lost(error),
        };
        if self.on_connected().is_err() {
            return SessionEnd::ReceiverGone;
        }
        let renewal = tokio::time::sleep(self.config.renew_after);
        tokio::pin!(renewal);
        loop {
            let handed_on = tokio::select! {
                text = connection.next_text() => match text {
                    Ok(text) => match self.on_text(&text) {
                        Ok(ControlFlow::Continue(())) => Ok(()),
                        Ok(ControlFlow::Break(())) => return SessionEnd::Renewal,
                        Err(gone) => Err(gone),
                    },
                    Err(error) => return SessionEnd::Lost(error),
                },
                snapshot = self.snapshots.next() => self.on_snapshot(snapshot),
                Some(instrument) = self.resync.recv() => self.on_resync_wish(instrument),
                () = &mut renewal => {
                    connection.close().await;
                    return SessionEnd::Renewal;
                }
            };
            if handed_on.is_err() {
                connection.close().await;
                return SessionEnd::ReceiverGone;
            }
        }
    }

    fn on_connected(&mut self) -> Result<(), ReceiverGone> {
        info!(
            source = self.config.endpoints.stream(),
            "market data connected"
        );
        self.status.count_connection();
        self.status.set_connected(true);
        self.connection += 1;
        self.snapshots.begin_connection(self.connection);
        for feed in &mut self.instruments {
            feed.sequence.reset();
            feed.snapshot_asked = false;
        }
        self.tell_every_instrument(&EventKind::Connected)
    }

    /// Tells every instrument; breaks where nobody receives any more.
    fn on_disconnected(&mut self) -> ControlFlow<()> {
        self.status.count_disconnection();
        if !self.status.connected() {
            return ControlFlow::Continue(());
        }
        self.status.set_connected(false);
        match self.tell_every_instrument(&EventKind::Disconnected) {
            Ok(()) => ControlFlow::Continue(()),
            Err(ReceiverGone) => ControlFlow::Break(()),
        }
    }

    fn tell_every_instrument(&mut self, kind: &EventKind) -> Result<(), ReceiverGone> {
        let ids: Vec<InstrumentId> = self.config.instruments.iter().map(|(id, _)| id).collect();
        for instrument in ids {
            self.hand_on(connection_event(instrument, kind.clone()))?;
        }
        Ok(())
    }

    /// Breaks where the venue announced that it will close the connection.
    fn on_text(&mut self, text: &str) -> Result<ControlFlow<()>, ReceiverGone> {
        self.status.count_frame();
        match self.parser.parse(text, now()) {
            Ok(Frame::Event(event)) => self.on_event(event)?,
            Ok(Frame::ServerShutdown) => return Ok(ControlFlow::Break(())),
            Ok(Frame::Reply { error: None }) => {}
            Ok(Frame::Reply { error: Some(error) }) => warn!(error, "the venue refused a request"),
            Err(error) => {
                self.status.count_malformed_frame();
                warn!(%error, "frame left out");
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn on_event(&mut self, event: Event) -> Result<(), ReceiverGone> {
        let instrument = event.instrument;
        if let EventKind::DepthDiff(diff) = &event.kind {
            let feed = &mut self.instruments[instrument.index()];
            let step = feed
                .sequence
                .on_diff(diff.first_update_id, diff.final_update_id);
            if let DiffStep::Gap { expected, received } = step {
                let symbol = self.config.instruments.symbol(instrument);
                warn!(%symbol, expected, received, "hole in the update ids, resynchronising");
                let status = self.status.instrument(instrument);
                status.count_gap();
                status.set_book(BookState::Syncing);
            }
            self.ask_for_snapshot(instrument, false);
        }
        self.hand_on(event)
    }

    /// Asks where diffs are being kept and no snapshot is on its way.
    fn ask_for_snapshot(&mut self, instrument: InstrumentId, again: bool) {
        let feed = &mut self.instruments[instrument.index()];
        if feed.sequence.keeps_diffs() && !feed.snapshot_asked {
            feed.snapshot_asked = true;
            self.snapshots.ask(SnapshotRequest {
                connection: self.connection,
                instrument,
                again,
            });
        }
    }

    fn on_snapshot(&mut self, event: Event) -> Result<(), ReceiverGone> {
        let EventKind::DepthSnapshot(snapshot) = &event.kind else {
            return Ok(());
        };
        let instrument = event.instrument;
        let symbol = self.config.instruments.symbol(instrument);
        let feed = &mut self.instruments[instrument.index()];
        feed.snapshot_asked = false;
        match feed.sequence.on_snapshot(snapshot.last_update_id) {
            SnapshotStep::Adopt => {
                debug!(%symbol, last_update_id = snapshot.last_update_id, "order book synchronised");
                self.hand_on(event)?;
                self.on_synchronised(instrument);
            }
            SnapshotStep::TooOld { needed, received } => {
                debug!(%symbol, needed, received, "depth snapshot too old, asking again");
                self.ask_for_snapshot(instrument, true);
            }
            SnapshotStep::Old => {}
        }
        Ok(())
    }

    fn on_synchronised(&mut self, instrument: InstrumentId) {
        let feed = &mut self.instruments[instrument.index()];
        if !feed.sequence.is_joined() {
            // The snapshot itself did not fit into the queue.
            return;
        }
        let status = self.status.instrument(instrument);
        status.set_book(BookState::Synced);
        if std::mem::replace(&mut feed.synced_before, true) {
            status.count_resync();
        }
    }

    fn on_resync_wish(&mut self, instrument: InstrumentId) -> Result<(), ReceiverGone> {
        let symbol = self.config.instruments.symbol(instrument);
        warn!(%symbol, "the book became void, resynchronising");
        self.instruments[instrument.index()].sequence.reset();
        let status = self.status.instrument(instrument);
        status.count_gap();
        status.set_book(BookState::Syncing);
        self.hand_on(connection_event(instrument, EventKind::Gap))
    }

    fn hand_on(&mut self, event: Event) -> Result<(), ReceiverGone> {
        let instrument = event.instrument;
        if self.instruments[instrument.index()].loss_untold {
            match self
                .events
                .try_send(connection_event(instrument, EventKind::Gap))
            {
                Ok(()) => self.instruments[instrument.index()].loss_untold = false,
                Err(TrySendError::Full(_)) => return self.dropped(&event),
                Err(TrySendError::Closed(_)) => return Err(ReceiverGone),
            }
        }
        let received = event.ts_recv.nanoseconds();
        match self.events.try_send(event) {
            Ok(()) => {
                self.status.instrument(instrument).handed_on(received);
                Ok(())
            }
            Err(TrySendError::Full(event)) => self.dropped(&event),
            Err(TrySendError::Closed(_)) => Err(ReceiverGone),
        }
    }

    /// Counts an event that found the queue full. A ticker or a trade is lost alone; anything else
    /// makes the book void.
    #[allow(clippy::unnecessary_wraps)]
    fn dropped(&mut self, event: &Event) -> Result<(), ReceiverGone> {
        self.status.count_overflow();
        if matches!(event.kind, EventKind::BookTicker(_) | EventKind::Trade(_)) {
            return Ok(());
        }
        let feed = &mut self.instruments[event.instrument.index()];
        if !std::mem::replace(&mut feed.loss_untold, true) {
            self.status.instrument(event.instrument).count_gap();
        }
        feed.sequence.reset();
        self.status
            .instrument(event.instrument)
            .set_book(BookState::Syncing);
        Ok(())
    }
}

fn connection_event(instrument: InstrumentId, kind: EventKind) -> Event {
    Event {
        instrument,
        ts_event: None,
        ts_recv: now(),
        kind,
    }
}
