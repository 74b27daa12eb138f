//! What a TradingInstance needs next.
//!
//! What is decided is a function of the observed world alone (invariant L1): no step remembers an
//! earlier one, so any step may be the last before a crash. All tiers go the same way; what differs
//! is the environment of the pod, where it is, and whose permission a configuration needs.

mod ceiling;
mod claim;
mod events;
mod foreign;
mod gates;
mod permission;
mod pod;
mod problem;
mod report;
mod situation;
mod subject;
mod target;
mod template;
mod trading_report;

use crate::{plan::InstancePlan, world::InstanceWorld};

use situation::Situation;
use subject::Trader;

/// Decides what a TradingInstance needs next. A settled world gives a plan without actions and
/// events, and the status that it has (invariant L2).
pub fn decide(world: &InstanceWorld) -> InstancePlan {
    if world.instance.metadata.deletion_timestamp.is_some() {
        // Owner references take its objects away; nothing is in the way of the deletion.
        return report::terminating(world);
    }
    let trader = match Trader::of(world) {
        Ok(trader) => trader,
        Err(invalid) => return report::refused(world, &invalid.into()),
    };
    if let Some(problem) = foreign::object_in_the_way(world, &trader) {
        return report::refused(world, &problem);
    }
    let situation = Situation::of(world, trader);
    let status = report::of(&situation);
    InstancePlan {
        actions: situation.actions(),
        events: events::of(&situation, &status),
        check_again: situation.check_again(),
        status,
    }
}
