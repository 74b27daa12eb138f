//! What a TradingAccount needs next: which instance may trade each side, and whether a trader is left
//! whose instance is gone.
//!
//! A side has one writer (invariant K2, as far as one cluster's API server can say). Who came first
//! keeps it; it is recorded in the account's status, so that no later decision sees it otherwise.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use triptych_crds::trading_account::{
    AccountSide, SealStatus, SideStatus, TradingAccountSpec, TradingAccountStatus, Writer,
};

use crate::{
    conditions::{ConditionReport, ConditionType, Holds, merge},
    names::SEALED_TRADER,
    plan::{Action, StatefulSetDeletion, Target},
    side::SideName,
    world::Seal,
};

/// A TradingAccount and what there is on its sides.
#[derive(Clone, Debug)]
pub struct AccountWorld {
    /// Name.
    pub name: String,
    /// Generation of the object.
    pub generation: Option<i64>,
    /// Its spec.
    pub spec: TradingAccountSpec,
    /// The status that was reported last.
    pub status: Option<TradingAccountStatus>,
    /// The live side.
    pub live: SideWorld,
    /// The demo side.
    pub demo: SideWorld,
}

/// What there is on one side of an account.
#[derive(Clone, Debug, Default)]
pub struct SideWorld {
    /// The instances of the side's tier that name the account, in any namespace.
    pub claimants: Vec<Claimant>,
    /// UIDs of instances that are there and cannot be read: any of them may trade this side.
    pub unreadable: Vec<String>,
    /// The trader in the sealed namespace.
    pub trader: Option<SealedTrader>,
}

impl From<Option<&SealStatus>> for Seal {
    fn from(found: Option<&SealStatus>) -> Self {
        match found {
            None => Self::Unknown,
            Some(found) if found.whole => Self::Whole,
            Some(found) => Self::Broken(found.problems.clone()),
        }
    }
}

/// An instance that names the account.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimant {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// When it was created.
    pub created_at: Option<Time>,
}

/// A StatefulSet that the operator made in a sealed namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedTrader {
    /// UID of the StatefulSet.
    pub uid: String,
    /// UID of the instance that it belongs to.
    pub instance_uid: Option<String>,
    /// Whether its deletion has begun.
    pub deleting: bool,
}

/// What a TradingAccount needs next.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountPlan {
    /// To be carried out in this order.
    pub actions: Vec<Action>,
    /// What is known of the account.
    pub status: AccountReport,
}

/// What is known of a TradingAccount, without times.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountReport {
    /// Generation that was decided on.
    pub generation: Option<i64>,
    /// The live side, where the account has one.
    pub live: Option<SideStatus>,
    /// The demo side, where the account has one.
    pub demo: Option<SideStatus>,
    /// `Ready`, `KeyIsolated`.
    pub conditions: Vec<ConditionReport>,
}

impl AccountReport {
    /// The status to be stored: equal to `previous` where nothing changed.
    pub fn status(
        &self,
        previous: Option<&TradingAccountStatus>,
        now: &Time,
    ) -> TradingAccountStatus {
        let known = previous.map_or(&[][..], |status| &status.conditions);
        TradingAccountStatus {
            observed_generation: self.generation,
            live: self.live.clone(),
            demo: self.demo.clone(),
            conditions: merge(known, &self.conditions, self.generation, now),
        }
    }
}

/// Decides what a TradingAccount needs next.
pub fn decide(world: &AccountWorld) -> AccountPlan {
    let [live, demo] = SideName::BOTH.map(|side| Side::of(world, side));
    AccountPlan {
        actions: orphans(&world.name, &world.live, &world.demo),
        status: AccountReport {
            generation: world.generation,
            conditions: vec![ready(&live, &demo), key_isolated(&live, &demo)],
            live: live.status(&world.spec),
            demo: demo.status(&world.spec),
        },
    }
}

struct Side<'a> {
    declared: Option<&'a AccountSide>,
    world: &'a SideWorld,
    recorded: Option<&'a SideStatus>,
    seal: Seal,
    namespace: String,
}

impl<'a> Side<'a> {
    fn of(world: &'a AccountWorld, side: SideName) -> Self {
        let status = world.status.as_ref();
        let recorded = status.and_then(|status| side.reported(status));
        Self {
            declared: side.declared(&world.spec),
            world: match side {
                SideName::Live => &world.live,
                SideName::Demo => &world.demo,
            },
            recorded,
            seal: Seal::from(recorded.and_then(|side| side.seal.as_ref())),
            namespace: side.namespace(&world.name),
        }
    }

