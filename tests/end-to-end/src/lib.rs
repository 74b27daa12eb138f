//! What the end-to-end suite and the demonstration share: a cluster with Triptych installed on it.

pub mod account;
pub mod audit_invariants;
pub mod conditions;
pub mod demonstration;
pub mod exchange;
pub mod host_operator;
pub mod installation;
pub mod lab;
pub mod manifest_table;
pub mod manifests;
pub mod namespace;
pub mod objects;
mod operators_post;
pub mod trader_connection;
pub mod trading_system;
pub mod tutorial;
pub mod wait;
