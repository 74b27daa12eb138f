//! The stated portfolios and the rules that judge by them.

use crate::candidate::{Enforcement, StatedPortfolios};
use crate::decimal::{Quantity, Ratio};
use crate::decision::{enforce, judge};
use crate::event::{InstrumentId, Timestamp};
use crate::market::{Market, Top};
use crate::portfolio::{Account, CloseReason, ClosedTrade, PortfolioName, Shadow};
use crate::proposal::Proposal;
use crate::risk::{Action, Breach, RiskContext, RiskRule, Verdict};

/// The circumstances of a decision.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    pub(crate) market: &'a Market,
    pub(crate) top: Top,
    pub(crate) now: Timestamp,
}

/// What stops and targets left of a position.
#[derive(Clone, Copy)]
pub(crate) struct Left {
    /// Its size, long or short.
    pub(crate) size: Quantity,
    /// What closed last.
    pub(crate) reason: CloseReason,
}

/// A shadow portfolio and the rules that judge by it.
pub(crate) struct Desk {
    shadow: Shadow,
    rules: Vec<Box<dyn RiskRule>>,
    /// Places of the rules that follow what the portfolio is worth.
    followers: Vec<usize>,
    /// The first breach of each rule in this event.
    breaches: Vec<Breach>,
}

impl Desk {
    pub(crate) fn new(
        name: PortfolioName,
        account: Option<&Account>,
        rules: Vec<Box<dyn RiskRule>>,
    ) -> Self {
        let followers: Vec<_> = rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.follows_equity())
            .map(|(place, _)| place)
            .collect();
        Self {
            shadow: Shadow::new(name, account),
            breaches: Vec::with_capacity(followers.len()),
            followers,
            rules,
        }
    }

    pub(crate) fn rules(&self) -> &[Box<dyn RiskRule>] {
        &self.rules
    }

    pub(crate) fn shadow(&self) -> &Shadow {
        &self.shadow
    }

    fn context<'a>(&'a self, proposal: &'a Proposal, at: Circumstances<'a>) -> RiskContext<'a> {
        RiskContext {
            action: Action::Submit,
            proposal,
            market: at.market,
            top: at.top,
            now: at.now,
            portfolio: self.shadow.portfolio(),
            exposure_scale: Ratio::ONE,
        }
    }

    /// The market moved: stops and targets close what they protect, and positions have a new value.
    ///
    /// Returns what stops and targets left, where there were any.
    pub(crate) fn follow(
        &mut self,
        instrument: InstrumentId,
        top: &Top,
        now: Timestamp,
    ) -> Option<Left> {
        let has_moved = self.shadow.mark(instrument, top);
        let mut last = None;
        while let Some(closed) = self.shadow.close_reached(instrument, top, now) {
            self.tell_closed(&closed);
            last = Some(closed.reason);
        }
        if has_moved || last.is_some() {
            self.tell_equity(now);
        }
        let held = self.shadow.portfolio().position(instrument).quantity();
        last.map(|reason| Left {
            size: Quantity::from_units(held.units().saturating_abs()),
            reason,
        })
    }

    /// A proposal was made and judged; `quantity` of it is taken, perhaps none.
    fn settle(&mut self, proposal: &Proposal, quantity: Quantity, now: Timestamp) {
        for rule in &mut self.rules {
            rule.record(proposal, now);
        }
        if !quantity.is_positive() {
            return;
        }
        for rule in &mut self.rules {
            rule.taken(Action::Submit, now);
        }
        if let Some(closed) = self.shadow.take(proposal, quantity, now) {
            self.tell_closed(&closed);
        }
        self.tell_equity(now);
    }

    fn tell_equity(&mut self, now: Timestamp) {
        for &place in &self.followers {
            let breach = self.rules[place].follow(self.shadow.portfolio(), now);
            if let Some(breach) = breach
                && !self.breaches.iter().any(|known| known.rule == breach.rule)
            {
                self.breaches.push(breach);
            }
        }
    }

    fn tell_closed(&mut self, closed: &ClosedTrade) {
        for rule in &mut self.rules {
            rule.closed(closed, self.shadow.portfolio());
        }
    }
}

/// Everything that judges a proposal.
pub(crate) struct Desks {
    enforced: Desk,
    /// Only where the revision states a portfolio.
    all_taken: Option<Desk>,
}

/// What became of a proposal.
pub(crate) struct Judged {
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) verdicts_all_taken: Vec<Verdict>,
    pub(crate) enforcement: Enforcement,
    pub(crate) portfolios: Option<StatedPortfolios>,
}

/// Memory for the verdicts of the next candidate.
#[derive(Default)]
pub(crate) struct SpareVerdicts {
    pub(crate) enforced: Vec<Verdict>,
    pub(crate) all_taken: Vec<Verdict>,
}

impl Desks {
    pub(crate) const fn new(enforced: Desk, all_taken: Option<Desk>) -> Self {
        Self {
            enforced,
            all_taken,
        }
    }

    pub(crate) const fn enforced(&self) -> &Desk {
        &self.enforced
    }

    /// The breaches of the portfolio that enforcement leads to, since they were last forgotten.
    pub(crate) fn breaches(&self) -> &[Breach] {
        &self.enforced.breaches
    }

    pub(crate) fn forget_breaches(&mut self) {
        self.enforced.breaches.clear();
        if let Some(all_taken) = &mut self.all_taken {
            all_taken.breaches.clear();
        }
    }

    /// The market of an instrument moved. Returns what stops and targets left of the position of
    /// `Enforced`, where there were any.
    pub(crate) fn follow(
        &mut self,
        instrument: InstrumentId,
        top: &Top,
        now: Timestamp,
    ) -> Option<Left> {
        self.all_taken.as_mut()?.follow(instrument, top, now);
        self.enforced.follow(instrument, top, now)
    }

    /// Judges a proposal by both portfolios and lets each take what is its to take.
    pub(crate) fn judge(
        &mut self,
        proposal: &Proposal,
        at: Circumstances<'_>,
        spare: SpareVerdicts,
    ) -> Judged {
        let SpareVerdicts {
            enforced: mut verdicts,
            all_taken: mut verdicts_all_taken,
        } = spare;
        let context = self.enforced.context(proposal, at);
        judge(self.enforced.rules(), &context, &mut verdicts);
        let enforcement = enforce(self.enforced.rules(), &context, &verdicts);
        verdicts_all_taken.clear();
        let portfolios = self.all_taken.as_ref().map(|all_taken| {
            let context = all_taken.context(proposal, at);
            judge(all_taken.rules(), &context, &mut verdicts_all_taken);
            let mut of_enforced = verdicts.iter();
            verdicts_all_taken.retain_mut(|verdict| {
                let depends = of_enforced.next().is_some_and(|v| v.portfolio.is_some())
                    || verdict.portfolio.is_some();
                verdict.portfolio = Some(PortfolioName::AllTaken);
                depends
            });
            let of = |desk: &Desk| desk.shadow.portfolio().snapshot(proposal.instrument);
            StatedPortfolios {
                enforced: of(&self.enforced),
                all_taken: of(all_taken),
            }
        });
        let quantity = enforcement.quantity_of(proposal);
        self.enforced.settle(proposal, quantity, at.now);
        if let Some(all_taken) = &mut self.all_taken {
            all_taken.settle(proposal, proposal.quantity, at.now);
        }
        Judged {
            verdicts,
            verdicts_all_taken,
            enforcement,
            portfolios,
        }
    }
}
