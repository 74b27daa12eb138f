//! The operator: what it sees, what it decides by that, and the writes that it does one after the
//! other. Between any two of them anything may happen, and it may crash.

use crate::desk::Rule;
use crate::state::{Ceiling, Configuration, Half, Side, Specs, Stage, State, Status, Taken};
use crate::trader::Level;

/// What its watches have shown: as it was at some time, not as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caches {
    /// What people declared.
    pub specs: Specs,
    /// What R's pod attests.
    pub evidence: Option<Evidence>,
}

/// What a mirror that is ready attests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// What it runs.
    pub configuration: Configuration,
    /// Whether it has been ready for as long as the gate asks for.
    pub soaked: bool,
}

/// Something that the caches hold a copy of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Watched {
    /// What people declared.
    Specs,
    /// R's pod.
    Mirror,
}

/// What a decision about one half is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The half.
    pub half: Half,
    /// What people declared.
    pub specs: Specs,
    /// StatefulSet and pod of this half.
    pub side: Side,
    /// What R attests.
    pub evidence: Option<Evidence>,
    /// Status of W.
    pub status: Status,
}

/// Why a declared configuration is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "the reasons are those of the conditions: docs/mirror.md"
)]
pub enum Hold {
    RevisionReplaced,
    ConfigurationRevoked,
    NoMirror,
    HashesDiffer,
    BreakingGlass,
    GatesNotPassed,
}

/// What is decided: writes in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The StatefulSet gets this template.
    pub template: Option<Taken>,
    /// The pod that was looked at is deleted.
    pub deletes_pod: bool,
    /// That pod is gone meanwhile: a deletion that names its UID meets nothing, or is refused.
    pub pod_is_gone: bool,
    /// W gets this status.
    pub status: Option<Status>,
    /// What the properties hold against the template.
    pub grounds: Grounds,
}

/// What was so when the operator looked, apart from any rule of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Grounds {
    /// Both halves declared the configuration.
    pub is_agreed: bool,
    /// The account did not revoke it.
    pub is_allowed: bool,
    /// R had been ready on it for long enough, or W had completed it, or the glass was broken for it
    /// and W's status held it to Reducing or less.
    pub is_earned: bool,
}

/// One write of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Write {
    /// The template of the StatefulSet.
    Template(Taken),
    /// The deletion of the pod.
    PodDeletion,
    /// The status of W.
    Status(Status),
}

impl Plan {
    /// The write that comes next.
    pub fn next(&self) -> Option<Write> {
        let deletion = self.deletes_pod.then_some(Write::PodDeletion);
        let template = self.template.map(Write::Template);
        template.or(deletion).or(self.status.map(Write::Status))
    }
}

impl View {
    /// What the StatefulSet is to run; or what is in the way of the declared configuration.
    pub fn target(&self, without: Option<Rule>) -> Result<Taken, Hold> {
        let declared = self.specs.declares(self.half);
        if let Some(taken) = self.side.template {
            if taken.configuration == declared.configuration {
                return Ok(declared);
            }
            if taken.revision == declared.revision && without != Some(Rule::OneNameOneHash) {
                return Err(Hold::RevisionReplaced);
            }
        }
        self.permits(declared.configuration, without)
            .map(|()| declared)
    }

    fn permits(&self, declared: Configuration, without: Option<Rule>) -> Result<(), Hold> {
        if self.specs.revoked.has(declared) && without != Some(Rule::Revocation) {
            return Err(Hold::ConfigurationRevoked);
        }
        self.mirror(declared, without)?;
        let passes = self.half == Half::R
            || self.is_shown(declared)
            || self.may_go_through_glass(declared, without)
            || without == Some(Rule::Gates);
        if passes {
            Ok(())
        } else if self.specs.glass == Some(declared) {
            Err(Hold::BreakingGlass)
        } else {
            Err(Hold::GatesNotPassed)
        }
    }

