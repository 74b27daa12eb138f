//! What a trader takes of a decision round: the stage after the verdicts.
//!
//! Verdicts are those at a ratio of 1, whatever the tier. Here the trading state and the live ratio
//! cut what enforcement let through, with a record of their own. The portfolio `Taken` holds what is
//! left: what this trader would hold.
//!
//! - `Size`: the quantity times the ratio, rounded down to the instrument's increment, and every
//!   limit of exposure times the ratio.
//! - `Count`: of L entries that a round accepts, floor(L * ratio) whole, those with the highest
//!   confidence first, ties in the order of `spec.strategies`.
//!
//! Both act on what opens a position. What makes the position of `Enforced` smaller makes that of `Taken`
//! smaller by the same part, rounded up to the increment, whatever the ratio is by then: where
//! `Enforced` is out, `Taken` is out.

use triptych_crds::TradingState;
use triptych_crds::trading_instance::LiveRatioMode;

use crate::candidate::{Candidate, Denial, Enforcement};
use crate::decimal::{Quantity, Ratio, UNITS_PER_WHOLE};
use crate::desk::Left;
use crate::event::{InstrumentId, Side, Timestamp};
use crate::market::{Market, Top};
use crate::portfolio::{Account, PortfolioName, Shadow};
use crate::proposal::Proposal;
use crate::risk::{Action, Outcome, RiskContext, RiskRule, assess};

/// How much of the configured exposure may trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveRatio {
    /// Whether it acts on sizes or on counts.
    pub mode: LiveRatioMode,
    /// From 0 to 1.
    pub ratio: Ratio,
}

impl LiveRatio {
    /// All of it, as R trades.
    pub const WHOLE: Self = Self {
        mode: LiveRatioMode::Size,
        ratio: Ratio::ONE,
    };

    /// What limits of exposure are multiplied with.
    const fn exposure_scale(self) -> Ratio {
        match self.mode {
            LiveRatioMode::Size => self.ratio,
            LiveRatioMode::Count => Ratio::ONE,
        }
    }
}

/// What a tier that trades allows at an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierControl {
    /// The trading state in force.
    pub state: TradingState,
    /// How much of the configured exposure may trade.
    pub live: LiveRatio,
}

/// Why nothing of a candidate is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// A rule denies it.
    Denied,
    /// The trading state forbids it.
    State(TradingState),
    /// Others of the round came first.
    Count,
    /// What the ratio leaves is below the instrument's increment.
    BelowIncrement,
    /// It makes a position smaller that `Taken` does not have.
    NothingToReduce,
    /// A rule denies what the ratio leaves.
    Rule(Denial),
}

/// What the stage made of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageRecord {
    /// The trading state in force.
    pub state: TradingState,
    /// How much of the configured exposure might trade.
    pub live: LiveRatio,
    /// What is taken: an accepted intent. Zero for none.
    pub quantity: Quantity,
    /// Why nothing is taken.
    pub not_taken: Option<NotTaken>,
}

/// The portfolio `Taken`, and how it is filled.
pub(crate) struct Stage {
    taken: Shadow,
    /// Places of a round's entries, best first.
    ranking: Vec<usize>,
}

impl Stage {
    pub(crate) fn new(account: Option<&Account>, strategies: usize) -> Self {
        Self {
            taken: Shadow::new(PortfolioName::Taken, account),
            ranking: Vec::with_capacity(strategies),
        }
    }

    pub(crate) const fn taken(&self) -> &Shadow {
        &self.taken
    }

    /// The market of an instrument moved; `of_enforced` is what stops and targets left there: here never
    /// more is left.
    pub(crate) fn follow(
        &mut self,
        instrument: InstrumentId,
        top: &Top,
        now: Timestamp,
        state: TradingState,
        of_enforced: Option<Left>,
    ) {
        self.taken.mark(instrument, top);
        // A halt leaves positions untouched.
        if state == TradingState::Halted {
            return;
        }
        while self.taken.close_reached(instrument, top, now).is_some() {}
        if let Some(Left { size, reason }) = of_enforced {
            self.taken.reduce_to(instrument, size, top, reason, now);
        }
    }

