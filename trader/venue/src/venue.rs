//! What W and R ask of a venue.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use triptych_engine::event::Timestamp;

use crate::account::{Balance, KeyPermissions};
use crate::clock::ClockOffset;
use crate::order::{ClientOrderId, NewOrder, OrderReport, VenueTrade, VenueTradeId};
use crate::outcome::{QueryError, Sent};

/// The time that a request carries, and how long the venue may take it from then on.
///
/// The venue refuses what arrives after `at + receive_window` by its own clock: from then on, what was not
/// carried out never will be. So `at` is the time at which the right to trade was last seen, and never
/// the time of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestTime {
    /// When the right to trade was last seen, by our clock. An implementation adds the venue's offset.
    pub at: Timestamp,
    /// How long the request holds.
    pub receive_window: Duration,
}

/// What the account's own stream tells: only that there is something to ask.
///
/// Questions say what it is. So a message that is lost, doubled or out of order changes nothing, and whatever
/// was missed is asked for after each [`Notice::Subscribed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The venue has confirmed the subscription: what changes from now on is told.
    Subscribed,
    /// Orders or fills changed.
    Orders {
        /// Of this symbol.
        symbol: Arc<str>,
    },
    /// Balances changed.
    Balances,
    /// Nothing is told until the next [`Notice::Subscribed`].
    Lost {
        /// Why, in a line.
        reason: Arc<str>,
    },
}

/// A venue with one account.
///
/// `place` and `cancel` make **one** attempt, whatever happens: their implementations contain no retry, and
/// neither does what they use. Questions make one attempt too; who asks decides whether to ask again.
pub trait Venue: Send + Sync {
    /// Sends an order, once.
    fn place(
        &self,
        order: &NewOrder,
        time: RequestTime,
    ) -> impl Future<Output = Sent<OrderReport>> + Send;

    /// Cancels what is left of an order, once.
    fn cancel(
        &self,
        symbol: &str,
        order: &ClientOrderId,
        time: RequestTime,
    ) -> impl Future<Output = Sent<OrderReport>> + Send;

    /// What the venue knows of the order of that name; `None` where it knows none.
    fn order(
        &self,
        symbol: &str,
        order: &ClientOrderId,
    ) -> impl Future<Output = Result<Option<OrderReport>, QueryError>> + Send;

    /// Every order of the account that waits, whoever sent it.
    fn open_orders(
        &self,
        symbol: &str,
    ) -> impl Future<Output = Result<Vec<OrderReport>, QueryError>> + Send;

    /// Fills of the account behind `after` in the venue's order, the oldest first; from the first where it is
    /// `None`. As many as the venue gives at once; none means that there are no more.
    fn trades(
        &self,
        symbol: &str,
        after: Option<&VenueTradeId>,
    ) -> impl Future<Output = Result<Vec<VenueTrade>, QueryError>> + Send;

    /// The newest fill of the account; `None` where there never was one.
    fn newest_trade(
        &self,
        symbol: &str,
    ) -> impl Future<Output = Result<Option<VenueTrade>, QueryError>> + Send;

    /// What the account has.
    fn balances(&self) -> impl Future<Output = Result<Vec<Balance>, QueryError>> + Send;

    /// What the key may do.
    fn key_permissions(&self) -> impl Future<Output = Result<KeyPermissions, QueryError>> + Send;

    /// The venue's clock.
    fn time(&self) -> impl Future<Output = Result<Timestamp, QueryError>> + Send;

    /// Measures the venue's clock once; orders are refused until that succeeded.
    fn measure_clock(&self) -> impl Future<Output = Result<ClockOffset, QueryError>> + Send;

    /// Measures it again and again. It never ends.
    fn keep_clock(&self) -> impl Future<Output = ()> + Send;

    /// Keeps the account's own stream subscribed and passes on what it tells. It never ends.
    fn follow_account(
        &self,
        tell: impl Fn(Notice) + Send + Sync,
    ) -> impl Future<Output = ()> + Send;
}
