//! The trading state as a pure state machine: inputs in, the state in force and the next latch
//! operation out.
//!
//! One halt is in force at most. A stricter wish of the TradingInstance replaces a milder halt; a
//! breaker or the endpoint replaces whatever is in force, so that an answer to an older halt cannot
//! clear a newer one. Only `spec.resume` with the identifier of the latched halt clears it, and only
//! as far as the TradingInstance asks for nothing stricter.

use jiff::Timestamp;
use triptych_crds::TradingState;
use triptych_crds::text::HaltId;

use super::{Halt, Source, bounded, severity};

/// What a new halt is made of, in case a step needs one.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// An identifier that no halt ever had.
    pub id: HaltId,
    /// Now.
    pub at: Timestamp,
}

/// A state that the TradingInstance asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `Halted` or `Reducing`.
    pub state: TradingState,
    /// Where it is asked.
    pub source: Source,
    /// Why.
    pub reason: String,
}

/// A halt as the status of the TradingInstance records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its identifier.
    pub id: HaltId,
    /// `Halted` or `Reducing`.
    pub state: TradingState,
    /// Where it came from.
    pub source: Source,
    /// Why.
    pub reason: String,
}

/// What was last read of the TradingInstance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceView {
    /// It is there.
    There {
        /// The strictest state that it asks for; `None` where it asks for nothing but trading.
        asked: Option<Asked>,
        /// The halt that it clears.
        resume: Option<HaltId>,
        /// The halt that its status records: the trader's own words, which the operator wrote down.
        recorded: Option<Recorded>,
    },
    /// It is not there any more, or another one has its name.
    Gone {
        /// How that showed.
        reason: String,
    },
}

impl InstanceView {
    fn asked(&self) -> Option<Asked> {
        match self {
            Self::There { asked, .. } => asked.clone(),
            Self::Gone { reason } => Some(Asked {
                state: TradingState::Halted,
                source: Source::InstanceGone,
                reason: reason.clone(),
            }),
        }
    }

    /// The recorded halt, where nobody has cleared it.
    fn still_recorded(&self) -> Option<&Recorded> {
        let Self::There { recorded, .. } = self else {
            return None;
        };
        recorded
            .as_ref()
            .filter(|recorded| !self.resumes(&recorded.id))
    }

    fn resumes(&self, id: &HaltId) -> bool {
        matches!(self, Self::There { resume: Some(resume), .. } if resume == id)
    }
}

/// Who stops the trader without the TradingInstance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopper {
    /// A breaker of the trader.
    Breaker,
    /// `POST /v1/halt`.
    Endpoint,
}

impl Stopper {
    const fn source(self) -> Source {
        match self {
            Self::Breaker => Source::Breaker,
            Self::Endpoint => Source::Endpoint,
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The latch was read: this is in it.
    LatchRead(Option<Halt>),
    /// The latch cannot be read.
    LatchUnreadable(String),
    /// What was in the latch is none, and was set aside.
    NoLatch(String),
    /// The TradingInstance was read.
    Instance(InstanceView),
    /// Somebody stops the trader.
    Stop {
        /// Who.
        by: Stopper,
        /// `Halted`, or `Reducing` for a breaker that lets positions get smaller.
        state: TradingState,
        /// Why.
        reason: String,
    },
    /// The latch holds this now, durably.
    Latched(Option<Halt>),
    /// The latch could not be written.
    LatchFailed(String),
}

/// What is to be done with the latch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LatchWork {
    /// It is to be read.
    Read,
    /// It is to hold this.
    Write(Option<Halt>),
}

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The trading state.
    pub state: TradingState,
    /// Why it is not Active.
    pub halt: Option<HaltInForce>,
}

/// A halt in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HaltInForce {
    /// Its identifier, as soon as it is latched; the start has none.
    pub id: Option<HaltId>,
    /// Where it came from.
    pub source: Source,
    /// Why.
    pub reason: String,
    /// When it began.
    pub since: Timestamp,
}

/// What is known of the latch.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Latch {
    Unread,
    Unreadable(String),
    Holds(Option<Halt>),
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Machine {
    started: Timestamp,
    latch: Latch,
    /// What the latch shall hold.
    wish: Option<Halt>,
    instance: Option<InstanceView>,
    /// Whether latch and TradingInstance were both read since the start.
    compared: bool,
    /// Why the latch could not be written the last time.
    failure: Option<String>,
}

impl Machine {
    /// A trader that has read nothing yet: Halted.
    pub const fn new(started: Timestamp) -> Self {
        Self {
            started,
            latch: Latch::Unread,
            wish: None,
            instance: None,
            compared: false,
            failure: None,
        }
    }

    /// Takes in what happened.
    pub fn take(&mut self, input: Input, fresh: Fresh) {
        match input {
            Input::LatchRead(found) => self.latch_read(found),
            Input::LatchUnreadable(reason) => {
                if !matches!(self.latch, Latch::Holds(_)) {
                    self.latch = Latch::Unreadable(reason);
                }
            }
            Input::NoLatch(reason) => self.no_latch(&reason, &fresh),
            Input::Instance(view) => self.instance = Some(view),
            Input::Stop { by, state, reason } => self.stop(by, state, reason, &fresh),
            Input::Latched(held) => {
                self.latch = Latch::Holds(held);
                self.failure = None;
            }
            Input::LatchFailed(reason) => self.failure = Some(reason),
        }
        self.take_up_recorded(&fresh);
        self.follow_instance(fresh);
    }

