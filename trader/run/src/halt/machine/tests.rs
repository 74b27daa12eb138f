//! Tables of what each input does.

use super::*;

const STARTED: Timestamp = Timestamp::UNIX_EPOCH;

fn fresh(number: u32) -> Fresh {
    Fresh {
        id: HaltId(format!("halt-{number}")),
        at: STARTED,
    }
}

fn asks(state: TradingState) -> Option<Asked> {
    (state != TradingState::Active).then(|| Asked {
        state,
        source: Source::Spec,
        reason: format!("{state:?}"),
    })
}

pub(super) fn view(state: TradingState, resume: Option<&str>) -> InstanceView {
    InstanceView::There {
        asked: asks(state),
        resume: resume.map(|id| HaltId(id.to_owned())),
        recorded: None,
    }
}

pub(super) fn gone() -> InstanceView {
    InstanceView::Gone {
        reason: "deleted".to_owned(),
    }
}

/// A machine with its latch and a supply of identifiers.
pub(super) struct Trader {
    pub(super) machine: Machine,
    pub(super) disk: Option<Halt>,
    pub(super) made: u32,
}

impl Trader {
    /// Started on what the disk holds; nothing has been read yet.
    pub(super) fn on(disk: Option<Halt>, made: u32) -> Self {
        Self {
            machine: Machine::new(STARTED),
            disk,
            made,
        }
    }

    /// Started, with latch and TradingInstance read.
    fn trading() -> Self {
        let mut trader = Self::on(None, 0);
        trader.work();
        trader.take(Input::Instance(view(TradingState::Active, None)));
        assert_eq!(trader.state(), TradingState::Active);
        trader
    }

    pub(super) fn take(&mut self, input: Input) {
        self.made += 1;
        self.machine.take(input, fresh(self.made));
    }

    /// Does everything that is to be done with the latch.
    pub(super) fn work(&mut self) {
        while let Some(work) = self.machine.latch_work() {
            match work {
                LatchWork::Read => self.take(Input::LatchRead(self.disk.clone())),
                LatchWork::Write(halt) => {
                    self.disk.clone_from(&halt);
                    self.take(Input::Latched(halt));
                }
            }
        }
    }

    pub(super) fn see(&mut self, view: InstanceView) {
        self.take(Input::Instance(view));
        self.work();
    }

    fn stop(&mut self, by: Stopper, reason: &str) {
        let reason = reason.to_owned();
        self.take(Input::Stop {
            by,
            state: TradingState::Halted,
            reason,
        });
        self.work();
    }

    pub(super) fn state(&self) -> TradingState {
        self.machine.standing().state
    }

    pub(super) fn id(&self) -> Option<String> {
        Some(self.machine.standing().halt?.id?.0)
    }

    fn source(&self) -> Option<Source> {
        Some(self.machine.standing().halt?.source)
    }
}

#[test]
fn nothing_is_traded_before_latch_and_instance_were_read() {
    let orders = [
        vec![
            Input::LatchRead(None),
            Input::Instance(view(TradingState::Active, None)),
        ],
        vec![
            Input::Instance(view(TradingState::Active, None)),
            Input::LatchRead(None),
        ],
        vec![
            Input::LatchUnreadable("garbage".to_owned()),
            Input::Instance(view(TradingState::Active, None)),
            Input::LatchRead(None),
        ],
    ];
    for inputs in orders {
        let mut trader = Trader::on(None, 0);
        for input in inputs {
            assert_eq!(trader.state(), TradingState::Halted);
            assert_eq!((trader.source(), trader.id()), (Some(Source::Start), None));
            trader.take(input);
        }
        assert_eq!(trader.state(), TradingState::Active, "it ends by itself");
    }
}

