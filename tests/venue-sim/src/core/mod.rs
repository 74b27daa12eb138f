//! The venue itself: accounts, order books and matching. No clock, no socket, no task.

mod crowd;
mod event;
mod ledger;
mod matching;
mod order;
mod placing;
#[cfg(test)]
mod properties;
pub mod refusal;
mod requests;
mod resting;
mod rules;
mod statistics;
mod sweep;
mod symbol_market;
#[cfg(test)]
mod tests;
mod venue;

pub use event::{Execution, Fill, OrderReport, Prevention, PublicTrade, VenueEvent};
pub use ledger::{Account, AccountId, Amount, AssetId, Balance, CommissionRates, Ledger, value_of};
pub use order::{
    ExpiryReason, Instruction, Limit, MarketSize, Order, OrderId, OrderRequest, OrderStatus,
    SelfTradePrevention, SymbolId, TimeInForce, Trigger, TriggerKind,
};
pub use refusal::Refusal;
pub use requests::{
    Amended, Amendment, AmendmentRecord, Cancel, CancelRestriction, Canceled, OrderKey, Placed,
};
pub use rules::{AVERAGE_PRICE_MINUTES, LotSize, PriceBand, Reference, SymbolRules, asset_names};
pub use statistics::{Candle, Statistics};
pub use symbol_market::{SymbolMarket, SymbolStatus};
pub use venue::Venue;
