//! What an account and its key are.

use std::sync::Arc;

use triptych_engine::decimal::Quantity;

/// What an account has of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The asset, such as `BTC`.
    pub asset: Arc<str>,
    /// What may be used.
    pub free: Quantity,
    /// What stands in open orders.
    pub locked: Quantity,
}

/// What a key may do at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPermissions {
    /// It may take funds away.
    pub withdraw: bool,
    /// It may place orders.
    pub trade: bool,
    /// Only listed addresses may use it.
    pub restricted_to_addresses: bool,
}
