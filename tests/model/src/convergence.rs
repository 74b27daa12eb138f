//! L1: from wherever people and misfortune left it, everything that happens by itself comes to an end,
//! and the end is the right one.
//!
//! A checker of `eventually` properties does not see cycles, so this walks the whole graph: every
//! state that can be reached, and from each of them the steps that need nobody.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use stateright::Model as _;

use crate::desk::{Action, Desk, QUIET};
use crate::state::{Half, State};

/// What the walk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convergence {
    /// States from which it was checked.
    pub states: usize,
    /// States in which nothing happens by itself any more.
    pub ends: usize,
    /// Steps of everybody on the longest way to an end.
    pub longest_way: u32,
}

/// Why it does not converge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// The steps go round in a circle: these, over and over.
    Circle(Vec<Action>),
    /// It ends here, and something else was declared.
    WrongEnd(Box<State>),
}

/// Walks from each state that can be reached to all of its ends.
pub fn check(desk: &Desk) -> Result<Convergence, Divergence> {
    let states = Reachable::of(desk);
    let mut ways = Ways::new(&states);
    for number in states.numbers.values() {
        ways.follow(*number)?;
    }
    let longest_way = ways.longest.iter().flatten().max();
    Ok(Convergence {
        states: states.values.len(),
        ends: ways.ends,
        longest_way: longest_way.copied().unwrap_or(0),
    })
}

/// Shows each step of a scope once.
pub fn each_step(desk: &Desk, mut look: impl FnMut(&State, Action, &State)) {
    let mut found = Reachable::default();
    for state in desk.init_states() {
        found.add(state);
    }
    let mut visited = 0;
    while let Some(state) = found.values.get(visited).copied() {
        visited += 1;
        for (action, next) in desk.steps(&state) {
            look(&state, action, &next);
            found.add(next);
        }
    }
}

/// Every state that can be reached, by number, and the quiet steps from each.
#[derive(Default)]
struct Reachable {
    values: Vec<State>,
    numbers: HashMap<State, u32, BuildHasherDefault<Mixer>>,
    /// Where the quiet steps of each state begin in `steps`.
    first_step: Vec<usize>,
    steps: Vec<(Action, u32)>,
}

/// A hasher that is fast for many small fields: millions of states are looked up.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(value.into());
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value.cast_unsigned() as u64);
    }

    fn write_u64(&mut self, value: u64) {
        // The multiplier of FxHash and a rotation, so that high bits reach the low ones.
        self.0 = (self.0.rotate_left(5) ^ value)
            .wrapping_mul(0x517c_c1b7_2722_0a95)
            .rotate_left(20);
    }
}

impl Reachable {
    fn of(desk: &Desk) -> Self {
        let mut found = Self::default();
        for state in desk.init_states() {
            found.add(state);
        }
        let mut visited = 0;
        while let Some(state) = found.values.get(visited).copied() {
            visited += 1;
            found.first_step.push(found.steps.len());
            for (action, next) in desk.steps(&state) {
                let number = found.add(next);
                if QUIET.contains(&action) {
                    found.steps.push((action, number));
                }
            }
        }
        found
    }

    fn add(&mut self, state: State) -> u32 {
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(state).or_insert_with(|| {
            self.values.push(state);
            next
        })
    }

    fn quiet_steps(&self, number: u32) -> &[(Action, u32)] {
        let number = number as usize;
        let end = self.first_step.get(number + 1).copied();
        &self.steps[self.first_step[number]..end.unwrap_or(self.steps.len())]
    }
}

/// The quiet steps from each state to its ends, followed depth first.
struct Ways<'a> {
    states: &'a Reachable,
    /// Length of the longest way from each state whose ways are known.
    longest: Vec<Option<u32>>,
    /// Whether a state lies on the way that is being followed.
    is_open: Vec<bool>,
    ends: usize,
}

