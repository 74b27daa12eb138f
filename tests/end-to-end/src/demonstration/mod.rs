//! `make demo`: docs/tutorial.md, played on a real cluster.

mod changes;
pub mod ground;
pub mod market;
mod play;
mod stage;

pub use play::play;
pub use stage::Stage;
