//! What must hold at every moment, and what must be possible.

use stateright::Property;

use crate::desk::{Desk, Scope};
use crate::state::{Half, Pod, State};
use crate::trader::Level;

/// M1: while the declared hashes differ, neither half is given another configuration.
pub const M1: &str = "m1 neither half takes a configuration that the other does not declare";
/// M2: R before W.
pub const M2: &str =
    "m2 W takes only what its mirror has shown, what is proven, or what the glass names";
/// M2, by what W may do: what came through the glass never trades freely.
pub const M2_REDUCING: &str = "m2 W trades freely only with what a mirror has shown at some time";
/// Nobody takes a revoked configuration.
pub const REVOKED: &str = "nobody takes a revoked configuration";
/// One name stands for one hash.
pub const REPLACED: &str = "nobody rolls by a revision whose name stands for something else now";
/// S1: a halt lasts until it is answered.
pub const S1: &str = "s1 a latched halt is in force until spec.resume names it";
/// S1: the trader needs nobody to halt.
pub const S1_ALONE: &str = "s1 what is asked for comes into force by the trader alone";
/// U1: no pod is replaced but by one of another configuration.
pub const U1: &str = "u1 a pod is deleted only where it runs another configuration";

type Condition = fn(&Desk, &State) -> bool;

const ALWAYS: [(&str, Condition); 8] = [
    (M1, |_, state| {
        state.new_templates().all(|(_, grounds)| grounds.is_agreed)
    }),
    (M2, |_, state| {
        let mut new = state.new_templates();
        new.all(|(half, grounds)| half == Half::R || grounds.is_earned)
    }),
    (M2_REDUCING, |_, state| {
        match (state.trader, state.sides.w.pod) {
            (Some(trader), Some(pod)) => {
                trader.in_force(state.latch).is_some() || state.record.soaked.has(pod.configuration)
            }
            _ => true,
        }
    }),
    (REVOKED, |_, state| {
        state.new_templates().all(|(_, grounds)| grounds.is_allowed)
    }),
    (REPLACED, |_, state| {
        Half::BOTH
            .into_iter()
            .all(|half| !state.rolls_by_reused_name(half))
    }),
    (S1, |_, state| {
        state
            .trader
            .is_none_or(|trader| trader.in_force(state.latch) >= state.record.unanswered)
    }),
    (S1_ALONE, |_, state| state.halts_alone()),
    (U1, |_, state| {
        Half::BOTH
            .into_iter()
            .all(|half| state.deletes_for_a_reason(half))
    }),
];

/// What must be possible somewhere, so that nothing above holds because nothing happens.
pub const POSSIBLE: [(&str, Condition); 15] = [
    ("W starts", |_, state| {
        state.sides.w.pod.is_some_and(Pod::is_ready)
    }),
    ("W rolls to what its mirror has shown", |_, state| {
        state.runs_second() && state.record.soaked == state.status.proven
    }),
    ("W goes back without waiting for its mirror", |_, state| {
        state.plans.w.is_some_and(|plan| plan.template.is_some())
            && state
                .sides
                .r
                .pod
                .is_none_or(|pod| pod.stage < crate::state::Stage::Soaked)
    }),
    ("both are held by different hashes", |_, state| {
        Half::BOTH
            .into_iter()
            .all(|half| state.view(half).target(None) == Err(crate::operator::Hold::HashesDiffer))
    }),
    ("W is held by a missing mirror", |_, state| {
        state.view(Half::W).target(None) == Err(crate::operator::Hold::NoMirror)
    }),
    ("both are held by a reused name", |_, state| {
        Half::BOTH.into_iter().all(|half| {
            state.view(half).target(None) == Err(crate::operator::Hold::RevisionReplaced)
        })
    }),
    (
        "the operator acts on what is not so any more",
        |_, state| {
            state.plans.w.is_some_and(|plan| plan.template.is_some())
                && state.specs.declared.w != state.specs.declared.r
        },
    ),
    (
        "W runs what came through the glass, Reducing",
        |_, state| {
            state.runs_unshown()
                && state
                    .trader
                    .is_some_and(|trader| trader.in_force(state.latch) == Some(Level::Reducing))
        },
    ),
    ("the glass has expired, and W stays Reducing", |_, state| {
        state.runs_unshown() && state.specs.glass.is_none() && state.latch == Some(Level::Reducing)
    }),
    (
        "what came through the glass is proven later, and trades",
        |_, state| state.runs_second() && state.is_trading() && state.status.ceiling.is_none(),
    ),
    ("a revoked configuration runs, Halted", |_, state| {
        state
            .sides
            .w
            .pod
            .is_some_and(|pod| state.specs.revoked.has(pod.configuration))
            && state.latch == Some(Level::Halted)
    }),
    ("W is halted", |_, state| state.latch == Some(Level::Halted)),
    (
        "W is halted, and nothing asks for it any more",
        |_, state| state.latch == Some(Level::Halted) && state.asked().is_none(),
    ),
    ("W is halted in the middle of a roll", |_, state| {
        state.latch == Some(Level::Halted)
            && state
                .sides
                .w
                .pod
                .zip(state.sides.w.template)
                .is_some_and(|(pod, template)| pod.configuration != template.configuration)
    }),
    ("W trades again after its halt was resumed", |_, state| {
        state.asks.resume != crate::trader::Resume::Nothing && state.is_trading()
    }),
];

