//! What a TradingInstance needs next.
//!
//! This build runs tier ABH: one pod that observes, records and never trades. What is decided is a
//! function of the observed world alone (invariant L1): no step remembers an earlier one, so any
//! step may be the last before a crash.

mod claim;
mod events;
mod foreign;
mod pod;
mod problem;
mod report;
mod situation;
mod subject;
mod target;
mod template;

use crate::{plan::InstancePlan, world::InstanceWorld};

use situation::Situation;
use subject::Observer;

/// Decides what a TradingInstance needs next. A settled world gives a plan without actions and
/// events, and the status that it has (invariant L2).
pub fn decide(world: &InstanceWorld) -> InstancePlan {
    if world.instance.metadata.deletion_timestamp.is_some() {
        // Owner references take its objects away; nothing is in the way of the deletion.
        return report::terminating(world);
    }
    let observer = match Observer::of(&world.instance) {
        Ok(observer) => observer,
        Err(refusal) => return report::refused(world, &refusal.into()),
    };
    if let Some(problem) = foreign::object_in_the_way(world, &observer) {
        return report::refused(world, &problem);
    }
    let situation = Situation::of(world, observer);
    let status = report::of(&situation);
    InstancePlan {
        actions: situation.actions(),
        events: events::of(&situation, &status),
        check_again: situation.check_again(),
        status,
    }
}
