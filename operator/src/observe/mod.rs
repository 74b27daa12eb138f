//! Puts together the worlds that are decided on: from the caches, with a question to the API server
//! only where a cache cannot know, and a question to each trader that has not answered yet.

mod trading;

use std::{collections::BTreeSet, fmt::Debug};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod},
    },
};
use kube::{
    Api, Resource,
    api::{ApiResource, DynamicObject, ListParams},
};
use serde::de::DeserializeOwned;
use triptych_crds::{ConfigHash, ConfigRevision, TradingAccountSpec, TradingInstance};
use triptych_decide::{
    account::{AccountWorld, SideWorld},
    place::Place,
    side::SideName,
    view,
    world::{
        ConfigMapView, InstanceUse, InstanceWorld, PodView, Revision, RevisionSubject,
        RevisionWorld,
    },
};

use crate::{
    attestation::Good,
    cache::{
        AccountEntry, ClaimEntry, RevisionContent, RevisionEntry, StatefulSetEntry,
        named_config_maps, revision,
    },
    context::Context,
    errors::Failure,
    report,
    subject::NamespacedName,
};

/// Everything that belongs to an instance.
pub async fn instance(
    context: &Context,
    instance: &TradingInstance,
) -> Result<InstanceWorld, Failure> {
    let name = report::name_of(instance);
    let revision = revision_of(context, &name.namespace, &instance.spec.config_revision).await?;
    let place = Place::of(instance);
    let namespace = place.namespace.as_str();
    let config_map = match &revision {
        Revision::Found(usable) => {
            config_map(context, namespace, &usable.canonical.hash.config_map_name()).await?
        }
        Revision::Missing | Revision::Invalid { .. } => None,
    };
    let stateful_set = stateful_set(context, namespace, &place.stateful_set).await?;
    let trader = stateful_set
        .as_ref()
        .and_then(|object| object.metadata.uid.as_deref());
    Ok(InstanceWorld {
        claim: claim(context, namespace, &place.claim).await?,
        pods: pods(context, namespace, &name, trader).await,
        trading: trading::of(context, instance).await,
        instance: instance.clone(),
        revision,
        config_map,
        stateful_set,
    })
}

/// An account and what there is on its sides.
pub async fn account(
    context: &Context,
    name: &str,
    entry: &AccountEntry,
    spec: &TradingAccountSpec,
) -> Result<AccountWorld, Failure> {
    trading::account(context, name, entry, spec).await
}

/// What there is on the live and the demo side of an account, whatever is known of the account itself.
pub async fn sides(context: &Context, account: &str) -> Result<[SideWorld; 2], Failure> {
    trading::sides(context, account).await
}

/// A revision and the rendered configurations of its namespace.
///
/// What is mounted is known from the caches, which hold the operator's own objects. `confirming` asks
/// the API server for every pod and StatefulSet of the namespace instead: to be done before anything
/// is collected, as pods of others may mount it too.
pub async fn revision_world(
    context: &Context,
    namespace: &str,
    name: Option<&str>,
    confirming: bool,
) -> Result<RevisionWorld, Failure> {
    let caches = &context.caches;
    let revision = match name {
        Some(name) => revision_subject(context, namespace, name).await?,
        None => None,
    };
    let mut config_maps = caches.config_maps.in_namespace(namespace);
    if let Some(rendered) = rendered_name(revision.as_ref())
        && !config_maps.iter().any(|(name, _)| *name == rendered)
        && let Some(found) = config_map(context, namespace, &rendered).await?
    {
        config_maps.push((rendered, found.into()));
    }
    let revisions = caches.revisions.in_namespace(namespace);
    let instances = caches.instances.in_namespace(namespace);
    let placed = placed(context, namespace);
    let hashes = revisions
        .iter()
        .filter_map(|(_, entry)| entry.hash().cloned());
    Ok(RevisionWorld {
        namespace: namespace.to_owned(),
        revision,
        config_maps: config_maps
            .into_iter()
            .map(|(_, entry)| (*entry).clone())
            .collect(),
        revision_hashes: hashes.chain(placed.hashes).collect(),
        revisions: revisions.into_iter().map(|(name, _)| name).collect(),
        instances: instances
            .into_iter()
            .map(|(_, entry)| entry.usage.clone())
            .chain(placed.uses)
            .collect(),
        mounted: if confirming {
            mounted_by_anyone(context, namespace).await?
        } else {
            mounted_by_traders(context, namespace)
        },
    })
}

/// What the instances of other namespaces use whose objects are here.
#[derive(Default)]
struct Placed {
    uses: Vec<InstanceUse>,
    hashes: Vec<ConfigHash>,
}

fn placed(context: &Context, namespace: &str) -> Placed {
    let mut found = Placed::default();
    for name in context.caches.placed_in(namespace) {
        let Some(entry) = context.caches.instances.get(&name) else {
            continue;
        };
        let revision = NamespacedName::new(&name.namespace, &entry.usage.declares);
        let revision = context.caches.revisions.get(&revision);
        found
            .hashes
            .extend(revision.and_then(|entry| entry.hash().cloned()));
        found.uses.push(entry.usage.clone());
    }
    found
}

