//! `executions`: what became of orders, a row for each thing that happened to one.
//!
//! Whoever places orders fills [`ExecutionRow`] and hands it to
//! [`DatasetWriter::append_execution`](crate::DatasetWriter::append_execution): a venue's answers and
//! a model's look the same here.

mod encode;
pub mod read;
pub mod schema;
pub mod summary;
mod unpublished;

use std::borrow::Cow;
use std::sync::Arc;

use triptych_engine::candidate::CandidateId;
use triptych_engine::decimal::{Notional, Price, Quantity, Ratio};
use triptych_engine::event::{Liquidity, Side, Timestamp};
use triptych_engine::portfolio::CloseReason;

pub(crate) use encode::record_batch;
pub use schema::{EXECUTIONS, VERSION};
pub use unpublished::unpublished;

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionRow {
    /// The order.
    pub order: OrderFacts,
    /// The venue's name for the order, once it gave one.
    pub venue_order_id: Option<i64>,
    /// What happened.
    pub event: ExecutionEvent,
    /// What was filled of the order so far.
    pub filled_quantity: Quantity,
    /// When, by the venue's clock; `None` where it did not say.
    pub ts_event: Option<Timestamp>,
    /// When the trader learnt or did it, by its own clock.
    pub ts_recv: Timestamp,
}

/// What is the same in all rows of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFacts {
    /// The candidate that it carries out, or whose stop or target it is.
    pub candidate_id: CandidateId,
    /// Which of the three.
    pub purpose: CloseReason,
    /// Name of the candidate's strategy.
    pub strategy: Arc<str>,
    /// Symbol of the instrument.
    pub instrument: Arc<str>,
    /// The ratio by which W scaled the size; `None` elsewhere.
    pub live_ratio: Option<Ratio>,
    /// The order's own name, which a repeated question finds it by.
    pub client_order_id: Arc<str>,
    /// Buy or sell.
    pub side: Side,
    /// The limit of a limit order; `None` for a market order.
    pub limit: Option<Price>,
    /// The price at which it would have traded when it was intended: best ask for a purchase, best
    /// bid for a sale.
    pub touch: Price,
    /// Ordered quantity.
    pub quantity: Quantity,
}

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionEvent {
    /// It stands in the journal of orders.
    Intended,
    /// It was sent.
    Sent,
    /// The venue took it.
    Accepted,
    /// It was filled, whole or in part.
    Filled(Fill),
    /// What was left of it was cancelled, and why.
    Cancelled(Cow<'static, str>),
    /// The venue refused it, and why.
    Rejected(Cow<'static, str>),
    /// What was left of it ended at the venue, and why.
    Expired(Cow<'static, str>),
    /// No answer came; a question follows.
    Unknown,
}

/// A fill, whole or in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// The venue's name for it; `None` where a model filled the order.
    pub venue_trade_id: Option<i64>,
    /// Its price.
    pub price: Price,
    /// Its quantity.
    pub quantity: Quantity,
    /// Whether it waited in the book or took from it.
    pub liquidity: Liquidity,
    /// Its fee, above zero where it was paid.
    pub fee: Notional,
    /// The asset that the fee was paid in; `None` for the quote asset of a model.
    pub fee_asset: Option<Arc<str>>,
}

impl ExecutionEvent {
    /// The name of fills in the dataset.
    pub const FILLED: &'static str = "Filled";

    /// The name in the dataset.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Intended => "Intended",
            Self::Sent => "Sent",
            Self::Accepted => "Accepted",
            Self::Filled(_) => Self::FILLED,
            Self::Cancelled(_) => "Cancelled",
            Self::Rejected(_) => "Rejected",
            Self::Expired(_) => "Expired",
            Self::Unknown => "Unknown",
        }
    }

    /// The fill, where it is one.
    pub const fn fill(&self) -> Option<&Fill> {
        match self {
            Self::Filled(fill) => Some(fill),
            _ => None,
        }
    }

    /// Why the order ended, where it did before it was filled whole.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Cancelled(reason) | Self::Rejected(reason) | Self::Expired(reason) => {
                Some(reason)
            }
            _ => None,
        }
    }
}
