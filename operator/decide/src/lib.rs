//! The operator's decisions: an observed world in, a plan out.
//!
//! Nothing here reads a clock, asks the API server or waits: what is decided depends on the world
//! that is passed in and on nothing else. Three decisions exist, one a kind:
//!
//! - [`instance::decide`]: what a TradingInstance needs next ([`world::InstanceWorld`] to
//!   [`plan::InstancePlan`]);
//! - [`revision::decide`]: whether a ConfigRevision is rendered, and which rendered configurations
//!   nobody needs any more ([`world::RevisionWorld`] to [`plan::RevisionPlan`]);
//! - [`account::decide`]: which instance may trade each side of a TradingAccount
//!   ([`account::AccountWorld`] to [`account::AccountPlan`]).
//!
//! The rest is what these three are made of.

pub mod account;
pub mod attestation;
pub mod conditions;
pub mod image;
pub mod instance;
pub mod names;
pub mod objects;
pub mod place;
pub mod plan;
pub mod pod_template;
pub mod quantity;
pub mod resources;
pub mod revision;
pub mod seal;
pub mod side;
pub mod template_bounds;
pub mod template_difference;
pub mod text;
pub mod view;
pub mod world;