    /// Decides on the candidates of one round, in the order of `spec.strategies`.
    pub(crate) fn decide(
        &mut self,
        round: &mut [Candidate],
        control: TierControl,
        rules: &[Box<dyn RiskRule>],
        market: &Market,
    ) {
        self.rank(round, control.live);
        for (place, candidate) in round.iter_mut().enumerate() {
            let is_counted_in = self.ranking.contains(&place);
            let decided = self.quantity(candidate, control, is_counted_in, rules, market);
            let quantity = decided.unwrap_or(Quantity::ZERO);
            if quantity.is_positive() {
                self.taken
                    .take(&candidate.proposal, quantity, candidate.ts_decision);
            }
            candidate.stage = Some(StageRecord {
                state: control.state,
                live: control.live,
                quantity,
                not_taken: decided.err(),
            });
        }
    }

    /// Keeps the places of the entries that a count leaves.
    fn rank(&mut self, round: &[Candidate], live: LiveRatio) {
        self.ranking.clear();
        if live.mode != LiveRatioMode::Count {
            return;
        }
        let entries = round
            .iter()
            .enumerate()
            .filter(|(_, candidate)| OfEnforced::new(candidate).opens.is_positive());
        self.ranking.extend(entries.map(|(place, _)| place));
        let confidence = |place: usize| round[place].confidence.unwrap_or(f64::NEG_INFINITY);
        self.ranking.sort_unstable_by(|&one, &other| {
            confidence(other)
                .total_cmp(&confidence(one))
                .then(one.cmp(&other))
        });
        let accepted = i128::try_from(self.ranking.len()).unwrap_or_default();
        let left = accepted * i128::from(live.ratio.units()) / i128::from(UNITS_PER_WHOLE);
        self.ranking
            .truncate(usize::try_from(left).unwrap_or_default());
    }

    fn quantity(
        &self,
        candidate: &Candidate,
        control: TierControl,
        is_counted_in: bool,
        rules: &[Box<dyn RiskRule>],
        market: &Market,
    ) -> Result<Quantity, NotTaken> {
        if let Enforcement::Deny(_) = candidate.enforcement {
            return Err(NotTaken::Denied);
        }
        if control.state == TradingState::Halted {
            return Err(NotTaken::State(TradingState::Halted));
        }
        let Cut { closes, opens } = self.cut(candidate, control.live, is_counted_in, market)?;
        let judged = |quantity| self.judged(candidate, quantity, control.live, rules, market);
        if control.state == TradingState::Reducing {
            return if closes.is_positive() {
                judged(closes)
            } else {
                Err(NotTaken::State(TradingState::Reducing))
            };
        }
        let both = closes.units().saturating_add(opens.units());
        match judged(Quantity::from_units(both)) {
            // Where it may not turn the position, it may still end it.
            Err(_) if closes.is_positive() && opens.is_positive() => judged(closes),
            judged => judged,
        }
    }

    /// What the live ratio leaves.
    fn cut(
        &self,
        candidate: &Candidate,
        live: LiveRatio,
        is_counted_in: bool,
        market: &Market,
    ) -> Result<Cut, NotTaken> {
        let increment = market.instrument().quantity_increment;
        let of_enforced = OfEnforced::new(candidate);
        let held = self.held_against(&candidate.proposal);
        if of_enforced.is_exit() && held.is_zero() {
            return Err(NotTaken::NothingToReduce);
        }
        let closes = of_enforced.same_part_of(held, increment);
        let (opens, nothing) = match live.mode {
            LiveRatioMode::Size if live.ratio == Ratio::ONE => {
                (of_enforced.opens, NotTaken::BelowIncrement)
            }
            LiveRatioMode::Size => (
                of_enforced
                    .opens
                    .scaled_by(live.ratio)
                    .round_down_to(increment),
                NotTaken::BelowIncrement,
            ),
            LiveRatioMode::Count if is_counted_in => (of_enforced.opens, NotTaken::Count),
            LiveRatioMode::Count => (Quantity::ZERO, NotTaken::Count),
        };
        if closes.is_zero() && opens.is_zero() {
            return Err(nothing);
        }
        Ok(Cut { closes, opens })
    }

