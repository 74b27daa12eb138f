//! Whether W or R may take the configuration that it declares: what the account says, what the
//! mirror says, and for W what the gates say (invariants M1 and M2).
//!
//! It is asked only where another configuration runs, or none: what runs goes on, whatever changes
//! around it.

use std::time::Duration;

use triptych_crds::{ConfigHash, Tier};

use crate::world::{InstanceWorld, Pairing, Seal};

use super::{
    gates::{self, Gates},
    problem::Problem,
    subject::{Role, Station, Trader},
};

/// Why a declared configuration is not taken now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    /// One word in CamelCase.
    pub(super) reason: &'static str,
    /// A sentence for a person.
    pub(super) message: String,
    /// What the next step waits for.
    pub(super) waiting_for: String,
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
            reason,
            message: message.into(),
            waiting_for: waiting_for.into(),
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

    pub(super) fn problem(&self) -> Option<Problem> {
        self.is_problem
            .then(|| Problem::new(self.reason, &self.message, &self.waiting_for))
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
    let (side, what) = match trader.role {
        Role::Live(_) => ("live", "W trades the live side"),
        Role::Demo(_) | Role::Observer { .. } => ("demo", "R trades the demo side"),
    };
    if station.side.is_none() {
        return Err(Hold::wrong(
            "AccountSideMissing",
            format!(
                "account '{account}' has no {side} side, and {what}: the platform team adds spec.{side}"
            ),
            format!("a {side} side of account {account}"),
        ));
    }
    writer(trader, station)?;
    seal(station, side)
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

fn seal(station: &Station<'_>, side: &str) -> Result<(), Hold> {
    let account = station.account;
    match station.view.map(|view| &view.seal) {
        Some(Seal::Whole) => Ok(()),
        Some(Seal::Broken(pieces)) => Err(Hold::wrong(
            "SealBroken",
            format!(
                "the seal of namespace trading-{side}-{account} is not whole: {}; the platform team applies chart trading-account again",
                pieces.join("; ")
            ),
            "a whole seal",
        )),
        Some(Seal::Unknown) | None => Err(Hold::waiting(
            "SealNotVerified",
            format!("the seal of namespace trading-{side}-{account} was not verified yet"),
            "the seal to be verified",
        )),
    }
}

/// Whether `declared` may be taken, where something else runs, or nothing.
pub(super) fn of_configuration(
    trader: &Trader<'_>,
    world: &InstanceWorld,
    declared: &ConfigHash,
) -> Result<(), Hold> {
    if trader.station().is_none() {
        return Ok(());
    }
    not_revoked(trader, declared)?;
    mirror(trader, world, declared)?;
    match gates::of(trader, world, declared) {
        Gates::Passed => Ok(()),
        Gates::Held(hold) => Err(hold),
    }
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
    match pair(trader, world)? {
        Pair::Alone => Ok(()),
        Pair::With { name, tier, hash } => {
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
    }
}

/// The other half of the mirror.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pair<'a> {
    /// There is none, and none is needed.
    Alone,
    /// There is one.
    With {
        /// Its name.
        name: &'a str,
        /// Its tier.
        tier: Tier,
        /// Hash of what it declares.
        hash: Option<&'a ConfigHash>,
    },
}

/// The one instance on the other side of the mirror.
pub(super) fn pair<'a>(trader: &Trader<'a>, world: &'a InstanceWorld) -> Result<Pair<'a>, Hold> {
    match &world.trading.pairing {
        Pairing::Alone => Ok(Pair::Alone),
        Pairing::Writer { mirrors } => match mirrors.as_slice() {
            [mirror] => Ok(Pair::With {
                name: &mirror.name,
                tier: Tier::R,
                hash: mirror.declares.as_ref(),
            }),
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
            Ok(Pair::With {
                name: &writer.name,
                tier: Tier::W,
                hash: writer.declares.as_ref(),
            })
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