/// A state on the way that is being followed.
struct Stop {
    number: u32,
    /// How many of its quiet steps were followed.
    followed: usize,
    longest: u32,
}

impl<'a> Ways<'a> {
    fn new(states: &'a Reachable) -> Self {
        let count = states.values.len();
        Self {
            states,
            longest: vec![None; count],
            is_open: vec![false; count],
            ends: 0,
        }
    }

    fn follow(&mut self, from: u32) -> Result<(), Divergence> {
        let mut way = Vec::new();
        self.enter(&mut way, from)?;
        while let Some(stop) = way.last_mut() {
            let steps = self.states.quiet_steps(stop.number);
            match steps.get(stop.followed) {
                Some((_, next)) => {
                    stop.followed += 1;
                    self.enter(&mut way, *next)?;
                }
                None => self.leave(&mut way)?,
            }
        }
        Ok(())
    }

    fn enter(&mut self, way: &mut Vec<Stop>, number: u32) -> Result<(), Divergence> {
        if self.is_open[number as usize] {
            let circle = way.iter().skip_while(|stop| stop.number != number);
            let step = |stop: &Stop| self.states.quiet_steps(stop.number)[stop.followed - 1].0;
            return Err(Divergence::Circle(circle.map(step).collect()));
        }
        if let Some(known) = self.longest[number as usize] {
            if let Some(stop) = way.last_mut() {
                stop.longest = stop.longest.max(known + 1);
            }
            return Ok(());
        }
        self.is_open[number as usize] = true;
        way.push(Stop {
            number,
            followed: 0,
            longest: 0,
        });
        Ok(())
    }

    fn leave(&mut self, way: &mut Vec<Stop>) -> Result<(), Divergence> {
        let Some(stop) = way.pop() else {
            return Ok(());
        };
        let index = stop.number as usize;
        self.is_open[index] = false;
        self.longest[index] = Some(stop.longest);
        if let Some(former) = way.last_mut() {
            former.longest = former.longest.max(stop.longest + 1);
        }
        if stop.longest == 0 {
            self.ends += 1;
            let state = self.states.values[index];
            if !state.is_right_end() {
                return Err(Divergence::WrongEnd(Box::new(state)));
            }
        }
        Ok(())
    }
}

impl State {
    /// Whether this is where everything should have come to: what runs is what the StatefulSets say,
    /// both run what both declare where that may be taken, and the trader does no more than it is
    /// asked for.
    pub fn is_right_end(&self) -> bool {
        let halves = if self.specs.has_mirror {
            &Half::BOTH[..]
        } else {
            &Half::BOTH[..1]
        };
        let runs_its_template = |half: &Half| {
            let side = self.sides.of(*half);
            let template = side.template.map(|taken| taken.configuration);
            side.pod.map(|pod| pod.configuration) == template
                && side
                    .pod
                    .is_none_or(|pod| pod.is_ready() && !pod.is_stopping)
        };
        let runs_declared =
            |half: &Half| self.sides.of(*half).template == Some(self.specs.declares(*half));
        let in_force = self.trader.and_then(|trader| trader.in_force(self.latch));
        let is_free = self.status.ceiling.is_none();
        halves.iter().all(runs_its_template)
            && (!self.can_be_taken() || halves.iter().all(runs_declared) && is_free)
            && (self.trader.is_none() || in_force >= self.asked())
            && in_force.is_some() == (self.trader.is_some() && self.latch.is_some())
    }

    /// Whether nothing is in the way of what is declared.
    fn can_be_taken(&self) -> bool {
        let [w, r] = Half::BOTH.map(|half| self.specs.declares(half));
        let is_reused = |half| {
            self.sides.of(half).template.is_some_and(|taken| {
                let declared = self.specs.declares(half);
                taken.revision == declared.revision && taken != declared
            })
        };
        w == r
            && self.specs.has_mirror
            && !self.specs.revoked.has(w.configuration)
            && !Half::BOTH.into_iter().any(is_reused)
    }
}
