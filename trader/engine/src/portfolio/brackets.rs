//! Stops and targets of the candidates that a shadow portfolio took in one instrument.

use super::CloseReason;
use crate::decimal::{Price, Quantity};

/// Candidates of one instrument whose stop and target are kept apart. Beyond, the two oldest become
/// one, with the prices of the later of the two.
pub const MAX_BRACKETS: usize = 256;

/// Stop and target of a candidate that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bracket<O> {
    pub(super) quantity: Quantity,
    pub(super) stop: Option<Price>,
    pub(super) target: Option<Price>,
    pub(super) origin: O,
}

impl<O> Bracket<O> {
    /// Why a position of this direction is closed at this touch; the stop is looked at first.
    fn reached(&self, is_long: bool, touch: Price) -> Option<CloseReason> {
        let (lower, upper) = self.levels(is_long);
        let at_lower = lower.is_some_and(|level| touch <= level);
        let at_upper = upper.is_some_and(|level| touch >= level);
        let (is_stopped, is_won) = if is_long {
            (at_lower, at_upper)
        } else {
            (at_upper, at_lower)
        };
        if is_stopped {
            Some(CloseReason::Stop)
        } else {
            is_won.then_some(CloseReason::Target)
        }
    }

    /// The level below the touch and the one above it.
    const fn levels(&self, is_long: bool) -> (Option<Price>, Option<Price>) {
        if is_long {
            (self.stop, self.target)
        } else {
            (self.target, self.stop)
        }
    }
}

/// The brackets of a position, the oldest first.
#[derive(Debug, Clone)]
pub(super) struct Brackets<O> {
    entries: Vec<Bracket<O>>,
    /// The nearest levels: between them nothing is reached, so that most events look no further.
    lower: Option<Price>,
    upper: Option<Price>,
}

impl<O: Copy> Brackets<O> {
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::with_capacity(MAX_BRACKETS),
            lower: None,
            upper: None,
        }
    }

    /// Adds a bracket of a position of this direction.
    pub(super) fn push(&mut self, bracket: Bracket<O>, is_long: bool) {
        if self.entries.len() == MAX_BRACKETS {
            let oldest = self.entries.remove(0);
            let next = &mut self.entries[0];
            let together = next
                .quantity
                .units()
                .saturating_add(oldest.quantity.units());
            next.quantity = Quantity::from_units(together);
        }
        self.entries.push(bracket);
        self.find_nearest(is_long);
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        (self.lower, self.upper) = (None, None);
    }

    /// Takes from the oldest what is not held any more.
    pub(super) fn trim(&mut self, held: Quantity) {
        let protected: i128 = self
            .entries
            .iter()
            .map(|bracket| i128::from(bracket.quantity.units()))
            .sum();
        let mut excess = protected - i128::from(held.units().unsigned_abs());
        if excess <= 0 {
            return;
        }
        self.entries.retain_mut(|bracket| {
            let quantity = i128::from(bracket.quantity.units());
            let cut = excess.clamp(0, quantity);
            excess -= cut;
            bracket.quantity =
                Quantity::from_units(i64::try_from(quantity - cut).unwrap_or_default());
            quantity > cut
        });
        self.find_nearest(held.is_positive());
    }

    /// Takes out the oldest bracket that is reached at this touch.
    pub(super) fn take_reached(
        &mut self,
        is_long: bool,
        touch: Price,
    ) -> Option<(Bracket<O>, CloseReason)> {
        let is_near = self.lower.is_some_and(|level| touch <= level)
            || self.upper.is_some_and(|level| touch >= level);
        if !is_near {
            return None;
        }
        let mut entries = self.entries.iter().enumerate();
        let (place, reason) =
            entries.find_map(|(place, bracket)| Some((place, bracket.reached(is_long, touch)?)))?;
        let bracket = self.entries.remove(place);
        self.find_nearest(is_long);
        Some((bracket, reason))
    }

    fn find_nearest(&mut self, is_long: bool) {
        let levels = || self.entries.iter().map(|bracket| bracket.levels(is_long));
        self.lower = levels().filter_map(|(lower, _)| lower).max();
        self.upper = levels().filter_map(|(_, upper)| upper).min();
    }
}
