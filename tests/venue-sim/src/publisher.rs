//! Hands the venue's events to the connections that subscribed to them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use triptych_engine::event::{Level, Timestamp};
use triptych_market_data::level_book::LevelBook;

use crate::api::milliseconds;
use crate::core::{AccountId, PublicTrade, SymbolMarket, Venue, VenueEvent};
use crate::faults::{FaultKind, Faults, MARKET_STREAMS, USER_EVENTS};
use crate::{stream_messages as messages, user_events};

/// Messages that may wait for one connection before it counts as too slow and is cut.
const QUEUE: usize = 8_192;

/// What a connection's task is to do.
#[derive(Debug, Clone)]
pub(crate) enum Outgoing {
    /// Send this.
    Text(String),
    /// Send this later, and what follows after it.
    Late(Duration, String),
    /// Say goodbye.
    Close,
    /// End at once.
    Cut,
}

/// The number of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(u64);

#[derive(Debug)]
struct Connection {
    sender: mpsc::Sender<Outgoing>,
    streams: BTreeSet<String>,
    is_combined: bool,
    /// Subscriptions to events of accounts, by number.
    accounts: Vec<(u64, AccountId)>,
    subscriptions: u64,
}

/// What was last published of a symbol.
#[derive(Debug, Default)]
struct Published {
    top: (Option<Level>, Option<Level>),
    /// The book of the last diff every 100 ms and every second, with its update id.
    diffs: [(LevelBook, u64); 2],
}

/// Every connection of a persona, and what was published to them.
#[derive(Debug)]
pub(crate) struct Publisher {
    connections: HashMap<ConnectionId, Connection>,
    next_connection: u64,
    published: Vec<Published>,
    faults: Arc<Faults>,
    held_back: HashMap<ConnectionId, String>,
    ticks: u64,
}

impl Publisher {
    pub(crate) fn new(symbols: usize, faults: Arc<Faults>) -> Self {
        Self {
            connections: HashMap::new(),
            next_connection: 0,
            published: (0..symbols).map(|_| Published::default()).collect(),
            faults,
            held_back: HashMap::new(),
            ticks: 0,
        }
    }

    pub(crate) fn connect(
        &mut self,
        streams: BTreeSet<String>,
        is_combined: bool,
    ) -> (ConnectionId, mpsc::Receiver<Outgoing>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let connection = Connection {
            sender,
            streams,
            is_combined,
            accounts: Vec::new(),
            subscriptions: 0,
        };
        self.connections.insert(id, connection);
        (id, receiver)
    }

    pub(crate) fn disconnect(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.held_back.remove(&id);
    }

    /// The streams of a connection.
    pub(crate) fn streams(&mut self, id: ConnectionId) -> Option<&mut BTreeSet<String>> {
        Some(&mut self.connections.get_mut(&id)?.streams)
    }

    /// Whether the connection's messages are in an envelope.
    pub(crate) fn combined(&mut self, id: ConnectionId) -> Option<&mut bool> {
        Some(&mut self.connections.get_mut(&id)?.is_combined)
    }

    /// Subscribes to an account's events; `None` where this connection has that subscription.
    pub(crate) fn subscribe(&mut self, id: ConnectionId, account: AccountId) -> Option<u64> {
        let connection = self.connections.get_mut(&id)?;
        if connection
            .accounts
            .iter()
            .any(|(_, known)| *known == account)
        {
            return None;
        }
        let number = connection.subscriptions;
        connection.subscriptions += 1;
        connection.accounts.push((number, account));
        Some(number)
    }

    /// Ends one subscription, or all; how many ended.
    pub(crate) fn unsubscribe(
        &mut self,
        id: ConnectionId,
        number: Option<u64>,
        now: Timestamp,
    ) -> usize {
        let Some(connection) = self.connections.get_mut(&id) else {
            return 0;
        };
        let is_meant = |known: u64| number.is_none_or(|number| number == known);
        let ended: Vec<u64> = connection
            .accounts
            .iter()
            .map(|(known, _)| *known)
            .filter(|known| is_meant(*known))
            .collect();
        connection.accounts.retain(|(known, _)| !is_meant(*known));
        for number in &ended {
            let event = json!({ "e": "eventStreamTerminated", "E": milliseconds(now) });
            let text = json!({ "subscriptionId": number, "event": event }).to_string();
            let _ = connection.sender.try_send(Outgoing::Text(text));
        }
        ended.len()
    }

    /// The subscriptions of a connection.
    pub(crate) fn subscriptions(&self, id: ConnectionId) -> Vec<u64> {
        let connection = self.connections.get(&id);
        connection.map_or_else(Vec::new, |connection| {
            connection
                .accounts
                .iter()
                .map(|(number, _)| *number)
                .collect()
        })
    }

    /// Ends every connection: at once, or as the venue does before it ends them (a message, then a
    /// goodbye). How many there were.
    pub(crate) fn end_all(&mut self, is_announced: bool, now: Timestamp) -> usize {
        let connections = std::mem::take(&mut self.connections);
        for connection in connections.values() {
            if is_announced {
                let event = json!({ "e": "serverShutdown", "E": milliseconds(now) });
                let text = if connection.is_combined {
                    json!({ "stream": "!serverShutdown", "data": event })
                } else if connection.accounts.is_empty() {
                    event
                } else {
                    json!({ "event": event })
                };
                let _ = connection.sender.try_send(Outgoing::Text(text.to_string()));
                let _ = connection.sender.try_send(Outgoing::Close);
            } else {
                let _ = connection.sender.try_send(Outgoing::Cut);
            }
        }
        connections.len()
    }

