//! The gates through which a configuration reaches W (invariant M2): a chain of policies, all
//! evaluated and all shown.

use std::time::Duration;

use triptych_crds::{
    ConfigHash,
    promotion::{GateVerdict, Verdict},
};

use crate::world::{Evidence, InstanceWorld, Pairing};

use super::{permission::Hold, subject::Trader};

/// How long the mirror must have been ready where the promotion says nothing, in seconds.
const DEFAULT_READY_SECONDS: u32 = 300;

/// One gate's verdict, and when it may change without anybody doing anything.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Judgement {
    verdict: GateVerdict,
    check_again: Option<Duration>,
}

/// Whether the gates let `declared` through. Going back to a proven configuration waits for none.
pub(super) fn passed(
    trader: &Trader<'_>,
    world: &InstanceWorld,
    declared: &ConfigHash,
) -> Result<(), Hold> {
    if !trader.is_writer() || is_proven(world, declared) {
        return Ok(());
    }
    let closed = judge(trader, world, declared)
        .into_iter()
        .find(|judgement| judgement.verdict.verdict != Verdict::Pass);
    let Some(Judgement {
        verdict,
        check_again,
    }) = closed
    else {
        return Ok(());
    };
    Err(Hold {
        check_again,
        ..Hold::waiting(
            "GatesNotPassed",
            verdict.message,
            format!("gate {}", verdict.name),
        )
    })
}

/// What every gate says, to be shown.
pub(super) fn verdicts(
    trader: &Trader<'_>,
    world: &InstanceWorld,
    declared: &ConfigHash,
) -> Vec<GateVerdict> {
    if !trader.is_writer() {
        return Vec::new();
    }
    let judgements = judge(trader, world, declared).into_iter();
    judgements.map(|judgement| judgement.verdict).collect()
}

/// Whether W ran this configuration to the end of its ramp before.
pub(super) fn is_proven(world: &InstanceWorld, hash: &ConfigHash) -> bool {
    let status = world.instance.status.as_ref();
    let mut proven = status.into_iter().flat_map(|status| &status.proven);
    proven.any(|proven| proven.config_hash == hash.as_str())
}

fn judge(trader: &Trader<'_>, world: &InstanceWorld, declared: &ConfigHash) -> Vec<Judgement> {
    vec![mirror_ready(trader, world, declared)]
}

/// The mirror is ready on the configuration, and has been for long enough.
fn mirror_ready(trader: &Trader<'_>, world: &InstanceWorld, declared: &ConfigHash) -> Judgement {
    let judgement = |verdict, reason: &str, message: String, check_again| Judgement {
        verdict: GateVerdict {
            name: "mirror-ready".into(),
            config_hash: declared.to_string(),
            verdict,
            reason: reason.into(),
            message,
        },
        check_again,
    };
    let promotion = trader.spec.promotion.as_ref();
    let needed = promotion
        .and_then(|promotion| promotion.minimum_ready_seconds)
        .unwrap_or(DEFAULT_READY_SECONDS);
    let Some(evidence) = evidence(world).filter(|evidence| evidence.hash == declared.as_str())
    else {
        let message = format!("the mirror is not ready on {} yet", declared.short());
        return judgement(Verdict::Pending, "MirrorNotReady", message, None);
    };
    let ready = ready_for(evidence, world);
    let remaining = Duration::from_secs(needed.into()).saturating_sub(ready);
    if remaining.is_zero() {
        let message = format!(
            "the mirror has been ready on {} for {needed} s",
            declared.short()
        );
        return judgement(Verdict::Pass, "MirrorReady", message, None);
    }
    let message = format!(
        "the mirror must have been ready on {} for {needed} s without interruption",
        declared.short()
    );
    // The seconds that are left would change the status without end; they are for the next look.
    judgement(
        Verdict::Pending,
        "MirrorProvesItself",
        message,
        Some(remaining),
    )
}

/// What the one mirror attests.
pub(super) fn evidence(world: &InstanceWorld) -> Option<&Evidence> {
    match &world.trading.pairing {
        Pairing::Writer { mirrors } => match mirrors.as_slice() {
            [mirror] => mirror.evidence.as_ref(),
            _ => None,
        },
        Pairing::Alone | Pairing::Mirror { .. } => None,
    }
}

/// A mirror that became ready in the future has been ready for no time.
fn ready_for(evidence: &Evidence, world: &InstanceWorld) -> Duration {
    let now = world.trading.observed_at.as_ref();
    let elapsed = now.map(|now| now.0.duration_since(evidence.ready_since.0));
    elapsed
        .and_then(|elapsed| Duration::try_from(elapsed).ok())
        .unwrap_or_default()
}
