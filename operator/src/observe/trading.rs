//! What decides on W and R beside their own objects: the account, and the other half of the mirror.

use k8s_openapi::{
    api::apps::v1::StatefulSet, apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp,
};
use triptych_crds::{ConfigHash, Tier, TradingAccountSpec, TradingInstance};
use triptych_decide::{
    account::{AccountWorld, Claimant, SealedTrader, SideWorld},
    attestation,
    names::{self, annotation},
    place::Place,
    side::SideName,
    world::{AccountView, MirrorView, Pairing, Seal, TradingWorld, WriterView},
};

use crate::{
    cache::{AccountEntry, InstanceEntry},
    context::Context,
    errors::Failure,
    subject::NamespacedName,
};

/// What W or R has beside its own objects; nothing for an ABH.
pub(super) async fn of(context: &Context, instance: &TradingInstance) -> TradingWorld {
    if instance.spec.tier == Tier::Abh {
        return TradingWorld::default();
    }
    TradingWorld {
        account: account_view(context, instance),
        pairing: pairing(context, instance).await,
        observed_at: Some(Time(Timestamp::now())),
    }
}

fn account_view(context: &Context, instance: &TradingInstance) -> Option<AccountView> {
    let name = instance.spec.account.as_deref()?;
    let entry = context
        .caches
        .accounts
        .get(&NamespacedName::new("", name))?;
    let status = entry.status.as_ref();
    let side = SideName::of(instance.spec.tier)?;
    let side = status.and_then(|status| side.reported(status));
    Some(AccountView {
        spec: entry.spec.clone().ok()?,
        writer: side.and_then(|side| side.writer.clone()),
        seal: Seal::from(side.and_then(|side| side.seal.as_ref())),
    })
}

async fn pairing(context: &Context, instance: &TradingInstance) -> Pairing {
    let own = NamespacedName::new(
        instance.metadata.namespace.clone().unwrap_or_default(),
        instance.metadata.name.clone().unwrap_or_default(),
    );
    match (instance.spec.tier, &instance.spec.mirror_of) {
        (Tier::W, _) => {
            let mut mirrors = Vec::new();
            for (name, mirror) in others(context, context.caches.mirrors_of(&own)) {
                mirrors.push(mirror_view(context, &name, &mirror).await);
            }
            Pairing::Writer { mirrors }
        }
        (Tier::R, Some(writer)) => {
            let named = NamespacedName::new(&own.namespace, &**writer);
            let rivals = context.caches.mirrors_of(&named).into_iter();
            let rivals = rivals.filter(|rival| *rival != own).collect();
            Pairing::Mirror {
                writer: writer_view(context, &named),
                others: others(context, rivals)
                    .into_iter()
                    .map(|(name, _)| name.name)
                    .collect(),
            }
        }
        (Tier::R | Tier::Abh, _) => Pairing::Alone,
    }
}

/// Those that this build can read and that are not being deleted.
fn others(context: &Context, names: Vec<NamespacedName>) -> Vec<(NamespacedName, TradingInstance)> {
    let read = |name: NamespacedName| {
        let entry = context.caches.instances.get(&name)?;
        let instance = entry.readable()?.clone();
        let stays = instance.metadata.deletion_timestamp.is_none();
        stays.then_some((name, instance))
    };
    names.into_iter().filter_map(read).collect()
}

fn declared(
    context: &Context,
    name: &NamespacedName,
    instance: &TradingInstance,
) -> Option<ConfigHash> {
    let revision = NamespacedName::new(&name.namespace, &*instance.spec.config_revision);
    context.caches.revisions.get(&revision)?.hash().cloned()
}

fn writer_view(context: &Context, name: &NamespacedName) -> Option<WriterView> {
    let entry = context.caches.instances.get(name)?;
    let writer = entry.readable()?;
    let is_writer = writer.spec.tier == Tier::W && writer.metadata.deletion_timestamp.is_none();
    let running = writer
        .status
        .as_ref()
        .and_then(|status| status.running.as_ref());
    is_writer.then(|| WriterView {
        name: name.name.clone(),
        declares: declared(context, name, writer),
        running: running.map(|running| running.hash.clone()),
    })
}

/// A mirror's pod is asked like any other: what counts is what it attests.
async fn mirror_view(
    context: &Context,
    name: &NamespacedName,
    mirror: &TradingInstance,
) -> MirrorView {
    let place = Place::of(mirror);
    let trader = NamespacedName::new(&place.namespace, &place.stateful_set);
    let set = context.caches.stateful_sets.get(&trader);
    let uid = set.as_ref().and_then(|set| set.0.metadata.uid.clone());
    let pods = super::pods(context, &place.namespace, name, uid.as_deref()).await;
    let own = names::pod(&place.stateful_set);
    let pod = pods.iter().find(|pod| pod.name == own);
    MirrorView {
        name: name.name.clone(),
        declares: declared(context, name, mirror),
        evidence: pod.and_then(|pod| attestation::evidence(pod, mirror)),
    }
}

/// An account and what there is on its sides.
pub(super) async fn account(
    context: &Context,
    name: &str,
    entry: &AccountEntry,
    spec: &TradingAccountSpec,
) -> Result<AccountWorld, Failure> {
    let [live, demo] = sides(context, name).await?;
    Ok(AccountWorld {
        name: name.to_owned(),
        generation: entry.generation,
        spec: spec.clone(),
        status: entry.status.clone(),
        live,
        demo,
    })
}

/// What there is on the live and the demo side of an account.
pub(super) async fn sides(context: &Context, account: &str) -> Result<[SideWorld; 2], Failure> {
    Ok([
        side(context, account, SideName::Live).await?,
        side(context, account, SideName::Demo).await?,
    ])
}

async fn side(context: &Context, account: &str, side: SideName) -> Result<SideWorld, Failure> {
    let namespace = side.namespace(account);
    let set = super::stateful_set(context, &namespace, names::SEALED_TRADER).await?;
    let claimants = context.caches.placed_in(&namespace).into_iter();
    let claimants = claimants.filter_map(|name| {
        let entry = context.caches.instances.get(&name)?;
        claimant(&name, &entry)
    });
    Ok(SideWorld {
        claimants: claimants.collect(),
        unreadable: unreadable(context),
        trader: set.as_ref().map(sealed_trader),
    })
}

fn claimant(name: &NamespacedName, entry: &InstanceEntry) -> Option<Claimant> {
    let metadata = &entry.readable()?.metadata;
    // One that is being deleted is as good as gone: its trader is taken away.
    let stays = metadata.deletion_timestamp.is_none();
    stays.then(|| Claimant {
        namespace: name.namespace.clone(),
        name: name.name.clone(),
        uid: metadata.uid.clone().unwrap_or_default(),
        created_at: metadata.creation_timestamp.clone(),
    })
}

/// UIDs of what this build cannot read, whatever it is.
fn unreadable(context: &Context) -> Vec<String> {
    let all = context.caches.instances.all().into_iter();
    all.filter_map(|(_, entry)| Some(entry.content.as_ref().err()?.uid.clone()))
        .collect()
}

fn sealed_trader(set: &StatefulSet) -> SealedTrader {
    let annotations = set.metadata.annotations.as_ref();
    SealedTrader {
        uid: set.metadata.uid.clone().unwrap_or_default(),
        instance_uid: annotations
            .and_then(|annotations| annotations.get(annotation::INSTANCE_UID))
            .cloned(),
        deleting: set.metadata.deletion_timestamp.is_some(),
    }
}
