//! What the journal holds: a record for each thing that was decided, done or learnt about an order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use triptych_account::OrderKey;
use triptych_engine::candidate::CandidateId;
use triptych_engine::decimal::{Price, Quantity, Ratio};
use triptych_engine::event::{Side, Timestamp};
use triptych_engine::portfolio::CloseReason;
use triptych_venue::{
    ClientOrderId, NewOrder, OrderKind, OrderStatus, VenueOrderId, VenueTrade, VenueTradeId,
};

/// A record in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place: 1 for the first record of a journal, and one more for each that follows.
    pub sequence: u64,
    /// When it was written, by the trader's clock, in nanoseconds.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub record: Record,
}

/// Something that was decided, done or learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all_fields = "camelCase")]
pub enum Record {
    /// A trader took the journal over.
    Opened {
        /// Which holder of the account's right to trade it is, counted by the Lease.
        epoch: u64,
        /// The trader's run.
        run: Arc<str>,
    },
    /// From here on, fills of a symbol are this journal's: those up to this one are older than it.
    Began {
        /// The symbol.
        symbol: Arc<str>,
        /// The newest fill before; absent where there was none.
        #[serde(skip_serializing_if = "Option::is_none")]
        newest_trade: Option<VenueTradeId>,
    },
    /// An order will be sent, at most once. It is on the disk before a byte of it is sent.
    Intended(Intent),
    /// The venue has it.
    Accepted {
        /// The order.
        order: ClientOrderId,
        /// The venue's name for it.
        venue_order_id: VenueOrderId,
    },
    /// The venue refused it.
    Refused {
        /// The order.
        order: ClientOrderId,
        /// The venue's code.
        code: i64,
        /// What it said.
        message: Arc<str>,
    },
    /// It was not sent, and will not be.
    NotSent {
        /// The order.
        order: ClientOrderId,
        /// Why.
        reason: Arc<str>,
    },
    /// Nobody can say what became of it: the venue is being asked.
    Unknown {
        /// The order.
        order: ClientOrderId,
        /// Why.
        reason: Arc<str>,
    },
    /// The venue has no such order and can take it no more.
    NeverArrived {
        /// The order.
        order: ClientOrderId,
    },
    /// Its cancellation will be asked for.
    CancelIntended {
        /// The order.
        order: ClientOrderId,
        /// Why.
        reason: Arc<str>,
    },
    /// It was filled, whole or in part.
    Filled {
        /// The order.
        order: ClientOrderId,
        /// The fill.
        trade: VenueTrade,
    },
    /// A fill on the account that is not this trader's. It halted.
    Foreign {
        /// The fill.
        trade: VenueTrade,
    },
    /// Nothing more can happen to it.
    Ended {
        /// The order.
        order: ClientOrderId,
        /// How it ended.
        status: OrderStatus,
        /// What was filled of it in all.
        filled: Quantity,
    },
}

/// An order that is to be sent, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// Our name for it.
    pub client_order_id: ClientOrderId,
    /// The candidate that it carries out, or whose stop or target it is.
    pub candidate_id: CandidateId,
    /// Which of the three.
    pub purpose: CloseReason,
    /// How many orders of that purpose the candidate had before.
    pub part: u8,
    /// Name of the candidate's strategy.
    pub strategy: Arc<str>,
    /// Symbol of the instrument.
    pub symbol: Arc<str>,
    /// Buy or sell.
    pub side: Side,
    /// How it trades.
    pub kind: OrderKind,
    /// Ordered quantity.
    pub quantity: Quantity,
    /// The price at which it would have traded when it was decided: best ask for a purchase, best bid
    /// for a sale.
    pub touch: Price,
    /// Price of the stop that protects what it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Price>,
    /// Price of the target of what it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Price>,
    /// Whether it only made a position smaller when it was decided.
    pub reduces: bool,
    /// The ratio by which W scaled it; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_ratio: Option<Ratio>,
    /// When the right to trade was last seen: the time that the request carries.
    pub decided: Timestamp,
    /// The venue takes the request until then at the latest, by our clock.
    pub takeable_until: Timestamp,
}

impl Intent {
    /// Which order it is.
    pub const fn key(&self) -> OrderKey {
        OrderKey {
            candidate: self.candidate_id,
            purpose: self.purpose,
            part: self.part,
        }
    }

    /// The order as it is sent.
    pub fn new_order(&self) -> NewOrder {
        NewOrder {
            client_order_id: self.client_order_id.clone(),
            symbol: Arc::clone(&self.symbol),
            side: self.side,
            kind: self.kind,
            quantity: self.quantity,
        }
    }
}

impl Record {
    /// The order that it is about; `None` where it is about the journal.
    pub const fn order(&self) -> Option<&ClientOrderId> {
        match self {
            Self::Opened { .. } | Self::Began { .. } | Self::Foreign { .. } => None,
            Self::Intended(intent) => Some(&intent.client_order_id),
            Self::Accepted { order, .. }
            | Self::Refused { order, .. }
            | Self::NotSent { order, .. }
            | Self::Unknown { order, .. }
            | Self::NeverArrived { order }
            | Self::CancelIntended { order, .. }
            | Self::Filled { order, .. }
            | Self::Ended { order, .. } => Some(order),
        }
    }
}