#[test]
fn each_wish_to_stop_is_followed_and_gets_an_identifier_once_latched() {
    type Stop = fn(&mut Trader);
    let table: [(Stop, TradingState, Source); 5] = [
        (
            |t| t.take(Input::Instance(view(TradingState::Halted, None))),
            TradingState::Halted,
            Source::Spec,
        ),
        (
            |t| t.take(Input::Instance(view(TradingState::Reducing, None))),
            TradingState::Reducing,
            Source::Spec,
        ),
        (
            |t| t.take(Input::Instance(gone())),
            TradingState::Halted,
            Source::InstanceGone,
        ),
        (
            |t| {
                t.take(Input::Stop {
                    by: Stopper::Breaker,
                    state: TradingState::Halted,
                    reason: "loss".to_owned(),
                });
            },
            TradingState::Halted,
            Source::Breaker,
        ),
        (
            |t| {
                t.take(Input::Stop {
                    by: Stopper::Endpoint,
                    state: TradingState::Halted,
                    reason: "fire".to_owned(),
                });
            },
            TradingState::Halted,
            Source::Endpoint,
        ),
    ];
    for (stop, state, source) in table {
        let mut trader = Trader::trading();
        stop(&mut trader);
        assert_eq!((trader.state(), trader.source()), (state, Some(source)));
        assert_eq!(trader.id(), None, "{source}: not latched yet");
        trader.take(Input::LatchFailed("disk full".to_owned()));
        let reason = trader.machine.standing().halt.unwrap().reason;
        assert!(
            reason.starts_with("not latched yet (disk full): "),
            "{reason}"
        );
        trader.work();
        assert_eq!((trader.state(), trader.source()), (state, Some(source)));
        assert!(trader.id().is_some());
    }
}

#[test]
fn only_the_identifier_clears_and_only_what_is_not_asked_for() {
    let mut trader = Trader::trading();
    trader.see(view(TradingState::Halted, None));
    let id = trader.id().unwrap();
    for (view, state) in [
        (view(TradingState::Active, None), TradingState::Halted),
        (
            view(TradingState::Active, Some("halt-0")),
            TradingState::Halted,
        ),
        (view(TradingState::Halted, Some(&id)), TradingState::Halted),
        (gone(), TradingState::Halted),
        (view(TradingState::Active, Some(&id)), TradingState::Active),
        (view(TradingState::Active, None), TradingState::Active),
    ] {
        trader.see(view.clone());
        assert_eq!(trader.state(), state, "{view:?}");
    }
}

#[test]
fn an_old_manifest_with_an_old_resume_never_clears_a_newer_halt() {
    let mut trader = Trader::trading();
    trader.see(view(TradingState::Halted, None));
    let first = trader.id().unwrap();
    trader.see(view(TradingState::Active, Some(&first)));
    trader.see(view(TradingState::Halted, Some(&first)));
    let second = trader.id().unwrap();
    assert_ne!(first, second);
    trader.see(view(TradingState::Active, Some(&first)));
    assert_eq!(
        (trader.state(), trader.id()),
        (TradingState::Halted, Some(second))
    );
}

#[test]
fn an_answer_to_an_older_halt_does_not_clear_a_breaker_that_came_since() {
    let mut trader = Trader::trading();
    trader.see(view(TradingState::Halted, None));
    let first = trader.id().unwrap();
    trader.stop(Stopper::Breaker, "loss");
    let second = trader.id().unwrap();
    assert_ne!(first, second);
    trader.see(view(TradingState::Active, Some(&first)));
    assert_eq!(trader.state(), TradingState::Halted);
    trader.see(view(TradingState::Active, Some(&second)));
    assert_eq!(trader.state(), TradingState::Active);
}

#[test]
fn the_same_stop_again_is_the_same_halt() {
    let mut trader = Trader::trading();
    trader.stop(Stopper::Endpoint, "fire");
    let id = trader.id();
    trader.stop(Stopper::Endpoint, "fire");
    assert_eq!(trader.id(), id);
    trader.stop(Stopper::Endpoint, "flood");
    assert_ne!(trader.id(), id);
}

#[test]
fn a_halt_is_lowered_to_reducing_by_its_identifier_and_stays_a_halt_to_clear() {
    let mut trader = Trader::trading();
    trader.see(view(TradingState::Halted, None));
    let halted = trader.id().unwrap();
    trader.see(view(TradingState::Reducing, None));
    assert_eq!(
        trader.state(),
        TradingState::Halted,
        "asking for less is not enough"
    );
    trader.see(view(TradingState::Reducing, Some(&halted)));
    let reducing = trader.id().unwrap();
    assert_eq!(trader.state(), TradingState::Reducing);
    assert_ne!(halted, reducing);
    trader.see(view(TradingState::Active, Some(&halted)));
    assert_eq!(trader.state(), TradingState::Reducing);
    trader.see(view(TradingState::Active, Some(&reducing)));
    assert_eq!(trader.state(), TradingState::Active);
}