async fn revision_subject(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<RevisionSubject>, Failure> {
    let key = NamespacedName::new(namespace, name);
    let Some(entry) = context.caches.revisions.get(&key) else {
        return Ok(None);
    };
    Ok(match content(context, &key, &entry).await? {
        Revision::Missing => None,
        stored => Some(RevisionSubject {
            name: name.to_owned(),
            generation: entry.generation,
            content: stored,
            status: entry.status.clone(),
        }),
    })
}

fn rendered_name(revision: Option<&RevisionSubject>) -> Option<String> {
    match &revision?.content {
        Revision::Found(usable) => Some(usable.canonical.hash.config_map_name()),
        Revision::Missing | Revision::Invalid { .. } => None,
    }
}

async fn revision_of(context: &Context, namespace: &str, name: &str) -> Result<Revision, Failure> {
    let key = NamespacedName::new(namespace, name);
    match context.caches.revisions.get(&key) {
        Some(entry) => content(context, &key, &entry).await,
        None => Ok(Revision::Missing),
    }
}

/// The content of a revision; a large one is read again from the API server.
async fn content(
    context: &Context,
    key: &NamespacedName,
    entry: &RevisionEntry,
) -> Result<Revision, Failure> {
    match &entry.content {
        RevisionContent::Kept(kept) => Ok(kept.clone()),
        RevisionContent::Large(hash) => read_large(context, key, hash).await,
    }
}

async fn read_large(
    context: &Context,
    key: &NamespacedName,
    hash: &ConfigHash,
) -> Result<Revision, Failure> {
    let resource = ApiResource::erase::<ConfigRevision>(&());
    let api: Api<DynamicObject> =
        Api::namespaced_with(context.client.clone(), &key.namespace, &resource);
    let attempt = format!("read ConfigRevision {key}");
    let object = api
        .get_opt(&key.name)
        .await
        .map_err(|error| Failure::sort(&attempt, &error))?;
    let stored = object.as_ref().map_or(Revision::Missing, revision);
    match &stored {
        Revision::Found(usable) if usable.canonical.hash != *hash => Err(Failure::Transient {
            attempt,
            reason: "it is another than the watch has shown so far".into(),
            retry_after: None,
        }),
        _ => Ok(stored),
    }
}

/// The caches hold what carries the operator's labels. What they lack is asked for: it may have lost
/// its labels, or be too new for the watch.
async fn config_map(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<ConfigMapView>, Failure> {
    let key = NamespacedName::new(namespace, name);
    if let Some(entry) = context.caches.config_maps.get(&key) {
        return Ok(Some((*entry).clone()));
    }
    let found = ask::<ConfigMap>(context, "ConfigMap", &key).await?;
    Ok(found.as_ref().map(view::config_map))
}

async fn stateful_set(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<StatefulSet>, Failure> {
    let key = NamespacedName::new(namespace, name);
    if let Some(entry) = context.caches.stateful_sets.get(&key) {
        return Ok(Some(entry.0.clone()));
    }
    let found = ask::<StatefulSet>(context, "StatefulSet", &key).await?;
    Ok(found.map(|object| StatefulSetEntry::from(object).0))
}

async fn claim(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<PersistentVolumeClaim>, Failure> {
    let key = NamespacedName::new(namespace, name);
    if let Some(entry) = context.caches.claims.get(&key) {
        return Ok(Some(entry.0.clone()));
    }
    let found = ask::<PersistentVolumeClaim>(context, "PersistentVolumeClaim", &key).await?;
    Ok(found.map(|object| ClaimEntry::from(object).0))
}

async fn ask<K>(context: &Context, kind: &str, key: &NamespacedName) -> Result<Option<K>, Failure>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(context.client.clone(), &key.namespace);
    let found = api.get_opt(&key.name).await;
    found.map_err(|error| Failure::sort(format!("read {kind} {key}"), &error))
}

/// The pods that carry the instance's label. Only those that the instance's own StatefulSet controls
/// are asked: a label alone makes no trader.
async fn pods(
    context: &Context,
    namespace: &str,
    instance: &NamespacedName,
    trader: Option<&str>,
) -> Vec<PodView> {
    let good = if SideName::account_of(namespace).is_some() {
        Good::ForAMoment
    } else {
        Good::ForLife
    };
    let entries = context.caches.pods.in_namespace(namespace);
    let labelled = entries
        .into_iter()
        .filter(|(_, entry)| entry.instance.as_ref() == Some(instance));
    let mut pods: Vec<PodView> = labelled.map(|(_, entry)| entry.view.clone()).collect();
    for pod in &mut pods {
        if trader.is_some() && pod.controller.as_deref() == trader {
            pod.attestation = context.attester.ask(pod, good).await;
        }
    }
    pods
}

fn mounted_by_traders(context: &Context, namespace: &str) -> BTreeSet<String> {
    let pods = context.caches.pods.in_namespace(namespace);
    let templates = context.caches.stateful_sets.in_namespace(namespace);
    let by_pods = pods
        .iter()
        .flat_map(|(_, entry)| entry.config_maps.iter().cloned());
    let by_templates = templates.iter().flat_map(|(_, entry)| entry.config_maps());
    by_pods.chain(by_templates).collect()
}

async fn mounted_by_anyone(
    context: &Context,
    namespace: &str,
) -> Result<BTreeSet<String>, Failure> {
    let pods = list::<Pod>(context, "pods", namespace).await?;
    let templates = list::<StatefulSet>(context, "StatefulSets", namespace).await?;
    let by_pods = pods.iter().filter_map(|pod| pod.spec.as_ref());
    let by_templates = templates
        .iter()
        .filter_map(|object| object.spec.as_ref()?.template.spec.as_ref());
    Ok(by_pods
        .chain(by_templates)
        .flat_map(named_config_maps)
        .collect())
}

async fn list<K>(context: &Context, kind: &str, namespace: &str) -> Result<Vec<K>, Failure>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(context.client.clone(), namespace);
    let list = api.list(&ListParams::default()).await;
    let list =
        list.map_err(|error| Failure::sort(format!("list {kind} of {namespace}"), &error))?;
    Ok(list.items)
}
