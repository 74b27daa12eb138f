//! What a ConfigRevision needs next, and which rendered configurations nobody needs any more.

use std::collections::BTreeSet;

use triptych_crds::ConfigHash;

use crate::{
    conditions::{ConditionReport, ConditionType, Holds},
    names,
    objects::config_map::{self, Step},
    plan::{Action, ConfigMapDeletion, EventReport, RevisionPlan, RevisionReport, Severity},
    text,
    world::{ConfigMapView, Revision, RevisionSubject, RevisionWorld, UsableRevision},
};

/// Decides what a ConfigRevision needs next, and collects in its namespace.
pub fn decide(world: &RevisionWorld) -> RevisionPlan {
    let rendering = world
        .revision
        .as_ref()
        .and_then(|subject| render(world, subject));
    let collected = collect(world);
    let status = world
        .revision
        .as_ref()
        .map(|subject| report(world, subject));
    let events = world
        .revision
        .as_ref()
        .map(|subject| events(world, subject, status.as_ref()));
    RevisionPlan {
        actions: rendering.into_iter().chain(collected).collect(),
        events: events.unwrap_or_default(),
        status,
    }
}

fn render(world: &RevisionWorld, subject: &RevisionSubject) -> Option<Action> {
    let usable = usable(subject)?;
    match step(world, usable) {
        Step::Apply => {
            let rendered = config_map::render(&world.namespace, &usable.canonical);
            Some(Action::ApplyConfigMap(Box::new(rendered)))
        }
        Step::Delete => live(world, usable)
            .map(|live| config_map::delete(&world.namespace, live, ConfigMapDeletion::Tampered)),
        Step::Settled | Step::Wait => None,
    }
}

fn usable(subject: &RevisionSubject) -> Option<&UsableRevision> {
    match &subject.content {
        Revision::Found(usable) => Some(usable),
        Revision::Missing | Revision::Invalid { .. } => None,
    }
}

fn live<'a>(world: &'a RevisionWorld, usable: &UsableRevision) -> Option<&'a ConfigMapView> {
    let name = usable.canonical.hash.config_map_name();
    world
        .config_maps
        .iter()
        .find(|config_map| config_map.name == name)
}

fn step(world: &RevisionWorld, usable: &UsableRevision) -> Step {
    config_map::next_step(&usable.canonical.hash, live(world, usable))
}

/// The rendered configurations that no revision stands for and that nothing declares, runs or
/// mounts. While an instance declares a revision that is not there, nothing is collected: the
/// instance may be on the way to one of these.
fn collect(world: &RevisionWorld) -> Vec<Action> {
    let declares_missing = world
        .instances
        .iter()
        .any(|instance| !instance.deleting && !world.revisions.contains(&instance.declares));
    if declares_missing {
        return Vec::new();
    }
    let needed = needed_names(world);
    world
        .config_maps
        .iter()
        .filter(|live| live.managed && !live.deleting && is_config_map_name(&live.name))
        .filter(|live| !needed.contains(live.name.as_str()))
        .map(|live| config_map::delete(&world.namespace, live, ConfigMapDeletion::Unused))
        .collect()
}

fn needed_names(world: &RevisionWorld) -> BTreeSet<String> {
    let subject = world
        .revision
        .iter()
        .filter_map(usable)
        .map(|usable| &usable.canonical.hash);
    let running = world
        .instances
        .iter()
        .filter_map(|instance| instance.running.as_deref());
    let running: Vec<ConfigHash> = running.filter_map(ConfigHash::parse).collect();
    world
        .revision_hashes
        .iter()
        .chain(subject)
        .chain(&running)
        .map(ConfigHash::config_map_name)
        .chain(world.mounted.iter().cloned())
        .collect()
}

fn report(world: &RevisionWorld, subject: &RevisionSubject) -> RevisionReport {
    let hash = usable(subject).map(|usable| usable.canonical.hash.to_string());
    let config_map = usable(subject)
        .filter(|usable| matches!(step(world, usable), Step::Apply | Step::Settled))
        .map(|usable| usable.canonical.hash.config_map_name());
    RevisionReport {
        generation: subject.generation,
        used_by: used_by(world, &subject.name, hash.as_deref()),
        conditions: vec![ready(world, subject)],
        hash,
        config_map,
    }
}

fn used_by(world: &RevisionWorld, name: &str, hash: Option<&str>) -> i32 {
    let uses = world.instances.iter().filter(|instance| {
        instance.declares == name || (hash.is_some() && instance.running.as_deref() == hash)
    });
    i32::try_from(uses.count()).unwrap_or(i32::MAX).min(100_000)
}

fn ready(world: &RevisionWorld, subject: &RevisionSubject) -> ConditionReport {
    let condition = |holds, reason, message: &str| {
        ConditionReport::new(ConditionType::Ready, holds, reason, message)
    };
    match &subject.content {
        Revision::Missing => condition(Holds::False, "Missing", "there is no such revision"),
        Revision::Invalid { error } => {
            let message = format!("{error}; create a corrected revision under another name");
            condition(Holds::False, "Invalid", &message)
        }
        Revision::Found(usable) => match step(world, usable) {
            Step::Settled | Step::Apply => {
                let name = usable.canonical.hash.config_map_name();
                let bytes = usable.canonical.bytes.len();
                let message = format!("rendered as ConfigMap {name}, {bytes} bytes");
                condition(Holds::True, "Rendered", &message)
            }
            Step::Delete | Step::Wait => {
                let message =
                    "its ConfigMap held other bytes or is being deleted; it is rendered anew";
                condition(Holds::False, "RenderedAnew", message)
            }
        },
    }
}

fn events(
    world: &RevisionWorld,
    subject: &RevisionSubject,
    report: Option<&RevisionReport>,
) -> Vec<EventReport> {
    let tampered = usable(subject)
        .filter(|usable| step(world, usable) == Step::Delete)
        .map(|usable| tampered(&usable.canonical.hash));
    let conditions = report.into_iter().flat_map(|report| &report.conditions);
    let invalid = conditions
        .filter(|condition| condition.reason == "Invalid" && !was_told(subject, condition))
        .map(|condition| warning("Invalid", "Render", &condition.message));
    tampered.into_iter().chain(invalid).collect()
}

fn was_told(subject: &RevisionSubject, report: &ConditionReport) -> bool {
    subject
        .status
        .iter()
        .flat_map(|status| &status.conditions)
        .any(|condition| {
            condition.type_ == report.kind.as_str() && condition.reason == report.reason
        })
}

fn tampered(hash: &ConfigHash) -> EventReport {
    let note = format!(
        "ConfigMap {} does not hold the bytes of the hash in its name: it is deleted and rendered anew",
        hash.config_map_name()
    );
    warning("ConfigMapTampered", "DeleteConfigMap", &note)
}

fn warning(reason: &'static str, action: &'static str, note: &str) -> EventReport {
    let note = text::at_most_bytes(&text::one_line(note), text::MAX_EVENT_NOTE);
    EventReport {
        severity: Severity::Warning,
        reason,
        action,
        note,
    }
}

/// Whether a name is one that a rendered configuration has.
pub fn is_config_map_name(name: &str) -> bool {
    name.strip_prefix(names::CONFIG_MAP_PREFIX)
        .is_some_and(|digits| {
            digits.len() == 32
                && digits
                    .bytes()
                    .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
}