    /// The writer that is recorded keeps the side while its instance is there; then the oldest of
    /// those that may have it. A trader that is still in the namespace keeps its instance's place.
    fn writer(&self, spec: &TradingAccountSpec) -> Option<Writer> {
        let recorded = self.recorded.and_then(|side| side.writer.as_ref());
        let claimants = &self.world.claimants;
        let still_there = recorded.filter(|writer| {
            let unreadable = self.world.unreadable.contains(&writer.uid);
            unreadable || claimants.iter().any(|claimant| claimant.uid == writer.uid)
        });
        if let Some(writer) = still_there {
            return Some(writer.clone());
        }
        let of_trader = self
            .world
            .trader
            .as_ref()
            .and_then(|trader| trader.instance_uid.as_deref());
        let allowed = claimants.iter().filter(|claimant| {
            let mut namespaces = spec.allowed_namespaces.iter();
            namespaces.any(|namespace| **namespace == *claimant.namespace)
        });
        let first = allowed.min_by(|one, other| {
            let rank = |claimant: &Claimant| {
                (
                    Some(claimant.uid.as_str()) != of_trader,
                    claimant.created_at.clone(),
                    claimant.uid.clone(),
                )
            };
            rank(one).cmp(&rank(other))
        })?;
        Some(Writer {
            namespace: first.namespace.clone(),
            name: first.name.clone(),
            uid: first.uid.clone(),
        })
    }

    fn status(&self, spec: &TradingAccountSpec) -> Option<SideStatus> {
        self.declared?;
        Some(SideStatus {
            namespace: self.namespace.clone(),
            writer: self.writer(spec),
            seal: self.recorded.and_then(|side| side.seal.clone()),
        })
    }
}

/// Takes away the traders of instances that are gone: also where the account is gone, or cannot be read.
pub fn orphans(account: &str, live: &SideWorld, demo: &SideWorld) -> Vec<Action> {
    let sides = [(SideName::Live, live), (SideName::Demo, demo)];
    let orphan = |(side, world): (SideName, &SideWorld)| {
        let trader = world.trader.as_ref().filter(|trader| !trader.deleting)?;
        let of = trader.instance_uid.as_deref()?;
        let mut claimants = world.claimants.iter().map(|claimant| &claimant.uid);
        if claimants.any(|uid| uid == of) || world.unreadable.iter().any(|uid| uid == of) {
            return None;
        }
        let target = Target {
            namespace: side.namespace(account),
            name: SEALED_TRADER.to_owned(),
            uid: trader.uid.clone(),
        };
        Some(Action::DeleteStatefulSet {
            target,
            reason: StatefulSetDeletion::InstanceGone,
        })
    };
    sides.into_iter().filter_map(orphan).collect()
}

fn ready(live: &Side<'_>, demo: &Side<'_>) -> ConditionReport {
    let kind = ConditionType::Ready;
    let open: Vec<&str> = [live, demo]
        .into_iter()
        .filter(|side| side.declared.is_some() && side.seal != Seal::Whole)
        .map(|side| side.namespace.as_str())
        .collect();
    if open.is_empty() {
        return ConditionReport::new(kind, Holds::True, "Sealed", "each side can be traded");
    }
    let message = format!("no trader starts in {}: see KeyIsolated", open.join(", "));
    ConditionReport::new(kind, Holds::False, "NotSealed", message)
}

/// What is missing on any side. A side whose seal nobody could look at is not isolated.
fn key_isolated(live: &Side<'_>, demo: &Side<'_>) -> ConditionReport {
    let kind = ConditionType::KeyIsolated;
    let declared = || {
        [live, demo]
            .into_iter()
            .filter(|side| side.declared.is_some())
    };
    let broken: Vec<String> = declared()
        .filter_map(|side| match &side.seal {
            Seal::Broken(pieces) => Some(format!("{}: {}", side.namespace, pieces.join("; "))),
            Seal::Whole | Seal::Unknown => None,
        })
        .collect();
    if !broken.is_empty() {
        return ConditionReport::new(kind, Holds::False, "SealBroken", broken.join("; "));
    }
    if declared().any(|side| side.seal == Seal::Unknown) {
        let message = "the seal was not verified yet";
        return ConditionReport::new(kind, Holds::Unknown, "SealNotVerified", message);
    }
    let message = "every piece of the sealed namespaces is there and as it should be";
    ConditionReport::new(kind, Holds::True, "SealWhole", message)
}
