//! The trader in W's pod, as far as it halts (docs/trader-contract.md, "Halt"): what it has read, what
//! it is about to latch, and what is in force.
//!
//! Identifiers of halts do not count up here, so that there are finitely many states. What matters of
//! one is whether `spec.resume` names the halt that is latched now ([`Resume::Latched`]), and as soon
//! as another halt is latched it names an older one.

use crate::state::State;

/// How much a halt forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Positions may only get smaller.
    Reducing,
    /// No new orders.
    Halted,
}

/// What `spec.resume` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Resume {
    /// Nothing.
    #[default]
    Nothing,
    /// A halt that was in force before, or none that ever was.
    Older,
    /// The halt that is latched.
    Latched,
}

/// What the trader read of its TradingInstance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reading {
    /// The strictest that is asked for.
    pub asked: Option<Level>,
    /// `spec.resume`.
    pub resume: Resume,
}

/// What the trader is to latch in the place of what is latched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// What is latched is right.
    Same,
    /// Another halt, with an identifier of its own.
    Halt(Level),
    /// No halt.
    Nothing,
}

/// The process in W's pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Trader {
    /// Whether it has read its latch.
    pub knows_latch: bool,
    /// What it read of its TradingInstance last.
    pub reading: Option<Reading>,
    /// What it is to latch.
    pub wish: Wish,
}

impl Trader {
    /// One that has just started.
    pub const fn started() -> Self {
        Self {
            knows_latch: false,
            reading: None,
            wish: Wish::Same,
        }
    }

    /// One that has read everything, where nobody asks for a halt.
    pub const fn at_work() -> Self {
        Self {
            knows_latch: true,
            reading: Some(Reading {
                asked: None,
                resume: Resume::Nothing,
            }),
            wish: Wish::Same,
        }
    }

    /// The state in force: `None` is Active. A wish to stop counts before it is latched, a wish to
    /// go on only after.
    pub fn in_force(&self, latch: Option<Level>) -> Option<Level> {
        if !self.knows_latch || self.reading.is_none() {
            return Some(Level::Halted);
        }
        let wished = match self.wish {
            Wish::Halt(level) => Some(level),
            Wish::Same | Wish::Nothing => None,
        };
        latch.max(wished)
    }

    /// Follows what the TradingInstance asks for and clears.
    fn follow(&mut self, latch: Option<Level>, without_latch: bool) {
        let (true, Some(reading)) = (self.knows_latch, self.reading) else {
            return;
        };
        let wished = match self.wish {
            Wish::Same => latch,
            Wish::Halt(level) => Some(level),
            Wish::Nothing => None,
        };
        let is_resumed = (reading.resume == Resume::Latched || without_latch)
            && self.wish == Wish::Same
            && reading.asked < wished;
        if is_resumed || reading.asked > wished {
            self.wish = match reading.asked {
                Some(level) => Wish::Halt(level),
                None if latch.is_none() => Wish::Same,
                None => Wish::Nothing,
            };
        }
    }
}

impl State {
    /// The strictest that W's TradingInstance asks its trader for.
    pub fn asked(&self) -> Option<Level> {
        let people = (self.asks.spec || self.asks.annotation).then_some(Level::Halted);
        let runs = self.sides.w.pod.map(|pod| pod.configuration);
        let ceiling = self.status.ceiling;
        let ceiling = ceiling.filter(|ceiling| Some(ceiling.configuration) == runs);
        people.max(ceiling.map(|ceiling| ceiling.level))
    }

    /// The trader reads its latch.
    pub(crate) fn trader_reads_latch(&mut self, unlatched: bool) {
        let latch = self.latch;
        if let Some(trader) = &mut self.trader {
            trader.knows_latch = true;
            trader.follow(latch, unlatched);
        }
    }

    /// The trader reads its TradingInstance.
    pub(crate) fn trader_reads_instance(&mut self, unlatched: bool) {
        let reading = Reading {
            asked: self.asked(),
            resume: self.asks.resume,
        };
        let latch = self.latch;
        if let Some(trader) = &mut self.trader {
            trader.reading = Some(reading);
            trader.follow(latch, unlatched);
        }
    }

    /// `POST /v1/halt`, or a breaker.
    pub(crate) fn trader_is_stopped(&mut self) {
        if let Some(trader) = &mut self.trader {
            trader.wish = Wish::Halt(Level::Halted);
        }
    }

    /// The latch holds durably what the trader wished.
    pub(crate) fn trader_latches(&mut self, unlatched: bool) {
        let Some(trader) = &mut self.trader else {
            return;
        };
        let wished = match trader.wish {
            _ if !trader.knows_latch => return,
            Wish::Same => return,
            Wish::Halt(level) => Some(level),
            Wish::Nothing => None,
        };
        trader.wish = Wish::Same;
        self.latch = wished;
        // Whatever was named, it was not the halt that is latched now.
        let mut readings = [
            Some(&mut self.asks.resume),
            trader.reading.as_mut().map(|reading| &mut reading.resume),
        ];
        for resume in readings.iter_mut().flatten() {
            if **resume == Resume::Latched {
                **resume = Resume::Older;
            }
        }
        if wished.is_some() {
            self.record.unanswered = wished;
        }
        trader.follow(wished, unlatched);
    }
}
