//! A model of W and its mirror: the operator, both halves, W's trader, people, and an adversary who
//! chooses what happens next.
//!
//! It says in a few hundred lines what `triptych_decide` says of real objects and `trader run` of
//! real disks, so small that every state can be visited: [`check`] does that for the safety
//! properties M1, M2 and S1, [`convergence`] for L1. Tests replay its histories against both, so that
//! it cannot say something else than they do.

pub mod check;
pub mod convergence;
pub mod desk;
pub mod diagram;
pub mod operator;
pub mod page;
pub mod phase;
pub mod properties;
pub mod scopes;
pub mod state;
pub mod trader;