    /// What `Taken` holds against the side of the trade.
    fn held_against(&self, proposal: &Proposal) -> Quantity {
        let held = self.taken.portfolio().position(proposal.instrument);
        held_against(held.quantity(), proposal.side)
    }

    /// The rules on an order's form and on what may be held, once more on what is left.
    fn judged(
        &self,
        candidate: &Candidate,
        mut quantity: Quantity,
        live: LiveRatio,
        rules: &[Box<dyn RiskRule>],
        market: &Market,
    ) -> Result<Quantity, NotTaken> {
        for rule in rules.iter().filter(|rule| rule.holds_what_is_taken()) {
            let proposal = Proposal {
                quantity,
                ..candidate.proposal
            };
            let verdict = assess(
                &**rule,
                &RiskContext {
                    action: Action::Submit,
                    proposal: &proposal,
                    market,
                    top: candidate.top,
                    now: candidate.ts_decision,
                    portfolio: self.taken.portfolio(),
                    exposure_scale: live.exposure_scale(),
                },
            );
            match verdict.outcome {
                Outcome::Pass => {}
                Outcome::Resize(smaller) => quantity = smaller,
                Outcome::Deny(code) => {
                    let rule = verdict.rule;
                    return Err(NotTaken::Rule(Denial { rule, code }));
                }
            }
        }
        Ok(quantity)
    }
}

/// What the live ratio leaves of a candidate.
struct Cut {
    /// What makes the position of `Taken` smaller.
    closes: Quantity,
    /// What opens one, or makes it larger.
    opens: Quantity,
}

/// What a candidate does to the position of `Enforced`.
struct OfEnforced {
    /// What it goes against.
    held: Quantity,
    /// What of it closes that, wholly or in part.
    closes: Quantity,
    /// What of it opens a position or makes one larger.
    opens: Quantity,
}

impl OfEnforced {
    fn new(candidate: &Candidate) -> Self {
        let position = candidate
            .portfolios
            .map_or(Quantity::ZERO, |stated| stated.enforced.position);
        let held = held_against(position, candidate.proposal.side);
        let accepted = candidate.final_quantity();
        let closes = accepted.min(held);
        Self {
            held,
            closes,
            opens: Quantity::from_units(accepted.units() - closes.units()),
        }
    }

    /// Whether it only makes the position smaller.
    const fn is_exit(&self) -> bool {
        self.closes.is_positive() && self.opens.is_zero()
    }

    /// The part of `held` that is the part which it closes of the position of `Enforced`, rounded up
    /// to the increment; all of it where nothing is left there.
    fn same_part_of(&self, held: Quantity, increment: Quantity) -> Quantity {
        if self.closes == self.held || held.is_zero() {
            return held;
        }
        if held == self.held {
            return self.closes;
        }
        let product = i128::from(held.units()) * i128::from(self.closes.units());
        let part = -(-product).div_euclid(i128::from(self.held.units()));
        let step = i128::from(increment.units());
        let rounded = -(-part).div_euclid(step) * step;
        let part = i64::try_from(rounded).map_or(held, Quantity::from_units);
        part.min(held)
    }
}

/// The part of a position that a trade on this side makes smaller.
fn held_against(held: Quantity, side: Side) -> Quantity {
    let units = match side {
        Side::Buy => held.units().saturating_neg(),
        Side::Sell => held.units(),
    };
    Quantity::from_units(units.max(0))
}
