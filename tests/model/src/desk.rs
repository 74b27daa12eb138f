//! The model: what may happen at each moment, and what comes of it.
//!
//! A [`Scope`] says where it begins and what people and misfortune may do in it, as often as they
//! like. Which of all the possible steps comes next is the choice of an adversary.

use stateright::{Model, Property};

use crate::operator::Watched;
use crate::properties;
use crate::state::{Configuration, Half, Pair, Pod, Revision, Stage, State, Status};
use crate::trader::{Resume, Trader};

/// A step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// One half names a revision.
    Declare(Half, Revision),
    /// One commit names it on both.
    Commit(Revision),
    /// The first revision is deleted, and another configuration gets its name; or back.
    ReuseName,
    /// R's TradingInstance is deleted.
    RemoveMirror,
    /// It is created again.
    ReturnMirror,
    /// The account revokes a configuration.
    Revoke(Configuration),
    /// The account takes that back.
    Allow(Configuration),
    /// `spec.promotion.breakGlass` names a configuration.
    BreakGlass(Configuration),
    /// It expires, or is taken away.
    GlassExpires,
    /// `spec.tradingState: Halted`.
    HaltBySpec,
    /// `spec.tradingState: Active`.
    ActiveBySpec,
    /// The annotation is put on.
    HaltByAnnotation,
    /// The annotation is taken off.
    RemoveAnnotation,
    /// `POST /v1/halt`, or a breaker.
    HaltByEndpoint,
    /// `spec.resume` names the halt that is latched.
    ResumeById,
    /// Old manifests are applied again: `Active`, and the `resume` of a halt of the past.
    SyncOldManifests,

    /// A pod is gone without a word.
    PodLost(Half),
    /// A pod is not ready any more.
    PodFails(Half),
    /// The process in W's pod ends and starts again.
    TraderRestarts,
    /// The operator ends, and starts with nothing in hand.
    OperatorCrashes,
    /// The API server has an older snapshot: of the status nothing is left.
    StatusLost,

    /// A watch of the operator shows what there is.
    WatchShows(Watched),
    /// The operator looks at a half and decides.
    Look(Half),
    /// It does the next of the writes that it decided on.
    Write(Half),
    /// The StatefulSet controller makes a pod.
    PodMade(Half),
    /// The pod gets ready.
    PodReady(Half),
    /// R has been ready for as long as the gate asks for.
    MirrorSoaked,
    /// A pod that was stopping is gone.
    PodGone(Half),
    /// What R has left behind is taken away.
    MirrorCleared,
    /// The trader reads its latch.
    TraderReadsLatch,
    /// The trader reads its TradingInstance.
    TraderReadsInstance,
    /// The trader writes its latch.
    TraderLatches,
}

/// What happens by itself once people are quiet and nothing fails.
pub const QUIET: [Action; 17] = [
    Action::WatchShows(Watched::Specs),
    Action::WatchShows(Watched::Mirror),
    Action::Look(Half::W),
    Action::Look(Half::R),
    Action::Write(Half::W),
    Action::Write(Half::R),
    Action::PodMade(Half::W),
    Action::PodMade(Half::R),
    Action::PodReady(Half::W),
    Action::PodReady(Half::R),
    Action::MirrorSoaked,
    Action::PodGone(Half::W),
    Action::PodGone(Half::R),
    Action::MirrorCleared,
    Action::TraderReadsLatch,
    Action::TraderReadsInstance,
    Action::TraderLatches,
];

/// A rule that can be left out, to show that its absence is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// M1: both halves declare one hash.
    EqualHashes,
    /// M2: W waits for its gates.
    Gates,
    /// A revoked configuration is not taken.
    Revocation,
    /// The glass opens only once W is held to Reducing.
    CeilingFirst,
    /// The glass opens only while nothing else needs a ceiling: there is one at a time.
    OneCeilingAtATime,
    /// A ceiling lasts until the last pod that it bounds is gone.
    BoundToTheEnd,
    /// What came through the glass is not proven by running.
    GlassProvesNothing,
    /// A revision's name stands for one hash.
    OneNameOneHash,
    /// A halt is kept on the volume.
    Latch,
    /// Only its identifier clears a halt.
    OnlyById,
    /// The trader looks at its latch before it trades.
    LatchBeforeTrading,
}

