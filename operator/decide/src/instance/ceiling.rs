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
    world::{InstanceWorld, PodView, Revision},
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
    let taken = taken.map(|taken| &taken.hash);
    let of_pod = pod.and_then(|pod| pod.config_hash.as_deref());
    let runs = [of_pod, taken.map(ConfigHash::as_str)];
    let mut runs = runs.into_iter().flatten();
    runs.find_map(|hash| revocation(trader, hash))
        .or_else(|| unproven(trader, world, taken))
}

fn revocation(trader: &Trader<'_>, hash: &str) -> Option<Ceiling> {
    let revocation = permission::revocation(trader, hash)?;
    let message = format!(
        "configuration {hash} is revoked: {}; declare another revision, then clear the halt",
        &*revocation.reason
    );
    Some(ceiling(
        TradingState::Halted,
        hash,
        CeilingReason::ConfigurationRevoked,
        &message,
    ))
}

/// A configuration that W takes, or took, by breaking the glass.
fn unproven(
    trader: &Trader<'_>,
    world: &InstanceWorld,
    taken: Option<&ConfigHash>,
) -> Option<Ceiling> {
    if !trader.is_writer() {
        return None;
    }
    let glass_of = |hash: &ConfigHash| glass(trader).filter(|glass| names(glass, hash));
    let is_about_to = |hash: &ConfigHash| {
        taken != Some(hash)
            && unexpired_glass(trader, world, hash).is_some()
            && permission::but_for_gates(trader, world, hash).is_ok()
    };
    // What is about to run comes first: the trader of what runs now is not meant by it.
    let hash = declared(world)
        .filter(|hash| is_about_to(hash))
        .or_else(|| taken.filter(|hash| glass_of(hash).is_some() || is_recorded(world, hash)))?;
    if gates::passed(trader, world, hash).is_ok() {
        return None;
    }
    let Some(glass) = glass_of(hash) else {
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
    let glass = glass(trader).filter(|glass| names(glass, declared))?;
    let expires_at: Timestamp = glass.expires_at.parse().ok()?;
    let now = world.trading.observed_at.as_ref()?;
    (now.0 < expires_at).then_some(glass)
}

/// Whether the status shows a ceiling of this configuration already.
pub(super) fn is_recorded(world: &InstanceWorld, hash: &ConfigHash) -> bool {
    recorded(world).is_some_and(|ceiling| {
        ceiling.config_hash == hash.as_str() && ceiling.state != TradingState::Active
    })
}

fn recorded(world: &InstanceWorld) -> Option<&Ceiling> {
    world.instance.status.as_ref()?.ceiling.as_ref()
}

fn glass<'a>(trader: &Trader<'a>) -> Option<&'a BreakGlass> {
    trader.spec.promotion.as_ref()?.break_glass.as_ref()
}

fn names(glass: &BreakGlass, hash: &ConfigHash) -> bool {
    *glass.config_hash == *hash.as_str()
}

fn declared(world: &InstanceWorld) -> Option<&ConfigHash> {
    match &world.revision {
        Revision::Found(found) => Some(&found.canonical.hash),
        Revision::Missing | Revision::Invalid { .. } => None,
    }
}