#[test]
fn s1_a_breaker_halts_or_lets_only_reduce_and_never_lowers_a_halt() {
    let breaker = |state, reason: &str| Input::Stop {
        by: Stopper::Breaker,
        state,
        reason: reason.to_owned(),
    };
    let mut trader = Trader::trading();
    trader.take(breaker(TradingState::Reducing, "drawdown"));
    trader.work();
    let reducing = trader.id().expect("it is latched");
    assert_eq!(
        (trader.state(), trader.source()),
        (TradingState::Reducing, Some(Source::Breaker))
    );
    trader.take(breaker(TradingState::Halted, "loss"));
    trader.work();
    let halted = trader.id().expect("it is latched");
    assert_eq!(trader.state(), TradingState::Halted);
    assert_ne!(halted, reducing, "a halt of its own");
    trader.take(breaker(TradingState::Reducing, "drawdown again"));
    trader.work();
    assert_eq!(trader.id(), Some(halted.clone()));
    assert_eq!(trader.state(), TradingState::Halted);
    trader.see(view(TradingState::Active, Some(&reducing)));
    assert_eq!(trader.state(), TradingState::Halted);
    trader.see(view(TradingState::Active, Some(&halted)));
    assert_eq!(trader.state(), TradingState::Active);
}

#[test]
fn a_stop_before_the_latch_was_read_replaces_what_is_found_in_it() {
    let mut before = Trader::trading();
    before.stop(Stopper::Endpoint, "old");
    let mut trader = Trader::on(before.disk, before.made);
    trader.take(Input::LatchUnreadable("slow disk".to_owned()));
    trader.take(Input::Stop {
        by: Stopper::Breaker,
        state: TradingState::Halted,
        reason: "new".to_owned(),
    });
    trader.work();
    trader.see(view(
        TradingState::Active,
        before.machine.wished_id().map(|id| &**id),
    ));
    assert_eq!(
        (trader.state(), trader.source()),
        (TradingState::Halted, Some(Source::Breaker))
    );
}

#[test]
fn s1_a_volume_that_was_lost_takes_up_the_halt_that_the_status_records() {
    let recorded = |id: &str| Recorded {
        id: HaltId(id.to_owned()),
        state: TradingState::Halted,
        source: Source::Breaker,
        reason: "loss".to_owned(),
    };
    let seen = |resume: Option<&str>| InstanceView::There {
        asked: None,
        resume: resume.map(|id| HaltId(id.to_owned())),
        recorded: Some(recorded("halt-old")),
    };
    for (resume, state) in [
        (None, TradingState::Halted),
        (Some("halt-other"), TradingState::Halted),
        (Some("halt-old"), TradingState::Active),
    ] {
        let mut trader = Trader::on(None, 0);
        trader.see(seen(resume));
        trader.work();
        assert_eq!(trader.state(), state, "{resume:?}");
        let latched = trader.disk.as_ref().map(|halt| &*halt.id);
        assert_eq!(
            latched,
            (state == TradingState::Halted).then_some("halt-old")
        );
        trader.see(seen(Some("halt-old")));
        trader.work();
        assert_eq!(trader.state(), TradingState::Active);
        trader.see(seen(None));
        trader.work();
        assert_eq!(
            trader.state(),
            TradingState::Active,
            "once after the start only"
        );
    }
}

#[test]
fn s1_a_latch_that_holds_a_halt_does_not_take_up_another() {
    let mut trader = Trader::trading();
    trader.see(view(TradingState::Halted, None));
    trader.work();
    let latched = trader.disk.clone();
    let mut trader = Trader::on(latched.clone(), 10);
    trader.see(InstanceView::There {
        asked: None,
        resume: None,
        recorded: Some(Recorded {
            id: HaltId("halt-old".to_owned()),
            state: TradingState::Halted,
            source: Source::Breaker,
            reason: String::new(),
        }),
    });
    trader.work();
    assert_eq!(trader.disk, latched);
}
