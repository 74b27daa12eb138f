//! Carries out a plan's actions, one request each, in their order.

use std::fmt::Debug;

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::StatefulSet,
        core::v1::{ConfigMap, PersistentVolumeClaim, Pod},
    },
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::Status,
};
use serde::{Serialize, de::DeserializeOwned};
use tracing::info;
use triptych_decide::plan::{Action, Target};

use crate::{
    cache::{ClaimEntry, ConfigMapEntry, Entry, PodEntry, StatefulSetEntry},
    context::Context,
    errors::Failure,
};

/// First half of the names of field managers.
const MANAGER: &str = "triptych-operator";

/// Name of the field manager for a purpose.
pub(crate) fn field_manager(purpose: &str) -> String {
    format!("{MANAGER}/{purpose}")
}

/// Carries the actions out and stops at the first that fails: the next decision starts from what
/// was reached.
pub async fn carry_out(context: &Context, actions: &[Action]) -> Result<(), Failure> {
    for action in actions {
        let manager = field_manager(action.purpose());
        match action {
            Action::ApplyConfigMap(object) => {
                apply::<ConfigMapEntry>(context, object, &manager).await
            }
            Action::ApplyClaim(object) => apply::<ClaimEntry>(context, object, &manager).await,
            Action::ApplyStatefulSet(object) => {
                apply::<StatefulSetEntry>(context, object, &manager).await
            }
            Action::DeleteConfigMap { target, reason } => {
                delete::<ConfigMap, ConfigMapEntry>(context, target, reason).await
            }
            Action::DeleteStatefulSet { target, reason } => {
                delete::<StatefulSet, StatefulSetEntry>(context, target, reason).await
            }
            Action::DeletePod { target, reason } => {
                delete::<Pod, PodEntry>(context, target, reason).await
            }
        }?;
    }
    Ok(())
}

/// What an [`Entry`] is made of can be written by server-side apply.
trait Applied: Entry<Object: Applicable> {}
impl Applied for ConfigMapEntry {}
impl Applied for ClaimEntry {}
impl Applied for StatefulSetEntry {}

/// A typed, namespaced object.
trait Applicable:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
{
}
impl Applicable for ConfigMap {}
impl Applicable for PersistentVolumeClaim {}
impl Applicable for StatefulSet {}
impl Applicable for Pod {}

/// Server-side apply, with force: the operator owns what it writes, and nothing else.
async fn apply<T: Applied>(
    context: &Context,
    object: &T::Object,
    manager: &str,
) -> Result<(), Failure> {
    let namespace = object.namespace().unwrap_or_default();
    let name = object.name_any();
    let attempt = format!("apply {} {namespace}/{name}", T::KIND);
    let api: Api<T::Object> = Api::namespaced(context.client.clone(), &namespace);
    let parameters = PatchParams::apply(manager).force();
    let answer = api.patch(&name, &parameters, &Patch::Apply(object)).await;
    let written = answer.map_err(|error| Failure::sort(&attempt, &error))?;
    info!("{attempt}");
    context.learn::<T>(written);
    Ok(())
}

/// Deletes exactly the object that was decided on. Where it is gone already, that was the wish.
async fn delete<K, T>(context: &Context, target: &Target, reason: impl Debug) -> Result<(), Failure>
where
    K: Applicable,
    T: Entry<Object = K>,
{
    let Target {
        namespace,
        name,
        uid,
    } = target;
    let attempt = format!("delete {} {namespace}/{name}", T::KIND);
    let api: Api<K> = Api::namespaced(context.client.clone(), namespace);
    let parameters = DeleteParams::background().preconditions(Preconditions {
        uid: Some(uid.clone()),
        resource_version: None,
    });
    match api.delete(name, &parameters).await {
        Ok(answer) => {
            info!(?reason, "{attempt}");
            if let Some(deleting) = answer.left() {
                context.learn::<T>(deleting);
            }
            Ok(())
        }
        Err(kube::Error::Api(status)) if is_gone(&status) => Ok(()),
        Err(error) => Err(Failure::sort(attempt, &error)),
    }
}

fn is_gone(status: &Status) -> bool {
    status.code == 404
}
