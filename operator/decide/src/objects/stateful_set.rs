//! The one-replica StatefulSet of a trader, and the template that it was given.
//!
//! The template is kept a second time as an annotation, as it was rendered: the live one has the API
//! server's defaults in it, and may have been edited.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy},
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference},
};
use triptych_crds::{ConfigHash, Tier};

use crate::{
    image::digest,
    names::{self, TRADER_CONTAINER, annotation},
    pod_template::{Configuration, Identity},
    template_difference::{self, Difference},
};

/// Old templates that the StatefulSet controller remembers. The revision is the history that counts.
const HISTORY: i32 = 2;

/// Where a trader's objects are, and whose they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement<'a> {
    /// Namespace of the objects: the instance's own, or the sealed one of its account's side.
    pub namespace: String,
    /// Name of the StatefulSet.
    pub name: String,
    /// Whose it is.
    pub identity: Identity<'a>,
    /// Tier.
    pub tier: Tier,
    /// The reference to the instance, where it is in the same namespace.
    pub owner: Option<OwnerReference>,
}

/// The StatefulSet to be applied. `Parallel` and `OnDelete`: a pod that never becomes ready does not
/// stand in the way of its replacement, and a new template restarts nothing by itself.
pub fn render(
    placement: &Placement<'_>,
    replicas: i32,
    revision: Option<&str>,
    template: &PodTemplateSpec,
) -> StatefulSet {
    let identity = &placement.identity;
    let kept = to_annotation(template);
    let annotations = [
        Some((annotation::RENDERED_TEMPLATE, kept.as_str())),
        Some((annotation::INSTANCE_UID, identity.uid)),
        revision.map(|name| (annotation::REVISION, name)),
    ];
    StatefulSet {
        metadata: ObjectMeta {
            name: Some(placement.name.clone()),
            namespace: Some(placement.namespace.clone()),
            labels: Some(names::instance_labels(identity, placement.tier, "trader")),
            annotations: Some(
                annotations
                    .into_iter()
                    .flatten()
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .collect(),
            ),
            owner_references: placement.owner.clone().map(|owner| vec![owner]),
            ..Default::default()
        },
        spec: Some(StatefulSetSpec {
            replicas: Some(replicas),
            pod_management_policy: Some("Parallel".into()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".into()),
                rolling_update: None,
            }),
            revision_history_limit: Some(HISTORY),
            selector: selector(identity.instance),
            template: template.clone(),
            ..Default::default()
        }),
        status: None,
    }
}

/// Whether fields that can never change are other than the operator writes them. Such a StatefulSet
/// cannot be used.
pub fn is_unusable(live: &StatefulSet, instance: &str) -> bool {
    live.spec.as_ref().is_none_or(|spec| {
        spec.selector != selector(instance)
            || spec.pod_management_policy.as_deref() != Some("Parallel")
            || spec
                .volume_claim_templates
                .as_ref()
                .is_some_and(|claims| !claims.is_empty())
    })
}

/// The template that the operator gave a StatefulSet last.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The template.
    pub template: PodTemplateSpec,
    /// Name of the revision that it was made of.
    pub revision: Option<String>,
    /// What it runs, where the template still says it.
    pub configuration: Option<Configuration>,
    /// Whether it is the template as it was rendered; otherwise it is the live one, with what the
    /// API server and others put into it.
    pub is_rendered: bool,
}

impl Kept {
    /// Reads it from the annotation, and from the live template where somebody destroyed that.
    pub fn of(live: &StatefulSet) -> Option<Self> {
        let annotations = live.metadata.annotations.as_ref();
        let annotation = |key: &str| annotations.and_then(|annotations| annotations.get(key));
        let rendered =
            rendered_template(live).filter(|template| configuration(template, "").is_some());
        let is_rendered = rendered.is_some();
        let template = rendered.or_else(|| Some(live.spec.as_ref()?.template.clone()))?;
        let revision = annotation(annotation::REVISION).cloned();
        let configuration = configuration(&template, revision.as_deref().unwrap_or_default());
        Some(Self {
            template,
            revision,
            configuration,
            is_rendered,
        })
    }

    /// What a newer template would change.
    pub fn differences_to(&self, newer: &PodTemplateSpec) -> Vec<Difference> {
        if self.is_rendered {
            template_difference::between(&self.template, newer)
        } else {
            template_difference::missing_in(&self.template, newer)
        }
    }
}

/// What a template runs: hash and build. `None` where it does not say.
fn configuration(template: &PodTemplateSpec, revision: &str) -> Option<Configuration> {
    let image = image(template).filter(|image| digest(image).is_some())?;
    Some(Configuration {
        revision: revision.to_owned(),
        hash: config_hash(template).and_then(ConfigHash::parse)?,
        image: image.to_owned(),
    })
}

/// The full hash in a template's annotation.
pub fn config_hash(template: &PodTemplateSpec) -> Option<&str> {
    annotation_of(template, annotation::CONFIG_HASH)
}

/// The restart that a template was made for.
pub fn restart(template: &PodTemplateSpec) -> Option<&str> {
    annotation_of(template, annotation::RESTART)
}

/// The image of the trader's container in a template.
pub fn image(template: &PodTemplateSpec) -> Option<&str> {
    let containers = &template.spec.as_ref()?.containers;
    let trader = containers
        .iter()
        .find(|container| container.name == TRADER_CONTAINER)?;
    trader.image.as_deref()
}

/// The fields of `rendered` that the live StatefulSet does not have as they were written. A rendered
/// template that is merely spelt otherwise, by an operator of another version, is the same.
pub fn drift(live: &StatefulSet, rendered: &StatefulSet) -> Vec<Difference> {
    let spelling = format!("metadata.annotations.{}", annotation::RENDERED_TEMPLATE);
    let same_template = rendered_template(live) == rendered_template(rendered);
    template_difference::missing_in(live, rendered)
        .into_iter()
        .filter(|difference| !(same_template && difference.path == spelling))
        .collect()
}

fn rendered_template(object: &StatefulSet) -> Option<PodTemplateSpec> {
    let text = object
        .metadata
        .annotations
        .as_ref()?
        .get(annotation::RENDERED_TEMPLATE)?;
    serde_json::from_str(text).ok()
}

fn annotation_of<'a>(template: &'a PodTemplateSpec, key: &str) -> Option<&'a str> {
    let annotations: &BTreeMap<_, _> = template.metadata.as_ref()?.annotations.as_ref()?;
    annotations.get(key).map(String::as_str)
}

fn selector(instance: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some(names::selector_labels(instance)),
        match_expressions: None,
    }
}

fn to_annotation(template: &PodTemplateSpec) -> String {
    // The types of k8s-openapi are plain data; none of them can fail to become JSON.
    serde_json::to_string(template).unwrap_or_default()
}
