//! M: W takes a configuration only where its mirror was ready on it for as long as declared, or where it
//! is proven; neither takes one while they declare different hashes.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use triptych_crds::hash::canonical_config;

use super::{
    Parties,
    history::{History, Write},
};

/// The configuration of a pod or of a template.
const CONFIG_HASH: &str = "triptych.trading/config-hash";
/// How long a mirror must have been ready where the promotion says nothing.
const DEFAULT_READY_SECONDS: u64 = 300;

/// What breaks M.
pub(super) fn breaches(history: &History<'_>, parties: &Parties) -> Vec<String> {
    let mut desk = Desk::new(parties);
    history
        .writes()
        .filter_map(|write| {
            let wrong = desk.take_in(write)?;
            Some(format!("M: {wrong}: {}", write.entry))
        })
        .collect()
}

/// A log that shows no trader proves nothing of traders.
pub(super) fn silences(history: &History<'_>, parties: &Parties) -> Vec<String> {
    let shows = |resource: &str, namespace: &str| {
        history
            .writes()
            .any(|write| write.resource() == resource && write.namespace() == namespace)
    };
    let (team, live, demo) = (&parties.team, &parties.live(), &parties.demo());
    [
        ("configrevisions", team),
        ("tradinginstances", team),
        ("statefulsets", live),
        ("statefulsets", demo),
        ("pods", live),
        ("pods", demo),
    ]
    .into_iter()
    .filter(|(resource, namespace)| !shows(resource, namespace))
    .map(|(resource, namespace)| format!("the log shows no {resource} of {namespace}"))
    .collect()
}

/// What the store holds of a system at one moment.
struct Desk {
    team: String,
    live: String,
    demo: String,
    /// Hashes by the names of revisions, worked out from what is stored.
    revisions: BTreeMap<String, String>,
    instances: BTreeMap<String, Declared>,
    /// The configurations that each side's template has had, the newest last.
    templates: BTreeMap<String, Vec<String>>,
    /// The demo side's pods that are ready, by UID: their hash, and since when.
    ready: BTreeMap<String, (String, Timestamp)>,
    /// What W ran to the end of its ramp, as its status was stored.
    proven: BTreeSet<String>,
}

/// What an instance declares.
#[derive(Clone, Debug)]
struct Declared {
    tier: String,
    revision: String,
    mirrors: Option<String>,
    ready_seconds: u64,
}

impl Desk {
    fn new(parties: &Parties) -> Self {
        Self {
            team: parties.team.clone(),
            live: parties.live(),
            demo: parties.demo(),
            revisions: BTreeMap::new(),
            instances: BTreeMap::new(),
            templates: BTreeMap::new(),
            ready: BTreeMap::new(),
            proven: BTreeSet::new(),
        }
    }

    /// Takes in a write; says what is wrong with it.
    fn take_in(&mut self, write: Write<'_>) -> Option<String> {
        let namespace = write.namespace();
        match write.resource() {
            "configrevisions" if namespace == self.team => self.revision(write),
            "tradinginstances" if namespace == self.team => self.instance(write),
            "statefulsets" if [&self.live, &self.demo].contains(&&namespace.to_owned()) => {
                return self.template(write);
            }
            "pods" if [&self.live, &self.demo].contains(&&namespace.to_owned()) => {
                return self.pod(write);
            }
            _ => {}
        }
        None
    }

    fn revision(&mut self, write: Write<'_>) {
        match canonical_config(&write.object["spec"]) {
            Ok(canonical) if !write.removes() => {
                let hash = canonical.hash.to_string();
                self.revisions.insert(write.name().to_owned(), hash);
            }
            _ => {
                self.revisions.remove(write.name());
            }
        }
    }

    fn instance(&mut self, write: Write<'_>) {
        if write.removes() {
            self.instances.remove(write.name());
            return;
        }
        let spec = &write.object["spec"];
        let text = |field: &str| spec[field].as_str().map(str::to_owned);
        let ready_seconds = spec["promotion"]["minimumReadySeconds"].as_u64();
        let declared = Declared {
            tier: text("tier").unwrap_or_default(),
            revision: text("configRevision").unwrap_or_default(),
            mirrors: text("mirrorOf"),
            ready_seconds: ready_seconds.unwrap_or(DEFAULT_READY_SECONDS),
        };
        self.instances.insert(write.name().to_owned(), declared);
        let proven = write.object["status"]["proven"].as_array();
        let hashes = proven.into_iter().flatten();
        self.proven
            .extend(hashes.filter_map(|one| one["configHash"].as_str().map(str::to_owned)));
    }

