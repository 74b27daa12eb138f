//! Random histories of the model, lived through by the real state machine of `trader run`: after each
//! step both have the same trading state in force, and the same halt on the volume.

use jiff::Timestamp;
use proptest::prelude::*;
use triptych_crds::{TradingState, text::HaltId};
use triptych_model::{
    desk::{Action, Desk},
    scopes,
    state::State,
    trader::{Level, Resume},
};
use triptych_trader_run::halt::{
    Halt, Source,
    machine::{Asked, Fresh, Input, InstanceView, LatchWork, Machine, Stopper},
};

/// A trader, its volume, and what its TradingInstance resumes.
#[derive(Default)]
struct Real {
    machine: Option<Machine>,
    volume: Option<Halt>,
    resume: Option<HaltId>,
    made: u32,
}

fn trading_state(level: Option<Level>) -> TradingState {
    match level {
        None => TradingState::Active,
        Some(Level::Reducing) => TradingState::Reducing,
        Some(Level::Halted) => TradingState::Halted,
    }
}

impl Real {
    fn take(&mut self, input: Input) {
        self.made += 1;
        let fresh = Fresh {
            id: HaltId(format!("halt-{}", self.made)),
            at: Timestamp::UNIX_EPOCH,
        };
        if let Some(machine) = &mut self.machine {
            machine.take(input, fresh);
        }
    }

    fn start(&mut self) {
        self.machine = Some(Machine::new(Timestamp::UNIX_EPOCH));
    }

    fn live(&mut self, before: &State, action: Action) {
        match action {
            Action::TraderReadsLatch => self.take(Input::LatchRead(self.volume.clone())),
            Action::TraderReadsInstance => {
                let asked = before.asked().map(|level| Asked {
                    state: trading_state(Some(level)),
                    source: Source::Spec,
                    reason: "somebody asks".to_owned(),
                });
                self.take(Input::Instance(InstanceView::There {
                    asked,
                    resume: self.resume.clone(),
                    recorded: None,
                }));
            }
            Action::TraderLatches => {
                let work = self.machine.as_ref().and_then(Machine::latch_work);
                let Some(LatchWork::Write(halt)) = work else {
                    panic!("the model latches, the trader would {work:?}");
                };
                self.volume.clone_from(&halt);
                self.take(Input::Latched(halt));
            }
            Action::HaltByEndpoint => self.take(Input::Stop {
                state: TradingState::Halted,
                by: Stopper::Endpoint,
                reason: format!("request {}", self.made),
            }),
            Action::ResumeById => self.resume = self.volume.as_ref().map(|halt| halt.id.clone()),
            Action::SyncOldManifests => self.resume = Some(HaltId("halt-of-the-past".to_owned())),
            Action::TraderRestarts => self.start(),
            _ => {}
        }
    }

    /// The process comes and goes with its pod.
    fn follow_pod(&mut self, state: &State) {
        if state.trader.is_none() {
            self.machine = None;
        } else if self.machine.is_none() {
            self.start();
        }
    }

    fn compare(&self, state: &State, action: Action) {
        let on_volume = self.volume.as_ref().map(|halt| halt.state);
        let latch = state.latch.map(|level| trading_state(Some(level)));
        assert_eq!(on_volume, latch, "on the volume after {action:?}");
        let in_force = self
            .machine
            .as_ref()
            .map(|machine| machine.standing().state);
        let expected = state
            .trader
            .map(|trader| trading_state(trader.in_force(state.latch)));
        assert_eq!(in_force, expected, "in force after {action:?}");
        let names_latched = self
            .volume
            .as_ref()
            .is_some_and(|halt| self.resume.as_ref() == Some(&halt.id));
        let expected = state.asks.resume == Resume::Latched;
        assert_eq!(names_latched, expected, "resumed after {action:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn s1_each_step_of_the_model_is_a_step_of_the_trader(
        choices in prop::collection::vec(any::<u16>(), 100..400)
    ) {
        for scope in scopes::all() {
            let steps: Vec<Action> = choices.iter().map(|choice| scope.step(*choice)).collect();
            let mut state = scope.start;
            let desk = Desk { scope, without: None };
            let mut real = Real::default();
            if state.sides.w.pod.is_some() {
                real.follow_pod(&state);
                real.live(&state, Action::TraderReadsLatch);
                real.live(&state, Action::TraderReadsInstance);
            }
            for action in steps {
                if let Some(next) = desk.after(&state, action) {
                    real.live(&state, action);
                    state = next;
                    real.follow_pod(&state);
                    real.compare(&state, action);
                }
            }
        }
    }
}
