//! What the venue shows that cannot be while everything is well. Each one halts.

use std::sync::Arc;

use thiserror::Error;
use triptych_venue::{ClientOrderId, VenueOrderId, VenueTradeId};

use crate::own_orders::Contradiction;

/// Something that cannot be while everything is well.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Finding {
    /// Somebody else has an order on the account.
    #[error("ForeignWriter: order {venue_order_id:?} ({client_order_id:?}) on {symbol} is not this trader's. Find who else trades the account, and cancel it there", venue_order_id = .venue_order_id.0)]
    ForeignOrder {
        /// The symbol.
        symbol: Arc<str>,
        /// The name that its sender gave it.
        client_order_id: Arc<str>,
        /// The venue's name for it.
        venue_order_id: VenueOrderId,
    },
    /// Somebody else traded on the account.
    #[error("ForeignWriter: fill {trade_id:?} of order {venue_order_id:?} on {symbol} is not this trader's. Find who else trades the account", trade_id = .trade_id.0, venue_order_id = .venue_order_id.0)]
    ForeignTrade {
        /// The symbol.
        symbol: Arc<str>,
        /// The fill.
        trade_id: VenueTradeId,
        /// Its order.
        venue_order_id: VenueOrderId,
    },
    /// The journal is empty, and this is not the first holder of the right to trade.
    #[error(
        "the journal of orders is empty, and the account was taken over {before} times before: the volume is not the one that it was. Restore it, or compare the account with the ledger before you resume"
    )]
    JournalGone {
        /// How many holders there were before.
        before: u64,
    },
    /// An order with a name of ours is not in the journal.
    #[error(
        "order {client_order_id} on {symbol} has a name of this trader and is not in its journal: the journal is not the newest one. Restore the volume, or cancel the order at the venue"
    )]
    NotInJournal {
        /// The symbol.
        symbol: Arc<str>,
        /// Its name.
        client_order_id: Arc<str>,
    },
    /// The venue does not know an order any more that it had.
    #[error(
        "the venue does not know order {order} any more, which it had accepted: compare the account's history with the journal"
    )]
    Forgotten {
        /// The order.
        order: ClientOrderId,
    },
    /// What the venue says cannot be true where the journal is.
    #[error("journal and venue contradict each other: {0}")]
    Contradiction(#[from] Contradiction),
}