/// Where the model begins, and what may happen in it beside what happens by itself.
#[derive(Clone, Debug)]
pub struct Scope {
    /// A few words.
    pub name: &'static str,
    /// The first moment.
    pub start: State,
    /// What people may do.
    pub people: Vec<Action>,
    /// What may fail.
    pub faults: Vec<Action>,
    /// Whether the operator's watches lag behind; else they show at once what there is.
    pub watches_lag: bool,
    /// Whether R rolls in one step; else its pods come and go step by step, too.
    pub mirror_rolls_at_once: bool,
    /// Whether the operator writes everything in the moment that it decides it.
    pub writes_at_once: bool,
    /// What must be reachable, by the names of [`properties::reachable`].
    pub reaches: Vec<&'static str>,
}

impl Scope {
    /// A step by number, for random histories: mostly what happens by itself, so that something gets
    /// done.
    pub fn step(&self, number: u16) -> Action {
        let deeds: Vec<&Action> = self.people.iter().chain(&self.faults).collect();
        let choice = usize::from(number / 4);
        if number.is_multiple_of(4) {
            *deeds[choice % deeds.len()]
        } else {
            QUIET[choice % QUIET.len()]
        }
    }
}

/// The model of a W and its mirror.
#[derive(Clone, Debug)]
pub struct Desk {
    /// What may happen.
    pub scope: Scope,
    /// The rule that is left out.
    pub without: Option<Rule>,
}

impl Desk {
    /// The moment after a step, if the step is possible and changes anything.
    pub fn after(&self, state: &State, action: Action) -> Option<State> {
        let mut next = *state;
        self.apply(&mut next, action);
        if self.scope.mirror_rolls_at_once {
            next.mirror_rolls();
        }
        if !self.scope.watches_lag {
            next.watch_shows(Watched::Specs);
            next.watch_shows(Watched::Mirror);
        }
        (next != *state).then_some(next)
    }

    /// The possible steps from a state.
    pub fn steps(&self, state: &State) -> impl Iterator<Item = (Action, State)> {
        let Scope { people, faults, .. } = &self.scope;
        let actions = QUIET.iter().chain(people).chain(faults).copied();
        actions.filter_map(|action| Some((action, self.after(state, action)?)))
    }

    fn apply(&self, state: &mut State, action: Action) {
        let is_unlatched = self.without == Some(Rule::OnlyById);
        match action {
            Action::PodLost(half) => state.pod_is_gone(half),
            Action::PodFails(half) => state.pod_fails(half),
            Action::TraderRestarts => state.trader_restarts(),
            Action::OperatorCrashes => state.operator_crashes(),
            Action::StatusLost => state.status = Status::default(),
            Action::WatchShows(watched) => state.watch_shows(watched),
            Action::Look(half) => {
                if state.plans.of(half).is_none() {
                    *state.plans.of_mut(half) = state.view(half).decide(self.without);
                }
                while self.scope.writes_at_once && state.plans.of(half).is_some() {
                    state.write(half);
                }
            }
            Action::Write(half) => state.write(half),
            Action::PodMade(half) => state.pod_is_made(half),
            Action::PodReady(half) => state.pod_advances(half, Stage::Starting, Stage::Ready),
            Action::MirrorSoaked => {
                state.pod_advances(Half::R, Stage::Ready, Stage::Soaked);
            }
            Action::PodGone(half) => {
                if matches!(state.sides.of(half).pod, Some(pod) if pod.is_stopping) {
                    state.pod_is_gone(half);
                }
            }
            Action::MirrorCleared => state.mirror_is_cleared(),
            Action::TraderReadsLatch => state.trader_reads_latch(is_unlatched),
            Action::TraderReadsInstance => state.trader_reads_instance(is_unlatched),
            Action::TraderLatches => state.trader_latches(is_unlatched),
            deed => state.person(deed),
        }
        if state.trader.is_none() && self.without == Some(Rule::Latch) {
            state.latch = None;
        }
        if self.without == Some(Rule::LatchBeforeTrading)
            && let Some(trader) = &mut state.trader
            && !trader.knows_latch
            && trader.reading.is_some()
        {
            trader.knows_latch = true;
            state.latch = None;
        }
    }
}

