//! What is said of W and R beyond what is said of every tier: the mirror, the seal, the gates, the
//! halt, and what they do not do yet.

use triptych_crds::{
    TradingState,
    promotion::{GateVerdict, ProvenConfiguration},
    text::HaltId,
    trading_instance::{Ceiling, CeilingReason, Halt, HaltSource},
};

use crate::{
    attestation::Attested,
    conditions::{ConditionReport, ConditionType, Holds},
    text,
    world::{Attestation, ExecutionAnswer, HaltAnswer, Pairing, Seal, TraderStatus},
};

use super::{gates, permission, situation::Situation};

/// As many proven configurations as the status holds.
const MOST_PROVEN: usize = 32;
/// Longest reason of a halt, in characters.
const LONGEST_REASON: usize = 500;

/// The conditions of W and R; none of an ABH.
pub(super) fn conditions(situation: &Situation<'_>) -> Vec<ConditionReport> {
    let Some(station) = situation.trader.station() else {
        return Vec::new();
    };
    let is_simulated = station
        .view
        .is_some_and(|view| view.spec.simulated == Some(true));
    [
        mirror_in_sync(situation),
        Some(key_isolated(situation)),
        promoted(situation),
        Some(execution(situation)),
        is_simulated.then(simulated),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The trading state in force: what the trader says. Until it says something it is halted where it was,
/// and else what is declared.
pub(super) fn trading_state(situation: &Situation<'_>) -> TradingState {
    let said = answer(situation).and_then(|answer| answer.state);
    said.unwrap_or_else(|| match halt(situation) {
        Some(_) => TradingState::Halted,
        None => situation.trader.trading_state(),
    })
}

/// The ceiling of a configuration that W took, or takes, without its gates.
fn unproven<'a>(situation: &'a Situation<'_>) -> Option<&'a Ceiling> {
    let ceiling = situation.ceiling.as_ref();
    ceiling.filter(|ceiling| ceiling.reason == CeilingReason::Unproven)
}

/// The halt in force. One that ends by itself has no identifier and is not shown. What was told last holds
/// on while the trader is silent, or halted for a reason of the moment: it is latched on its volume, and
/// the trader alone clears it (invariant S1).
pub(super) fn halt(situation: &Situation<'_>) -> Option<Halt> {
    situation.trader.station()?;
    let answer = answer(situation);
    let told = answer.and_then(|answer| shown(answer.halt.as_ref()?));
    let trades = answer.is_some_and(|answer| answer.state != Some(TradingState::Halted));
    told.or_else(|| {
        let status = situation.world.instance.status.as_ref();
        status.filter(|_| !trades)?.halt.clone()
    })
}

fn shown(answer: &HaltAnswer) -> Option<Halt> {
    let source = match answer.source.as_str() {
        "Spec" => HaltSource::Spec,
        "Annotation" => HaltSource::Annotation,
        "Breaker" => HaltSource::Breaker,
        "Endpoint" => HaltSource::Endpoint,
        "Ceiling" => HaltSource::Ceiling,
        _ => HaltSource::Trader,
    };
    let id = answer.id.as_deref().filter(|id| can_be_named(id))?;
    Some(Halt {
        id: id.into(),
        source,
        reason: text::at_most(&text::one_line(&answer.reason), LONGEST_REASON),
    })
}

/// Whether `spec.resume` could name this halt.
fn can_be_named(id: &str) -> bool {
    let begins = id.starts_with(|first: char| first.is_ascii_alphanumeric());
    let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    id.len() <= HaltId::MAX_LENGTH && begins && id.bytes().all(goes_on)
}

/// The answer of a pod that attests what it is; another one counts for nothing.
fn answer<'a>(situation: &Situation<'a>) -> Option<&'a TraderStatus> {
    situation.attested.as_ref().and_then(Attested::running)?;
    match &situation.pod?.attestation {
        Attestation::Answered(answer) => Some(answer),
        Attestation::NotAsked | Attestation::Unreachable { .. } => None,
    }
}

/// What each gate says of the declared configuration.
pub(super) fn gates(situation: &Situation<'_>) -> Vec<GateVerdict> {
    let world = situation.world;
    let declared = world.revision.hash();
    declared.map_or_else(Vec::new, |hash| {
        gates::verdicts(&situation.trader, world, hash)
    })
}

/// What W may go back to without waiting. A configuration that passed its gates is proven once W is
/// ready on it and attests it: there are no steps of a ramp to complete. One that has a ceiling is not.
pub(super) fn proven(situation: &Situation<'_>) -> Vec<ProvenConfiguration> {
    let status = situation.world.instance.status.as_ref();
    let mut proven = status.map_or_else(Vec::new, |status| status.proven.clone());
    let running = situation.attested.as_ref().and_then(Attested::running);
    let is_live = situation.trader.is_writer();
    let ceiling = situation.ceiling.as_ref();
    let is_bounded = |hash: &str| ceiling.is_some_and(|ceiling| ceiling.config_hash == hash);
    if let Some(running) = running
        .filter(|running| is_live && situation.is_attested_ready() && !is_bounded(&running.hash))
        && !proven.iter().any(|known| known.config_hash == running.hash)
    {
        let newest = ProvenConfiguration {
            config_hash: running.hash.clone(),
            image: running.image.clone(),
        };
        proven.insert(0, newest);
        proven.truncate(MOST_PROVEN);
    }
    proven
}

