//! The end-to-end suite: each test is named by the invariant or the promise that it shows, runs in a
//! namespace of its own, and side by side with the others.

mod accounts;
mod attestation;
mod ceilings;
mod dataset;
mod deletion;
mod every_order;
mod fleet;
mod going_back;
mod manifest_table;
mod orders;
mod quiet;
mod takeover;
mod tampering;
mod three_tiers;
mod trading_state;
mod upgrades;