    /// Hands on what the venue has to tell.
    pub(crate) fn publish(&mut self, venue: &Venue, events: &[VenueEvent]) {
        let mut trades = Vec::new();
        for event in events {
            match event {
                VenueEvent::Trade { symbol, trade } => trades.push((*symbol, *trade)),
                event => self.publish_to_account(venue, event),
            }
        }
        for (symbol, trade) in &trades {
            let market = venue.market(*symbol);
            self.hand_on(market, "@trade", || messages::trade(market, trade));
        }
        for group in trades.chunk_by(|(symbol, one), (other_symbol, other)| {
            symbol == other_symbol && one.taker == other.taker && one.price == other.price
        }) {
            let market = venue.market(group[0].0);
            self.hand_on(market, "@aggTrade", || {
                let trades: Vec<&PublicTrade> = group.iter().map(|(_, trade)| trade).collect();
                messages::aggregate_trade(market, &trades)
            });
        }
        for (index, market) in venue.markets().enumerate() {
            self.publish_top(index, market);
        }
    }

    /// Every 100 ms: diffs, partial books, and every second the day's figures.
    pub(crate) fn tick(&mut self, venue: &Venue, now: Timestamp) {
        self.ticks += 1;
        let is_second = self.ticks.is_multiple_of(10);
        for (index, market) in venue.markets().enumerate() {
            let book = LevelBook::from_levels(&market.depth(usize::MAX));
            self.publish_diff(index, 0, market, &book, now);
            self.publish_partial_books(market, "@100ms");
            if is_second {
                self.publish_diff(index, 1, market, &book, now);
                self.publish_partial_books(market, "");
                self.hand_on(market, "@ticker", || messages::day(market, now));
                self.hand_on(market, "@miniTicker", || messages::short_day(market, now));
            }
        }
    }

    fn publish_to_account(&mut self, venue: &Venue, event: &VenueEvent) {
        let Some((account, payload)) = user_events::payload(venue, event) else {
            return;
        };
        let meant: Vec<(ConnectionId, u64)> = self
            .connections
            .iter()
            .flat_map(|(id, connection)| connection.accounts.iter().map(|known| (*id, *known)))
            .filter(|(_, (_, known))| *known == account)
            .map(|(id, (number, _))| (id, number))
            .collect();
        for (id, number) in meant {
            let text = json!({ "subscriptionId": number, "event": payload }).to_string();
            let fault = self.faults.on_message(USER_EVENTS, USER_EVENTS);
            self.send(id, text, fault);
        }
    }

    fn publish_top(&mut self, index: usize, market: &SymbolMarket) {
        let top = market.top();
        if self.published[index].top == top {
            return;
        }
        self.published[index].top = top;
        if let (Some(bid), Some(ask)) = top {
            self.hand_on(market, "@bookTicker", || {
                messages::book_ticker(market, bid, ask)
            });
        }
    }

    fn publish_diff(
        &mut self,
        index: usize,
        speed: usize,
        market: &SymbolMarket,
        book: &LevelBook,
        now: Timestamp,
    ) {
        let (before, last) = &self.published[index].diffs[speed];
        let (changes, last) = (before.changes_to(book), *last);
        if market.update_id() == last {
            return;
        }
        self.published[index].diffs[speed] = (book.clone(), market.update_id());
        let suffix = ["@depth@100ms", "@depth"][speed];
        self.hand_on(market, suffix, || {
            messages::diff(market, last, &changes, now)
        });
    }

    fn publish_partial_books(&mut self, market: &SymbolMarket, speed: &str) {
        for count in [5, 10, 20] {
            let suffix = format!("@depth{count}{speed}");
            self.hand_on(market, &suffix, || messages::partial_book(market, count));
        }
    }

    /// Sends a message to whoever has the stream; it is written where somebody has.
    fn hand_on(&mut self, market: &SymbolMarket, suffix: &str, write: impl FnOnce() -> Value) {
        let stream = format!("{}{suffix}", market.rules().symbol.to_lowercase());
        let meant: Vec<(ConnectionId, bool)> = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.streams.contains(&stream))
            .map(|(id, connection)| (*id, connection.is_combined))
            .collect();
        if meant.is_empty() {
            return;
        }
        let payload = write();
        let fault = self.faults.on_message(MARKET_STREAMS, &stream);
        for (id, is_combined) in meant {
            let text = if is_combined {
                json!({ "stream": stream, "data": payload }).to_string()
            } else {
                payload.to_string()
            };
            self.send(id, text, fault);
        }
    }

    fn send(&mut self, id: ConnectionId, text: String, fault: Option<FaultKind>) {
        let messages = match fault {
            Some(FaultKind::Drop) => return,
            Some(FaultKind::Reorder) => {
                self.held_back.insert(id, text);
                return;
            }
            Some(FaultKind::Duplicate) => {
                vec![Outgoing::Text(text.clone()), Outgoing::Text(text)]
            }
            Some(FaultKind::Truncate) => {
                vec![Outgoing::Text(text.chars().take(text.len() / 2).collect())]
            }
            Some(FaultKind::Delay { milliseconds }) => {
                vec![Outgoing::Late(Duration::from_millis(milliseconds), text)]
            }
            _ => vec![Outgoing::Text(text)],
        };
        let held_back = self.held_back.remove(&id).map(Outgoing::Text);
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let is_too_slow = messages
            .into_iter()
            .chain(held_back)
            .any(|message| connection.sender.try_send(message).is_err());
        if is_too_slow {
            // Dropping the sender ends the connection's task once it has sent what waits.
            self.connections.remove(&id);
        }
    }
}
