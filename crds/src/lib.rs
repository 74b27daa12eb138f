//! The API of Triptych (group `triptych.trading`, version `v1alpha1`).
//!
//! One file a kind: [`trading_account`], [`config_revision`], [`trading_instance`]. [`hash`] defines
//! what makes two configurations the same; [`definitions`] turns the types into the
//! CustomResourceDefinitions that are committed beside them as YAML. With the feature `manifest`,
//! `manifest` reads files as kubectl does and `validate` checks them; the feature `validate` adds
//! the rules that look at several fields.

#![allow(
    unreachable_pub,
    reason = "the schema derive declares its helper types inside functions"
)]
#![allow(
    clippy::duplicated_attributes,
    reason = "each printer column has a type_ of its own"
)]

#[cfg(feature = "cases")]
pub mod cases;
pub mod config_revision;
pub mod definitions;
pub mod hash;
#[cfg(feature = "manifest")]
pub mod manifest;
#[cfg(feature = "manifest")]
pub mod problem;
pub mod promotion;
pub mod risk_rules;
pub mod strategies;
#[cfg(feature = "manifest")]
pub mod structure;
pub mod text;
pub mod trading_account;
pub mod trading_instance;
#[cfg(feature = "manifest")]
pub mod validate;

pub use config_revision::{ConfigRevision, ConfigRevisionSpec};
pub use hash::ConfigHash;
pub use trading_account::{TradingAccount, TradingAccountSpec};
pub use trading_instance::{Tier, TradingInstance, TradingInstanceSpec, TradingState};

/// The API group of every kind.
pub const GROUP: &str = "triptych.trading";
/// The only served version.
pub const VERSION: &str = "v1alpha1";
