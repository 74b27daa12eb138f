//! Whether W or R may take the configuration that it declares: what the account says, what the
//! mirror says, and for W what the gates say (invariants M1 and M2).
//!
//! It is asked only where another configuration runs, or none: what runs goes on, whatever changes
//! around it.

use std::time::Duration;

use triptych_crds::{ConfigHash, Tier, trading_instance::Ceiling};

use crate::world::{InstanceWorld, Pairing, Seal};

use super::{
    ceiling, gates,
    problem::Problem,
    subject::{Station, Trader},
};

/// Why a declared configuration is not taken now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    /// Reason, sentence for a person, and what the next step waits for.
    pub(super) why: Problem,
    /// Whether a person has to correct something; else it goes away by itself, or by what others do.
    pub(super) is_problem: bool,
    /// When to look again although nothing changed.
    pub(super) check_again: Option<Duration>,
}

impl Hold {
    pub(super) fn waiting(
        reason: &'static str,
        message: impl Into<String>,
        waiting_for: impl Into<String>,
    ) -> Self {
        Self {
            why: Problem::new(reason, message, waiting_for),
            is_problem: false,
            check_again: None,
        }
    }

    fn wrong(
        reason: &'static str,
        message: impl Into<String>,
        waiting_for: impl Into<String>,
    ) -> Self {
        Self {
            is_problem: true,
            ..Self::waiting(reason, message, waiting_for)
        }
    }
}

/// Whether a pod of this instance may exist at all, whatever it runs.
pub(super) fn of_account(trader: &Trader<'_>) -> Result<(), Hold> {
    let Some(station) = trader.station() else {
        return Ok(());
    };
    let account = station.account;
    let Some(view) = station.view else {
        return Err(Hold::waiting(
            "AccountNotFound",
            format!(
                "spec.account: there is no TradingAccount '{account}'; ask your platform team for it, or name another"
            ),
            format!("account {account}"),
        ));
    };
    let namespace = trader.identity.namespace;
    let allowed = &view.spec.allowed_namespaces;
    if !allowed.iter().any(|allowed| **allowed == *namespace) {
        return Err(Hold::wrong(
            "NamespaceNotAllowed",
            format!(
                "account '{account}' does not allow namespace '{namespace}': its spec.allowedNamespaces is the platform team's to extend"
            ),
            format!("a place in allowedNamespaces of {account}"),
        ));
    }
    if station.declared.is_none() {
        let (tier, side) = (trader.spec.tier.as_str(), station.side.as_str());
        return Err(Hold::wrong(
            "AccountSideMissing",
            format!(
                "account '{account}' has no {side} side, and {tier} trades that: the platform team adds spec.{side}"
            ),
            format!("a {side} side of account {account}"),
        ));
    }
    writer(trader, station)?;
    seal(trader, station)
}

/// The account records which instance trades a side.
fn writer(trader: &Trader<'_>, station: &Station<'_>) -> Result<(), Hold> {
    let account = station.account;
    match station.view.and_then(|view| view.writer.as_ref()) {
        Some(writer) if writer.uid == trader.identity.uid => Ok(()),
        Some(writer) => Err(Hold::wrong(
            "AccountInUse",
            format!(
                "account '{account}' is traded by {}/{}, and a side has one writer: delete that one, or name another account",
                writer.namespace, writer.name
            ),
            format!("account {account} to become free"),
        )),
        None => Err(Hold::waiting(
            "AccountNotRecorded",
            format!("account '{account}' does not record this instance as its writer yet"),
            format!("account {account}"),
        )),
    }
}

fn seal(trader: &Trader<'_>, station: &Station<'_>) -> Result<(), Hold> {
    let namespace = &trader.place.namespace;
    match station.view.map(|view| &view.seal) {
        Some(Seal::Whole) => Ok(()),
        Some(Seal::Broken(pieces)) => Err(Hold::wrong(
            "SealBroken",
            format!(
                "the seal of namespace {namespace} is not whole: {}; the platform team applies chart trading-account again",
                pieces.join("; ")
            ),
            "a whole seal",
        )),
        Some(Seal::Unknown) | None => Err(Hold::waiting(
            "SealNotVerified",
            format!("the seal of namespace {namespace} was not verified yet"),
            "the seal to be verified",
        )),
    }
}

/// Whether `declared` may be taken, where something else runs, or nothing. `due` is the ceiling that
/// the status is to show.
pub(super) fn of_configuration(
    trader: &Trader<'_>,
    world: &InstanceWorld,
    due: Option<&Ceiling>,
    declared: &ConfigHash,
) -> Result<(), Hold> {
    if trader.station().is_none() {
        return Ok(());
    }
    of_account_and_mirror(trader, world, declared)?;
    gates::passed(trader, world, declared).or_else(|closed| {
        if ceiling::unexpired_glass(trader, world, declared).is_none() {
            Err(closed)
        } else if ceiling::binds(due, world, declared) {
            Ok(())
        } else {
            Err(Hold::waiting(
                "BreakingGlass",
                format!(
                    "the glass is broken for configuration {}: it is taken once status.ceiling says Reducing",
                    declared.short()
                ),
                "the ceiling in its status",
            ))
        }
    })
}

