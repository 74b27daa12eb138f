//! The most that a trader of W or R may do, beside what is declared: nothing while the account revokes
//! what it runs, and only reductions while W runs a configuration whose gates have not passed.
//!
//! A ceiling names the configuration to which it applies, and the trader that runs it obeys. For a
//! configuration that W takes by breaking the glass it is in the status *before* the template names
//! that configuration: no trader starts on it that could find no ceiling.

use k8s_openapi::jiff::Timestamp;
use triptych_crds::{
    ConfigHash, TradingState,
    promotion::BreakGlass,
    trading_instance::{Ceiling, CeilingReason},
};

use crate::{
    objects::stateful_set::Kept,
    text,
    world::{InstanceWorld, PodView},
};

use super::{gates, permission, subject::Trader};

/// Longest message, in characters.
const LONGEST_MESSAGE: usize = 1024;

/// The ceiling that the status is to show. `None`: nothing but the declaration bounds the trader.
pub(super) fn of(
    trader: &Trader<'_>,
    world: &InstanceWorld,
    kept: Option<&Kept>,
    pod: Option<&PodView>,
) -> Option<Ceiling> {
    let station = trader.station()?;
    if station.view.is_none() {
        // What cannot be looked up loosens nothing.
        return recorded(world).cloned();
    }
    let taken = kept.and_then(|kept| kept.configuration.as_ref());
    let taken = taken.map(|taken| taken.hash.clone());
    let of_pod = pod.and_then(|pod| ConfigHash::parse(pod.config_hash.as_deref()?));
    let runs: Vec<ConfigHash> = taken.into_iter().chain(of_pod).collect();
    // There is one ceiling at a time, and no trader may start on what came through the glass without
    // it: that comes before what is revoked, and goes with the last pod.
    if let Some(hash) = runs.iter().find(|hash| is_unproven(trader, world, hash)) {
        return revocation(trader, hash).or_else(|| unproven(trader, world, hash));
    }
    let revoked = runs.iter().find_map(|hash| revocation(trader, hash));
    revoked.or_else(|| {
        let declared = world.revision.hash();
        let comes = declared.filter(|hash| is_about_to_come(trader, world, &runs, hash))?;
        unproven(trader, world, comes)
    })
}

fn revocation(trader: &Trader<'_>, hash: &ConfigHash) -> Option<Ceiling> {
    let revocation = permission::revocation(trader, hash.as_str())?;
    let message = format!(
        "configuration {hash} is revoked: {}; declare another revision, then clear the halt",
        &*revocation.reason
    );
    Some(ceiling(
        TradingState::Halted,
        hash.as_str(),
        CeilingReason::ConfigurationRevoked,
        &message,
    ))
}

/// Whether W took a configuration by breaking the glass, and it has not passed its gates since.
fn is_unproven(trader: &Trader<'_>, world: &InstanceWorld, hash: &ConfigHash) -> bool {
    let came_through_glass = glass_of(trader, hash).is_some() || is_recorded(world, hash);
    trader.is_writer() && came_through_glass && gates::passed(trader, world, hash).is_err()
}

/// Whether the glass would let through what is declared, where something else is taken or runs.
fn is_about_to_come(
    trader: &Trader<'_>,
    world: &InstanceWorld,
    runs: &[ConfigHash],
    declared: &ConfigHash,
) -> bool {
    trader.is_writer()
        && !runs.contains(declared)
        && unexpired_glass(trader, world, declared).is_some()
        && permission::but_for_gates(trader, world, declared).is_ok()
        && gates::passed(trader, world, declared).is_err()
}

/// The ceiling of a configuration that W takes, or took, by breaking the glass.
fn unproven(trader: &Trader<'_>, world: &InstanceWorld, hash: &ConfigHash) -> Option<Ceiling> {
    let Some(glass) = glass_of(trader, hash) else {
        return recorded(world).cloned();
    };
    let message = format!(
        "configuration {hash} is taken without its gates, the glass was broken: {}; positions may only get smaller until the gates have passed and a person has cleared the halt",
        &*glass.reason
    );
    let state = TradingState::Reducing;
    Some(ceiling(
        state,
        hash.as_str(),
        CeilingReason::Unproven,
        &message,
    ))
}

fn ceiling(state: TradingState, hash: &str, reason: CeilingReason, message: &str) -> Ceiling {
    Ceiling {
        state,
        config_hash: hash.to_owned(),
        reason,
        message: text::at_most(&text::one_line(message), LONGEST_MESSAGE),
    }
}

/// The glass that is broken for a configuration and has not expired.
pub(super) fn unexpired_glass<'a>(
    trader: &Trader<'a>,
    world: &InstanceWorld,
    declared: &ConfigHash,
) -> Option<&'a BreakGlass> {
    let glass = glass_of(trader, declared)?;
    let expires_at: Timestamp = glass.expires_at.parse().ok()?;
    let now = world.trading.observed_at.as_ref()?;
    (now.0 < expires_at).then_some(glass)
}

/// Whether W is bound to a configuration already, and stays bound: the status shows its ceiling, and
/// `due` is no other.
pub(super) fn binds(due: Option<&Ceiling>, world: &InstanceWorld, hash: &ConfigHash) -> bool {
    let stays = due.is_some_and(|due| due.config_hash == hash.as_str());
    stays && is_recorded(world, hash)
}

/// Whether the status shows a ceiling of this configuration already.
fn is_recorded(world: &InstanceWorld, hash: &ConfigHash) -> bool {
    recorded(world).is_some_and(|ceiling| {
        ceiling.config_hash == hash.as_str() && ceiling.state != TradingState::Active
    })
}

fn recorded(world: &InstanceWorld) -> Option<&Ceiling> {
    world.instance.status.as_ref()?.ceiling.as_ref()
}

/// The glass that is broken for a configuration, expired or not.
fn glass_of<'a>(trader: &Trader<'a>, hash: &ConfigHash) -> Option<&'a BreakGlass> {
    let glass = trader.spec.promotion.as_ref()?.break_glass.as_ref()?;
    (*glass.config_hash == *hash.as_str()).then_some(glass)
}