    fn mirror(&self, declared: Configuration, without: Option<Rule>) -> Result<(), Hold> {
        if !self.specs.has_mirror {
            return Err(Hold::NoMirror);
        }
        let other = self.specs.declares(self.half.other()).configuration;
        if other == declared || without == Some(Rule::EqualHashes) {
            Ok(())
        } else {
            Err(Hold::HashesDiffer)
        }
    }

    fn has_passed_gates(&self, configuration: Configuration) -> bool {
        let wanted = Evidence {
            configuration,
            soaked: true,
        };
        self.evidence == Some(wanted)
    }

    /// Once the status bounds W to it, and nothing else needs a bound.
    fn may_go_through_glass(&self, declared: Configuration, without: Option<Rule>) -> bool {
        let names = |ceiling: Option<Ceiling>| {
            ceiling.is_some_and(|ceiling| ceiling.configuration == declared)
        };
        let is_recorded = names(self.status.ceiling) || without == Some(Rule::CeilingFirst);
        let is_the_only_one =
            names(self.ceiling(without)) || without == Some(Rule::OneCeilingAtATime);
        self.specs.glass == Some(declared) && is_recorded && is_the_only_one
    }

    /// What W runs or is about to run.
    fn status_of_writer(&self, without: Option<Rule>) -> Status {
        let attested = self.side.pod.filter(|pod| pod.is_ready());
        let attested = attested.map(|pod| pod.configuration);
        let ceiling = self.ceiling(without);
        let is_held_down =
            |configuration| ceiling.is_some_and(|ceiling| ceiling.configuration == configuration);
        let mut proven = self.status.proven;
        if let Some(runs) = attested
            && (!is_held_down(runs) || without == Some(Rule::GlassProvesNothing))
        {
            proven = proven.with(runs);
        }
        Status { proven, ceiling }
    }

    /// What came through the glass has to be bound first, be it in the template or in a pod on its way
    /// out; then what is revoked; then what is about to come.
    fn ceiling(&self, without: Option<Rule>) -> Option<Ceiling> {
        let taken = self.side.template.map(|taken| taken.configuration);
        let pod = self.side.pod.map(|pod| pod.configuration);
        let leaving = pod.filter(|_| without != Some(Rule::BoundToTheEnd));
        let mut through_glass = [taken, leaving].into_iter().flatten();
        let through_glass = through_glass.find(|of| self.came_through_glass(*of));
        let mut revoked = [taken, pod].into_iter().flatten();
        let revoked = revoked.find(|of| self.specs.revoked.has(*of));
        let configuration = through_glass
            .or(revoked)
            .or_else(|| self.is_about_to_come(taken, without))?;
        // What is not revoked any more and came through no glass keeps its ceiling until it is shown.
        let recorded = self.status.ceiling.filter(|recorded| {
            recorded.configuration == configuration && self.specs.glass != Some(configuration)
        });
        let level = match recorded {
            _ if self.specs.revoked.has(configuration) => Level::Halted,
            Some(recorded) => recorded.level,
            None => Level::Reducing,
        };
        Some(Ceiling {
            level,
            configuration,
        })
    }

    /// What is declared, where the glass would let it through.
    fn is_about_to_come(
        &self,
        taken: Option<Configuration>,
        without: Option<Rule>,
    ) -> Option<Configuration> {
        let declared = self.specs.declares(Half::W).configuration;
        let comes = taken != Some(declared)
            && self.specs.glass == Some(declared)
            && !self.specs.revoked.has(declared)
            && self.mirror(declared, without).is_ok()
            && !self.is_shown(declared);
        comes.then_some(declared)
    }

    /// Whether the glass names it or the status bounds it, and it has not passed its gates since.
    fn came_through_glass(&self, configuration: Configuration) -> bool {
        let recorded = self.status.ceiling.map(|ceiling| ceiling.configuration);
        let through = [self.specs.glass, recorded].contains(&Some(configuration));
        through && !self.is_shown(configuration)
    }

    /// Whether it is proven or passes its gates now.
    fn is_shown(&self, configuration: Configuration) -> bool {
        self.status.proven.has(configuration) || self.has_passed_gates(configuration)
    }

