//! What the operator sees of the cluster, and its two controllers at work.

use std::collections::BTreeSet;

use triptych_decide::{
    instance,
    plan::{Action, InstancePlan},
    revision, view,
    world::{InstanceUse, InstanceWorld, Revision, RevisionSubject, RevisionWorld, TradingWorld},
};

use super::{Cluster, Crashed, StoredRevision};
use crate::{
    examples::{INSTANCE, NAMESPACE},
    invariants,
};

impl Cluster {
    pub(crate) fn world(&self) -> InstanceWorld {
        let declared = self.revisions.get(&self.instance.spec.config_revision.0);
        let revision = declared.map_or(Revision::Missing, |stored| {
            view::revision(&stored.uid, &stored.spec)
        });
        let config_map = match &revision {
            Revision::Found(found) => self
                .config_maps
                .get(&found.canonical.hash.config_map_name())
                .map(view::config_map),
            _ => None,
        };
        InstanceWorld {
            instance: self.instance.clone(),
            revision,
            config_map,
            claim: self.claim.clone(),
            stateful_set: self.stateful_set.clone(),
            pods: self
                .pod
                .iter()
                .map(|pod| view::pod(&pod.object, pod.answer()))
                .collect(),
            trading: TradingWorld {
                observed_at: Some(self.now()),
                ..self.trading.clone()
            },
        }
    }

    pub(crate) fn revision_world(&self, name: &str) -> RevisionWorld {
        let content = |stored: &StoredRevision| view::revision(&stored.uid, &stored.spec);
        let hashes = self
            .revisions
            .values()
            .filter_map(|stored| content(stored).hash().cloned());
        let status = self.instance.status.as_ref();
        RevisionWorld {
            namespace: NAMESPACE.to_owned(),
            revision: self.revisions.get(name).map(|stored| RevisionSubject {
                name: name.to_owned(),
                generation: Some(1),
                content: content(stored),
                status: stored.status.clone(),
            }),
            config_maps: self.config_maps.values().map(view::config_map).collect(),
            revisions: self.revisions.keys().cloned().collect(),
            revision_hashes: hashes.collect(),
            instances: vec![InstanceUse {
                name: INSTANCE.to_owned(),
                declares: self.instance.spec.config_revision.to_string(),
                running: status
                    .and_then(|status| status.running.as_ref())
                    .map(|running| running.hash.clone()),
                deleting: false,
            }],
            mounted: self.mounted(),
        }
    }

    /// Names of the ConfigMaps that the StatefulSet or the pod refers to.
    pub(crate) fn mounted(&self) -> BTreeSet<String> {
        let template = self.stateful_set.iter().filter_map(|set| {
            set.spec
                .as_ref()
                .and_then(|spec| spec.template.spec.as_ref())
        });
        let pod = self.pod.iter().filter_map(|pod| pod.object.spec.as_ref());
        template
            .chain(pod)
            .flat_map(view::named_config_maps)
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn plan(&self) -> InstancePlan {
        instance::decide(&self.world())
    }

    /// One round of the instance's controller: decide, apply, report. Returns whether it did
    /// anything.
    pub(crate) fn reconcile(&mut self) -> Result<bool, Crashed> {
        let world = self.world();
        let plan = instance::decide(&world);
        invariants::check(&world, &plan, self);
        for action in &plan.actions {
            self.write(action)?;
        }
        let status = plan
            .status
            .status(self.instance.status.as_ref(), &self.now());
        let changed = self.instance.status.as_ref() != Some(&status);
        self.instance.status = Some(status);
        self.events
            .extend(plan.events.iter().map(|event| event.reason));
        Ok(changed || !plan.actions.is_empty() || !plan.events.is_empty())
    }

    /// One round of the revisions' controller, for each revision and for one that is gone.
    pub(crate) fn reconcile_revisions(&mut self) -> Result<bool, Crashed> {
        let mut worked = false;
        let names: Vec<String> = self
            .revisions
            .keys()
            .cloned()
            .chain(["gone".into()])
            .collect();
        for name in names {
            let plan = revision::decide(&self.revision_world(&name));
            invariants::check_revision(&plan, self);
            for action in &plan.actions {
                self.write(action)?;
            }
            worked |= !plan.actions.is_empty();
            let now = self.now();
            if let (Some(report), Some(stored)) = (plan.status, self.revisions.get_mut(&name)) {
                let status = report.status(stored.status.as_ref(), &now);
                worked |= stored.status.as_ref() != Some(&status);
                stored.status = Some(status);
            }
        }
        Ok(worked)
    }

    fn write(&mut self, action: &Action) -> Result<(), Crashed> {
        match &mut self.writes_before_crash {
            Some(0) => {
                self.writes_before_crash = None;
                return Err(Crashed);
            }
            Some(left) => *left -= 1,
            None => {}
        }
        self.writes += 1;
        self.apply(action);
        Ok(())
    }
}
