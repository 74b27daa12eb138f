//! What the operator reports of how far a half is.

use crate::operator::{Hold, View};
use crate::state::Pod;

/// How far a half is, as `status.phase` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "they are described where the API defines them")]
pub enum Phase {
    Pending,
    Starting,
    Running,
    Promoting,
    Rolling,
    Halted,
    Degraded,
}

impl View {
    /// What the operator reports of the half. `shows_halt` says whether its trader tells of a halt.
    pub fn phase(&self, shows_halt: bool) -> Phase {
        let pod = self.side.pod;
        let target = self.target(None);
        let is_wrong = matches!(
            target,
            Err(Hold::RevisionReplaced | Hold::ConfigurationRevoked)
        ) || self.runs_revoked(pod);
        let template = target.ok().or(self.side.template);
        let is_due = pod.zip(template).is_some_and(|(pod, template)| {
            pod.configuration != template.configuration || pod.is_stopping
        });
        match (shows_halt, is_wrong, target, pod) {
            (true, ..) => Phase::Halted,
            (_, true, _, Some(_)) => Phase::Degraded,
            (_, true, _, None) => Phase::Pending,
            (_, _, Err(_), Some(_)) => Phase::Promoting,
            _ if is_due => Phase::Rolling,
            _ if pod.is_some_and(Pod::is_ready) => Phase::Running,
            _ if template.is_none() => Phase::Pending,
            _ => Phase::Starting,
        }
    }

    /// A pod that is ready attests what it runs.
    fn runs_revoked(&self, pod: Option<Pod>) -> bool {
        let attested = pod.filter(|pod| pod.is_ready());
        attested.is_some_and(|pod| self.specs.revoked.has(pod.configuration))
    }
}