    /// What is to be written now; `None` where everything is as it should be.
    pub fn decide(&self, without: Option<Rule>) -> Option<Plan> {
        if self.half == Half::R && !self.specs.has_mirror {
            return None;
        }
        let target = self.target(without).ok();
        let template = target.filter(|target| self.side.template != Some(*target));
        let after = template.or(self.side.template);
        let deletes_pod = self.side.pod.zip(after).is_some_and(|(pod, template)| {
            !pod.is_stopping && pod.configuration != template.configuration
        });
        let status = (self.half == Half::W).then(|| self.status_of_writer(without));
        let status = status.filter(|status| *status != self.status);
        let plan = Plan {
            template,
            deletes_pod,
            pod_is_gone: false,
            status,
            grounds: template.map_or_else(Grounds::default, |taken| self.grounds(taken)),
        };
        plan.next().map(|_| plan)
    }

    /// The facts, whatever the rules above make of them.
    fn grounds(&self, taken: Taken) -> Grounds {
        let configuration = taken.configuration;
        let declares = |half| self.specs.declares(half).configuration == configuration;
        let soaked = self
            .evidence
            .is_some_and(|evidence| evidence.configuration == configuration && evidence.soaked);
        let ceiling = self.status.ceiling;
        let held_down = ceiling.is_some_and(|ceiling| ceiling.configuration == configuration);
        let by_glass = self.specs.glass == Some(configuration) && held_down;
        Grounds {
            is_agreed: self.specs.has_mirror && declares(Half::W) && declares(Half::R),
            is_allowed: !self.specs.revoked.has(configuration),
            is_earned: soaked || self.status.proven.has(configuration) || by_glass,
        }
    }
}

impl State {
    /// What R's pod attests now.
    pub fn evidence(&self) -> Option<Evidence> {
        let pod = self.sides.r.pod?;
        if !pod.is_ready() || pod.is_stopping {
            return None;
        }
        Some(Evidence {
            configuration: pod.configuration,
            soaked: pod.stage == Stage::Soaked,
        })
    }

    /// What the operator sees when it looks at a half: its own objects as they are, because it learns
    /// from each of its writes, and all else as its watches have shown it.
    pub fn view(&self, half: Half) -> View {
        View {
            half,
            specs: self.caches.specs,
            side: *self.sides.of(half),
            evidence: self.caches.evidence,
            status: self.status,
        }
    }

    /// A watch shows what there is.
    pub(crate) fn watch_shows(&mut self, watched: Watched) {
        match watched {
            Watched::Specs => self.caches.specs = self.specs,
            Watched::Mirror => self.caches.evidence = self.evidence(),
        }
    }

    /// The operator carries out the next write of a plan.
    pub(crate) fn write(&mut self, half: Half) {
        let Some(mut plan) = self.plans.of(half).as_ref().copied() else {
            return;
        };
        match plan.next() {
            Some(Write::Template(taken)) => {
                self.sides.of_mut(half).template = Some(taken);
                plan.template = None;
                plan.grounds = Grounds::default();
            }
            Some(Write::PodDeletion) => {
                match &mut self.sides.of_mut(half).pod {
                    Some(_) if plan.pod_is_gone => {
                        // Refused: what was to follow is not done.
                        *self.plans.of_mut(half) = None;
                        return;
                    }
                    Some(pod) => pod.is_stopping = true,
                    None => {}
                }
                plan.deletes_pod = false;
                plan.pod_is_gone = false;
            }
            Some(Write::Status(status)) => {
                self.status = status;
                plan.status = None;
            }
            None => {}
        }
        *self.plans.of_mut(half) = plan.next().map(|_| plan);
    }

    /// A pod is gone, and what ran in it.
    pub(crate) fn pod_is_gone(&mut self, half: Half) {
        self.sides.of_mut(half).pod = None;
        if let Some(plan) = self.plans.of_mut(half) {
            plan.pod_is_gone = plan.deletes_pod;
        }
        if half == Half::W {
            self.trader = None;
        }
    }
}