    /// What is to be done with the latch now.
    pub fn latch_work(&self) -> Option<LatchWork> {
        match &self.latch {
            Latch::Unread | Latch::Unreadable(_) => Some(LatchWork::Read),
            Latch::Holds(held) if *held == self.wish => None,
            Latch::Holds(_) => Some(LatchWork::Write(self.wish.clone())),
        }
    }

    /// Identifier of the halt that the latch shall hold.
    pub fn wished_id(&self) -> Option<&HaltId> {
        self.wish.as_ref().map(|halt| &halt.id)
    }

    /// Why the latch could not be written the last time.
    pub fn latch_failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// What is in force now. A wish to stop counts before it is latched, a wish to go on only after.
    pub fn standing(&self) -> Standing {
        let held = match &self.latch {
            Latch::Unread => return self.not_started("the latch has not been read yet"),
            Latch::Unreadable(reason) => return self.not_started(reason),
            Latch::Holds(held) => held.as_ref(),
        };
        // Of two that are equally strict, the latched one has an identifier.
        let strictest = self
            .wish
            .iter()
            .chain(held)
            .max_by_key(|halt| severity(halt.state));
        match strictest {
            Some(halt) if self.instance.is_some() || halt.state == TradingState::Halted => {
                Standing {
                    state: halt.state,
                    halt: Some(self.in_force(halt, held == Some(halt))),
                }
            }
            _ if self.instance.is_none() => {
                self.not_started("the TradingInstance has not been read yet")
            }
            _ => Standing {
                state: TradingState::Active,
                halt: None,
            },
        }
    }

    fn not_started(&self, reason: &str) -> Standing {
        Standing {
            state: TradingState::Halted,
            halt: Some(HaltInForce {
                id: None,
                source: Source::Start,
                reason: bounded(reason),
                since: self.started,
            }),
        }
    }

    fn in_force(&self, halt: &Halt, is_latched: bool) -> HaltInForce {
        let reason = match (&self.failure, is_latched) {
            (Some(failure), false) => {
                bounded(&format!("not latched yet ({failure}): {}", halt.reason))
            }
            _ => halt.reason.clone(),
        };
        HaltInForce {
            id: is_latched.then(|| halt.id.clone()),
            source: halt.source,
            reason,
            since: halt.since,
        }
    }

    /// A stop that came while the latch was unknown is newer than what is found in it.
    fn latch_read(&mut self, found: Option<Halt>) {
        if matches!(self.latch, Latch::Holds(_)) {
            return;
        }
        if self.wish.is_none() {
            self.wish.clone_from(&found);
        }
        self.latch = Latch::Holds(found);
    }

    /// Nobody can say which halt held: one of its own takes its place, which a person can clear.
    fn no_latch(&mut self, reason: &str, fresh: &Fresh) {
        if matches!(self.latch, Latch::Holds(_)) {
            return;
        }
        self.latch = Latch::Holds(None);
        self.wish.get_or_insert(Halt {
            id: fresh.id.clone(),
            state: TradingState::Halted,
            source: Source::Latch,
            reason: bounded(reason),
            since: fresh.at,
        });
    }

    /// Every stop is a halt of its own, unless the same or a stricter one is in force already.
    fn stop(&mut self, by: Stopper, state: TradingState, reason: String, fresh: &Fresh) {
        let source = by.source();
        let is_covered = self.wish.as_ref().is_some_and(|halt| {
            severity(halt.state) > severity(state)
                || halt.state == state && halt.source == source && halt.reason == reason
        });
        if !is_covered {
            self.wish = Some(Halt {
                id: fresh.id.clone(),
                state,
                source,
                reason,
                since: fresh.at,
            });
        }
    }

    /// A volume that was lost, with its latch, does not end a halt: once after the start, an empty
    /// latch takes up what the status of the TradingInstance records.
    fn take_up_recorded(&mut self, fresh: &Fresh) {
        let (Latch::Holds(held), Some(instance)) = (&self.latch, &self.instance) else {
            return;
        };
        if std::mem::replace(&mut self.compared, true) || held.is_some() || self.wish.is_some() {
            return;
        }
        self.wish = instance.still_recorded().map(|recorded| Halt {
            id: recorded.id.clone(),
            state: recorded.state,
            source: recorded.source,
            reason: recorded.reason.clone(),
            since: fresh.at,
        });
    }

    /// Follows what the TradingInstance asks for and clears.
    fn follow_instance(&mut self, fresh: Fresh) {
        let (Latch::Holds(held), Some(instance)) = (&self.latch, &self.instance) else {
            return;
        };
        let asked = instance.asked();
        let wanted = asked.as_ref().map_or(0, |asked| severity(asked.state));
        let now = self.wish.as_ref().map_or(0, |halt| severity(halt.state));
        let is_resumed = held.as_ref().is_some_and(|halt| {
            self.wish.as_ref() == Some(halt) && instance.resumes(&halt.id) && wanted < now
        });
        if is_resumed || wanted > now {
            self.wish = asked.map(|asked| Halt {
                id: fresh.id,
                state: asked.state,
                source: asked.source,
                reason: asked.reason,
                since: fresh.at,
            });
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