/// Whether nothing but gates stands in the way of `declared`.
pub(super) fn but_for_gates(
    trader: &Trader<'_>,
    world: &InstanceWorld,
    declared: &ConfigHash,
) -> Result<(), Hold> {
    of_account(trader)?;
    of_account_and_mirror(trader, world, declared)
}

fn of_account_and_mirror(
    trader: &Trader<'_>,
    world: &InstanceWorld,
    declared: &ConfigHash,
) -> Result<(), Hold> {
    not_revoked(trader, declared)?;
    mirror(trader, world, declared)
}

fn not_revoked(trader: &Trader<'_>, declared: &ConfigHash) -> Result<(), Hold> {
    let Some(revocation) = revocation(trader, declared.as_str()) else {
        return Ok(());
    };
    Err(Hold::wrong(
        "ConfigurationRevoked",
        format!(
            "configuration {} is revoked on account '{}': {}",
            declared.short(),
            trader.spec.account.as_deref().unwrap_or_default(),
            &*revocation.reason
        ),
        "a configuration that is not revoked",
    ))
}

/// The revocation of a configuration by the account, where there is one.
pub(super) fn revocation<'a>(
    trader: &Trader<'a>,
    hash: &str,
) -> Option<&'a triptych_crds::trading_account::Revocation> {
    let view = trader.station()?.view?;
    let mut revoked = view.spec.revoked.iter();
    revoked.find(|revoked| *revoked.config_hash == *hash)
}

/// Invariant M1: while W and its mirror declare different configurations, neither rolls.
fn mirror(trader: &Trader<'_>, world: &InstanceWorld, declared: &ConfigHash) -> Result<(), Hold> {
    let Some(Other { name, tier, hash }) = other_half(trader, world)? else {
        return Ok(());
    };
    if hash == Some(declared) {
        return Ok(());
    }
    let other = hash.map_or("no usable revision", ConfigHash::short);
    Err(Hold::waiting(
        "HashesDiffer",
        format!(
            "{} '{name}' declares {other}, this {} declares {}: neither rolls until both name revisions of one hash",
            tier.as_str(),
            trader.spec.tier.as_str(),
            declared.short()
        ),
        format!("{name} to declare {}", declared.short()),
    ))
}

/// The other half of a mirror.
#[derive(Clone, Copy, Debug)]
pub(super) struct Other<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its tier.
    pub(super) tier: Tier,
    /// Hash of what it declares.
    pub(super) hash: Option<&'a ConfigHash>,
}

/// The one instance on the other side of the mirror; `None` where none is needed.
pub(super) fn other_half<'a>(
    trader: &Trader<'a>,
    world: &'a InstanceWorld,
) -> Result<Option<Other<'a>>, Hold> {
    match &world.trading.pairing {
        Pairing::Alone => Ok(None),
        Pairing::Writer { mirrors } => match mirrors.as_slice() {
            [mirror] => Ok(Some(Other {
                name: &mirror.name,
                tier: Tier::R,
                hash: mirror.declares.as_ref(),
            })),
            [] => Err(Hold::waiting(
                "NoMirror",
                format!(
                    "no R of this namespace has mirrorOf: {}; W keeps what it runs until one does",
                    trader.identity.instance
                ),
                "a mirror",
            )),
            several => {
                let names: Vec<&str> = several.iter().map(|mirror| mirror.name.as_str()).collect();
                Err(ambiguous(trader.identity.instance, &names))
            }
        },
        Pairing::Mirror { writer, others } => {
            let named = trader.spec.mirror_of.as_deref().unwrap_or_default();
            if !others.is_empty() {
                let mut mirrors: Vec<&str> = others.iter().map(String::as_str).collect();
                mirrors.push(trader.identity.instance);
                mirrors.sort_unstable();
                return Err(ambiguous(named, &mirrors));
            }
            let writer = writer.as_ref().ok_or_else(|| {
                Hold::waiting(
                    "WriterNotFound",
                    format!("spec.mirrorOf: there is no W '{named}' in this namespace; an R without mirrorOf is a candidate of its own"),
                    format!("W {named}"),
                )
            })?;
            Ok(Some(Other {
                name: &writer.name,
                tier: Tier::W,
                hash: writer.declares.as_ref(),
            }))
        }
    }
}

fn ambiguous(writer: &str, mirrors: &[&str]) -> Hold {
    Hold::wrong(
        "AmbiguousMirror",
        format!(
            "{} all have mirrorOf: {writer}, and nobody rolls: leave one of them",
            mirrors.join(", ")
        ),
        "a single mirror",
    )
}