    /// A template that changes to another configuration is the moment of a roll.
    fn template(&mut self, write: Write<'_>) -> Option<String> {
        let side = write.namespace().to_owned();
        if write.removes() {
            self.templates.remove(&side);
            return None;
        }
        let annotations = &write.object["spec"]["template"]["metadata"]["annotations"];
        let Some(hash) = annotations[CONFIG_HASH].as_str() else {
            return Some(format!(
                "a template of {side} says nothing of its configuration"
            ));
        };
        let had = self.templates.entry(side.clone()).or_default();
        if had.last().is_some_and(|last| last == hash) {
            return None;
        }
        had.push(hash.to_owned());
        let wrong = if side == self.live {
            self.of_writer(hash, &write.entry.request_received_timestamp)
        } else {
            self.of_mirror(hash)
        };
        wrong.err()
    }

    /// Whether W may take a configuration now.
    fn of_writer(&self, hash: &str, at: &str) -> Result<(), String> {
        let (name, writer) = self
            .of_tier("W")
            .ok_or("a W takes a configuration that no W declares")?;
        let mirrors = |(_, one): &(&String, &Declared)| one.mirrors.as_ref() == Some(name);
        let mirrors: Vec<_> = self.instances.iter().filter(mirrors).collect();
        let [(_, mirror)] = mirrors.as_slice() else {
            return Err(format!("W takes {hash} and has {} mirrors", mirrors.len()));
        };
        self.both_declare(writer, mirror, hash)?;
        if self.proven.contains(hash) {
            return Ok(());
        }
        let needed =
            SignedDuration::from_secs(i64::try_from(writer.ready_seconds).unwrap_or(i64::MAX));
        let at: Timestamp = at.parse().map_err(|_| format!("at no time: {at:?}"))?;
        let mut ready = self.ready.values().filter(|(of, _)| of == hash);
        match ready.next() {
            None => Err(format!(
                "W takes {hash}, unproven, and no mirror is ready on it"
            )),
            Some((_, since)) if at.duration_since(*since) < needed => Err(format!(
                "W takes {hash}, unproven, and its mirror is ready on it since {since} only"
            )),
            Some(_) => Ok(()),
        }
    }

    /// Whether R may take a configuration now. One without a W moves alone.
    fn of_mirror(&self, hash: &str) -> Result<(), String> {
        let (_, mirror) = self
            .of_tier("R")
            .ok_or("an R takes a configuration that no R declares")?;
        let named = mirror.mirrors.as_ref();
        match named.map(|named| (named, self.instances.get(named))) {
            None => Ok(()),
            Some((_, Some(writer))) => self.both_declare(writer, mirror, hash),
            Some((named, None)) => Err(format!("R takes {hash}, and there is no W {named}")),
        }
    }

    fn both_declare(&self, writer: &Declared, mirror: &Declared, hash: &str) -> Result<(), String> {
        let declared = [writer, mirror].map(|one| self.revisions.get(&one.revision));
        if declared
            .iter()
            .all(|one| one.is_some_and(|one| one == hash))
        {
            return Ok(());
        }
        Err(format!(
            "{hash} is taken while W and R declare {declared:?}"
        ))
    }

    fn of_tier(&self, tier: &str) -> Option<(&String, &Declared)> {
        self.instances.iter().find(|(_, one)| one.tier == tier)
    }

    /// A pod runs what a template of its side said, and the demo side's is evidence while it is ready.
    fn pod(&mut self, write: Write<'_>) -> Option<String> {
        let deleting = !write.object["metadata"]["deletionTimestamp"].is_null();
        let hash = write.annotation(CONFIG_HASH).unwrap_or_default().to_owned();
        let since = ready_since(write.object).filter(|_| !deleting && !write.removes());
        if write.namespace() == self.demo {
            match since {
                Some(since) => {
                    self.ready
                        .insert(write.uid().to_owned(), (hash.clone(), since));
                }
                None => {
                    self.ready.remove(write.uid());
                }
            }
        }
        if write.entry.verb != "create" || write.subresource() != "" {
            return None;
        }
        let templates = self.templates.get(write.namespace());
        let known = templates.is_some_and(|had| had.contains(&hash));
        (!known).then(|| {
            format!(
                "a pod of {} runs {hash:?}, which no template said",
                write.namespace()
            )
        })
    }
}

/// Since when a pod is ready.
fn ready_since(pod: &Value) -> Option<Timestamp> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let ready = conditions
        .iter()
        .find(|one| one["type"] == "Ready" && one["status"] == "True")?;
    ready["lastTransitionTime"].as_str()?.parse().ok()
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