/// Whether the other half of the mirror runs `hash`. An instance without another half agrees with
/// itself.
pub(super) fn other_half_runs(situation: &Situation<'_>, hash: &str) -> bool {
    match &situation.world.trading.pairing {
        Pairing::Alone => true,
        Pairing::Writer { .. } => {
            gates::evidence(situation.world).is_some_and(|evidence| evidence.hash == hash)
        }
        Pairing::Mirror { writer, .. } => writer
            .as_ref()
            .is_some_and(|writer| writer.running.as_deref() == Some(hash)),
    }
}

fn mirror_in_sync(situation: &Situation<'_>) -> Option<ConditionReport> {
    let kind = ConditionType::MirrorInSync;
    let declared = situation.declared_hash();
    let says =
        |holds, reason, message: &str| Some(ConditionReport::new(kind, holds, reason, message));
    let (name, hash) = match permission::other_half(&situation.trader, situation.world) {
        Ok(None) => return None,
        Ok(Some(other)) => (other.name, other.hash),
        Err(hold) => return says(Holds::False, hold.why.reason, &hold.why.message),
    };
    let (Some(declared), Some(hash)) = (declared, hash) else {
        let message = format!("one of this instance and {name} declares no usable revision");
        return says(Holds::False, "RevisionMissing", &message);
    };
    if declared != hash.as_str() {
        let message = format!(
            "this instance declares {declared}, {name} declares {hash}: both keep what they run until both declare one hash"
        );
        says(Holds::False, "HashesDiffer", &message)
    } else if situation.is_in_sync() {
        let message = format!("this instance and {name} run {declared}");
        says(Holds::True, "InSync", &message)
    } else {
        let message = format!(
            "this instance and {name} declare {declared}; the mirror takes it first, then the writer"
        );
        says(Holds::False, "Promoting", &message)
    }
}

fn key_isolated(situation: &Situation<'_>) -> ConditionReport {
    let kind = ConditionType::KeyIsolated;
    let view = situation.trader.station().and_then(|station| station.view);
    match view.map(|view| &view.seal) {
        Some(Seal::Whole) => ConditionReport::new(
            kind,
            Holds::True,
            "SealWhole",
            "every piece of the sealed namespace is there and as it should be",
        ),
        Some(Seal::Broken(pieces)) => {
            ConditionReport::new(kind, Holds::False, "SealBroken", pieces.join("; "))
        }
        Some(Seal::Unknown) | None => ConditionReport::new(
            kind,
            Holds::Unknown,
            "SealNotVerified",
            "the seal was not verified yet",
        ),
    }
}

fn promoted(situation: &Situation<'_>) -> Option<ConditionReport> {
    if !situation.trader.is_writer() {
        return None;
    }
    let kind = ConditionType::Promoted;
    if let (None, Some(ceiling)) = (situation.target.obstacle(), unproven(situation)) {
        let reason = ceiling.reason.as_str();
        return Some(ConditionReport::new(
            kind,
            Holds::False,
            reason,
            &ceiling.message,
        ));
    }
    Some(match situation.target.obstacle() {
        Some(obstacle) => {
            ConditionReport::new(kind, Holds::False, obstacle.reason(), obstacle.message())
        }
        None if situation.runs_declared() => ConditionReport::new(
            kind,
            Holds::True,
            "Promoted",
            "what is declared passed its gates and runs",
        ),
        None => ConditionReport::new(
            kind,
            Holds::False,
            "Rolling",
            "what is declared passed its gates and is on its way",
        ),
    })
}

/// Whether orders can reach the venue, in the trader's words.
fn execution(situation: &Situation<'_>) -> ConditionReport {
    let said = answer(situation);
    let (holds, reason, message) = match said.and_then(|said| said.execution) {
        None => (Holds::Unknown, "NotKnown", "the trader does not say"),
        Some(ExecutionAnswer::Connecting) => {
            (Holds::False, "Connecting", "the venue is not reached yet")
        }
        Some(ExecutionAnswer::Reconciling) => (
            Holds::False,
            "Reconciling",
            "the journal of orders is being compared with the venue",
        ),
        Some(ExecutionAnswer::Connected) => (Holds::True, "Connected", "orders go out"),
        Some(ExecutionAnswer::Failed) => {
            let why = said.and_then(|said| said.execution_message.as_deref());
            let message = why.unwrap_or("no order goes out until the trader is started again");
            (Holds::False, "Failed", message)
        }
        Some(ExecutionAnswer::Unknown) => (
            Holds::Unknown,
            "NotKnown",
            "the trader says something that this operator does not know",
        ),
    };
    ConditionReport::new(ConditionType::Execution, holds, reason, message)
}

fn simulated() -> ConditionReport {
    ConditionReport::new(
        ConditionType::Simulated,
        Holds::True,
        "SimulatedAccount",
        "the account's venue is simulated: no real funds are at stake",
    )
}
