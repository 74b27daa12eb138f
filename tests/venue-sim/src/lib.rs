//! A simulated Binance spot venue that unmodified third-party clients trade against: a live and a demo
//! persona, each with REST, market streams and the WebSocket API, and an admin port for faults.
//!
//! [`core`] is the venue itself, pure; [`start`] opens one in the background, for tests. docs/simulated-venue.md
//! says what it models and what not.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod admin;
mod api;
pub mod bench;
pub mod core;
mod crowd;
pub mod faults;
mod limits;
mod persona;
mod publisher;
mod records;
mod rest;
mod server;
mod settings;
mod side_by_side;
mod signature;
mod socket_api;
mod statement;
mod stream_messages;
mod streams;
mod user_events;

pub use server::{Addresses, RunningVenue, VenueError, start};
pub use settings::{
    AccountSettings, Crowd, CrowdSettings, PersonaName, PersonaSettings, Personas, SettingsError,
};
