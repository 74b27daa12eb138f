//! Where an order stands, by the records so far.

use std::sync::Arc;

use triptych_engine::decimal::{Notional, Quantity};
use triptych_engine::event::Timestamp;
use triptych_orders::record::Record;
use triptych_venue::{ClientOrderId, OrderStatus, VenueOrderId};

use crate::error::LedgerError;
use crate::session::Statement;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It is being sent.
    Intended,
    /// The venue has it.
    Working,
    /// Nobody can say; the venue is being asked.
    Unknown,
    /// The venue refused it.
    Refused,
    /// It was not sent.
    NotSent,
    /// The venue has none of that name and can take it no more.
    NeverArrived,
    /// It was filled whole.
    Filled,
    /// It was cancelled, perhaps filled in part.
    Cancelled,
    /// The venue refused it after it had a name.
    Rejected,
    /// The venue ended it.
    Expired,
}

impl State {
    const ALL: [Self; 10] = [
        Self::Intended,
        Self::Working,
        Self::Unknown,
        Self::Refused,
        Self::NotSent,
        Self::NeverArrived,
        Self::Filled,
        Self::Cancelled,
        Self::Rejected,
        Self::Expired,
    ];

    /// The name in the column.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Intended => "Intended",
            Self::Working => "Working",
            Self::Unknown => "Unknown",
            Self::Refused => "Refused",
            Self::NotSent => "NotSent",
            Self::NeverArrived => "NeverArrived",
            Self::Filled => "Filled",
            Self::Cancelled => "Cancelled",
            Self::Rejected => "Rejected",
            Self::Expired => "Expired",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more is expected of it.
    pub(crate) const fn has_ended(self) -> bool {
        !matches!(self, Self::Intended | Self::Working | Self::Unknown)
    }

    const fn at_venue(status: OrderStatus) -> Self {
        match status {
            OrderStatus::Working => Self::Working,
            OrderStatus::Filled => Self::Filled,
            OrderStatus::Cancelled => Self::Cancelled,
            OrderStatus::Rejected => Self::Rejected,
            OrderStatus::Expired => Self::Expired,
        }
    }
}

/// The columns of an order that its records change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) state: State,
    pub(crate) reason: Option<Arc<str>>,
    pub(crate) cancel_reason: Option<Arc<str>>,
    pub(crate) venue_order_id: Option<VenueOrderId>,
    /// The sum of its fills.
    pub(crate) filled: Quantity,
    /// What they cost or brought, in the quote asset.
    pub(crate) filled_value: Notional,
    /// What the venue says was filled, at its end.
    pub(crate) filled_at_venue: Option<Quantity>,
    pub(crate) changed_position: i64,
    pub(crate) changed: Timestamp,
}

impl Order {
    pub(crate) const fn intended(position: i64, at: Timestamp) -> Self {
        Self {
            state: State::Intended,
            reason: None,
            cancel_reason: None,
            venue_order_id: None,
            filled: Quantity::ZERO,
            filled_value: Notional::ZERO,
            filled_at_venue: None,
            changed_position: position,
            changed: at,
        }
    }

    /// Takes in a record about it. An order that has ended comes to no other state but by another end.
    pub(crate) fn learn(
        &mut self,
        record: &Record,
        position: i64,
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        (self.changed_position, self.changed) = (position, at);
        match record {
            Record::Opened { .. }
            | Record::Began { .. }
            | Record::Foreign { .. }
            | Record::Intended(_) => {}
            Record::Accepted { venue_order_id, .. } => {
                self.venue_order_id = Some(venue_order_id.clone());
                self.live(State::Working);
            }
            Record::Unknown { reason, .. } => {
                self.reason = Some(Arc::clone(reason));
                self.live(State::Unknown);
            }
            Record::Refused { code, message, .. } => {
                self.reason = Some(format!("{code}: {message}").into());
                self.state = State::Refused;
            }
            Record::NotSent { reason, .. } => {
                self.reason = Some(Arc::clone(reason));
                self.state = State::NotSent;
            }
            Record::NeverArrived { .. } => self.state = State::NeverArrived,
            Record::CancelIntended { reason, .. } => {
                self.cancel_reason = Some(Arc::clone(reason));
            }
            Record::Filled { trade, .. } => {
                let out_of_range = |what| LedgerError::OutOfRange { position, what };
                self.filled = self
                    .filled
                    .checked_add(trade.quantity)
                    .ok_or_else(|| out_of_range("the filled quantity of the order"))?;
                self.filled_value = self
                    .filled_value
                    .checked_add(trade.price.notional(trade.quantity))
                    .ok_or_else(|| out_of_range("the filled value of the order"))?;
                self.venue_order_id = Some(trade.venue_order_id.clone());
                self.live(State::Working);
            }
            Record::Ended { status, filled, .. } => {
                self.filled_at_venue = Some(*filled);
                self.state = State::at_venue(*status);
            }
        }
        Ok(())
    }

    fn live(&mut self, state: State) {
        if !self.state.has_ended() {
            self.state = state;
        }
    }

    /// What brings its row to this.
    pub(crate) fn update(&self, id: &ClientOrderId) -> Statement {
        Statement {
            sql: "UPDATE orders SET state = $1, reason = $2, cancel_reason = $3, venue_order_id = $4, \
                  filled_quantity = $5, filled_value = $6, filled_at_venue = $7, changed_position = $8, \
                  changed_ns = $9 WHERE client_order_id = $10",
            values: vec![
                self.state.name().into(),
                self.reason.as_deref().into(),
                self.cancel_reason.as_deref().into(),
                self.venue_order_id.as_ref().map(|id| &*id.0).into(),
                self.filled.to_string().into(),
                self.filled_value.to_string().into(),
                self.filled_at_venue.map(|filled| filled.to_string()).into(),
                self.changed_position.into(),
                self.changed.nanoseconds().into(),
                id.as_str().into(),
            ],
        }
    }
}