impl State {
    fn person(&mut self, deed: Action) {
        match deed {
            Action::Declare(half, revision) => *self.specs.declared.of_mut(half) = revision,
            Action::Commit(revision) => {
                self.specs.declared.w = revision;
                self.specs.declared.r = revision;
            }
            Action::ReuseName => self.specs.reused = !self.specs.reused,
            Action::RemoveMirror => self.specs.has_mirror = false,
            Action::ReturnMirror => {
                // An instance of the same name waits until the former one's objects are gone.
                self.specs.has_mirror |=
                    self.sides.r.template.is_none() && self.sides.r.pod.is_none();
            }
            Action::Revoke(configuration) => {
                self.specs.revoked = self.specs.revoked.with(configuration);
            }
            Action::Allow(configuration) => {
                self.specs.revoked = self.specs.revoked.without(configuration);
            }
            Action::BreakGlass(configuration) => self.specs.glass = Some(configuration),
            Action::GlassExpires => {
                // The operator has a clock: it needs no watch to know that.
                self.specs.glass = None;
                self.caches.specs.glass = None;
            }
            Action::HaltBySpec => self.asks.spec = true,
            Action::ActiveBySpec => self.asks.spec = false,
            Action::HaltByAnnotation => self.asks.annotation = true,
            Action::RemoveAnnotation => self.asks.annotation = false,
            Action::HaltByEndpoint => self.trader_is_stopped(),
            Action::ResumeById if self.latch.is_some() => {
                self.asks.resume = Resume::Latched;
                self.record.unanswered = None;
            }
            Action::SyncOldManifests => {
                self.asks.spec = false;
                self.asks.resume = Resume::Older;
            }
            _ => {}
        }
    }

    fn pod_is_made(&mut self, half: Half) {
        let side = self.sides.of_mut(half);
        if let (Some(template), None) = (side.template, side.pod) {
            side.pod = Some(Pod::made(template.configuration));
            if half == Half::W {
                self.trader = Some(Trader::started());
            }
        }
    }

    fn pod_advances(&mut self, half: Half, from: Stage, to: Stage) {
        let Some(pod) = &mut self.sides.of_mut(half).pod else {
            return;
        };
        if pod.stage == from && !pod.is_stopping {
            pod.stage = to;
            if to == Stage::Soaked {
                self.record.soaked = self.record.soaked.with(pod.configuration);
            }
        }
    }

    /// Everything that R's roll consists of.
    fn mirror_rolls(&mut self) {
        while self.plans.r.is_some() {
            self.write(Half::R);
        }
        if matches!(self.sides.r.pod, Some(pod) if pod.is_stopping) {
            self.pod_is_gone(Half::R);
        }
        self.pod_is_made(Half::R);
        self.pod_advances(Half::R, Stage::Starting, Stage::Ready);
    }

    fn pod_fails(&mut self, half: Half) {
        if let Some(pod) = &mut self.sides.of_mut(half).pod
            && pod.is_ready()
        {
            pod.stage = Stage::Starting;
        }
    }

    /// What it had in hand is lost, and it reads everything anew.
    fn operator_crashes(&mut self) {
        self.plans = Pair::default();
        self.watch_shows(Watched::Specs);
        self.watch_shows(Watched::Mirror);
    }

    fn trader_restarts(&mut self) {
        if self.trader.is_some() {
            self.trader = Some(Trader::started());
        }
    }

    /// The account's controller deletes the StatefulSet of an instance that is gone.
    fn mirror_is_cleared(&mut self) {
        if !self.specs.has_mirror && self.plans.r.is_none() {
            self.sides.r.template = None;
            if let Some(pod) = &mut self.sides.r.pod {
                pod.is_stopping = true;
            }
        }
    }
}

impl Model for Desk {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.scope.start]
    }

    fn actions(&self, _: &State, actions: &mut Vec<Action>) {
        actions.extend(QUIET);
        actions.extend(&self.scope.people);
        actions.extend(&self.scope.faults);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.after(state, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(&self.scope)
    }
}