/// The properties of a scope.
pub fn of(scope: &Scope) -> Vec<Property<Desk>> {
    let always = ALWAYS
        .into_iter()
        .map(|(name, condition)| Property::always(name, condition));
    let possible = POSSIBLE
        .into_iter()
        .filter(|(name, _)| scope.reaches.contains(name))
        .map(|(name, condition)| Property::sometimes(name, condition));
    always.chain(possible).collect()
}

impl State {
    /// The templates that are about to be written, and what they are founded on.
    fn new_templates(&self) -> impl Iterator<Item = (Half, crate::operator::Grounds)> {
        let plans = self.plans;
        Half::BOTH.into_iter().filter_map(move |half| {
            let plan = plans.of(half).as_ref()?;
            plan.template.map(|_| (half, plan.grounds))
        })
    }

    fn rolls_by_reused_name(&self, half: Half) -> bool {
        let new = self.plans.of(half).and_then(|plan| plan.template);
        new.zip(self.sides.of(half).template)
            .is_some_and(|(new, taken)| {
                new.revision == taken.revision && new.configuration != taken.configuration
            })
    }

    fn deletes_for_a_reason(&self, half: Half) -> bool {
        let Some(plan) = self
            .plans
            .of(half)
            .filter(|plan| plan.deletes_pod && !plan.pod_is_gone)
        else {
            return true;
        };
        let side = self.sides.of(half);
        let template = plan.template.or(side.template);
        side.pod
            .zip(template)
            .is_some_and(|(pod, template)| pod.configuration != template.configuration)
    }

    /// Whether the trader, with nobody else doing anything, comes to what is asked of it.
    fn halts_alone(&self) -> bool {
        let mut alone = *self;
        for _ in 0..3 {
            alone.trader_reads_latch(false);
            alone.trader_reads_instance(false);
            alone.trader_latches(false);
        }
        let trader = alone.trader;
        trader.is_none_or(|trader| trader.in_force(alone.latch) >= alone.asked())
    }

    fn is_trading(&self) -> bool {
        self.trader
            .is_some_and(|trader| trader.in_force(self.latch).is_none())
    }

    fn runs_second(&self) -> bool {
        self.sides.w.pod.is_some_and(|pod| {
            pod.is_ready() && pod.configuration == crate::state::Configuration::B
        })
    }

    /// Whether W runs what no mirror ever showed.
    fn runs_unshown(&self) -> bool {
        self.sides
            .w
            .pod
            .is_some_and(|pod| !self.record.soaked.has(pod.configuration))
    }
}
