//! The event loop: each event updates its market, asks the strategies, and judges what they propose.

use std::sync::Arc;

use triptych_crds::TradingState;
use triptych_crds::config_revision::ConfigRevisionSpec;
use triptych_crds::hash::ConfigHash;

use crate::candidate::{Candidate, IdentityPrefix};
use crate::construction::{self, ConstructionError, StrategyOnInstrument};
use crate::desk::{Circumstances, Desk, Desks, SpareVerdicts};
use crate::event::{Event, InstrumentId, Timestamp};
use crate::market::{Instrument, Market};
use crate::order_book::ResyncReason;
use crate::portfolio::{Portfolio, PortfolioName};
use crate::proposal::OrderShape;
use crate::risk::{Breach, Consequence};
use crate::stage::{Stage, TierControl};
use crate::strategies::custom::Algorithms;
use crate::strategies::{Signal, Strategy};

/// What an engine counted since it was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineCounters {
    /// Events taken, those of unknown instruments included.
    pub events: u64,
    /// Candidates handed out.
    pub candidates: u64,
    /// Signals that proposed no trade, because no best bid and ask was known.
    pub signals_without_top: u64,
    /// Events of instruments that the revision does not have.
    pub unknown_instruments: u64,
}

/// The deterministic engine of one revision.
///
/// The same events in the same order give the same candidates: nothing else goes in.
pub struct Engine {
    config_hash: ConfigHash,
    markets: Vec<MarketWithStrategies>,
    desks: Desks,
    stage: Stage,
    control: Option<TierControl>,
    clock: Timestamp,
    counters: EngineCounters,
    round: Round,
}

struct MarketWithStrategies {
    market: Market,
    /// In the order of `spec.strategies`.
    strategies: Vec<Running>,
}

struct Running {
    name: Arc<str>,
    version: Arc<str>,
    identity: IdentityPrefix,
    shape: OrderShape,
    strategy: Box<dyn Strategy>,
}

impl Engine {
    /// Builds the engine of a revision, or says everything in it that this build cannot run.
    pub fn new(
        spec: &ConfigRevisionSpec,
        config_hash: ConfigHash,
    ) -> Result<Self, ConstructionError> {
        Self::with_algorithms(spec, config_hash, &Algorithms::default())
    }

    /// The same with algorithms of other crates, for the `custom` ones of a revision.
    pub fn with_algorithms(
        spec: &ConfigRevisionSpec,
        config_hash: ConfigHash,
        algorithms: &Algorithms,
    ) -> Result<Self, ConstructionError> {
        let parts = construction::parts(spec, algorithms)?;
        let mut markets: Vec<_> = parts
            .instruments
            .into_iter()
            .map(|instrument| MarketWithStrategies {
                market: Market::new(instrument),
                strategies: Vec::new(),
            })
            .collect();
        for part in parts.strategies {
            let on = &mut markets[part.instrument.index()];
            let running = Running::new(part, &config_hash, on.market.instrument());
            on.strategies.push(running);
        }
        let account = parts.account.as_ref();
        let stage = Stage::new(account, spec.strategies.len());
        let enforced = Desk::new(PortfolioName::Enforced, account, parts.rules);
        let all_taken =
            account.map(|_| Desk::new(PortfolioName::AllTaken, account, parts.rules_of_all_taken));
        Ok(Self {
            config_hash,
            markets,
            desks: Desks::new(enforced, all_taken),
            stage,
            control: None,
            clock: Timestamp::default(),
            counters: EngineCounters::default(),
            round: Round::new(spec.strategies.len(), spec.risk_rules.len()),
        })
    }

    /// What the tier allows from the next event on; `None`, as at the start, for a tier that takes
    /// nothing.
    pub fn set_control(&mut self, control: Option<TierControl>) {
        self.control = control;
    }

    /// Takes the next event: one decision round. Every candidate that it causes is judged, in the
    /// order of `spec.strategies`; then the stage decides what is taken; then each is handed to
    /// `on_candidate`.
    ///
    /// Returns why the book of the event's instrument needs a new snapshot, where it does.
    pub fn on_event(
        &mut self,
        event: &Event,
        mut on_candidate: impl FnMut(&Candidate),
    ) -> Option<ResyncReason> {
        self.counters.events += 1;
        self.clock = self.clock.max(event.ts_recv);
        self.desks.forget_breaches();
        let Some(on) = self.markets.get_mut(event.instrument.index()) else {
            self.counters.unknown_instruments += 1;
            return None;
        };
        let resync = on.market.apply(event, self.clock);
        let top = on.market.top();
        let left = top
            .as_ref()
            .and_then(|top| self.desks.follow(event.instrument, top, self.clock));
        self.round.clear();
        for running in &mut on.strategies {
            let Some(signal) = running.strategy.on_event(event, &on.market) else {
                continue;
            };
            let Some(top) = top else {
                self.counters.signals_without_top += 1;
                continue;
            };
            let at = Circumstances {
                market: &on.market,
                top,
                now: self.clock,
            };
            let (desks, spare) = (&mut self.desks, self.round.spare());
            self.round.candidates.push(running.candidate(
                &signal,
                event,
                self.counters.events,
                at,
                desks,
                spare,
            ));
        }
        if let Some(control) = self.control {
            let control = restricted(control, self.desks.breaches());
            if let Some(top) = &top {
                let (state, now) = (control.state, self.clock);
                self.stage.follow(event.instrument, top, now, state, left);
            }
            let rules = self.desks.enforced().rules();
            self.stage
                .decide(&mut self.round.candidates, control, rules, &on.market);
        }
        for candidate in &self.round.candidates {
            self.counters.candidates += 1;
            on_candidate(candidate);
        }
        resync
    }

    /// The limits of losses that broke at the last event, by the portfolio `Enforced`, for the tier to
    /// act upon. Nothing is taken in that event's round already against what they ask for.
    pub fn breaches(&self) -> &[Breach] {
        self.desks.breaches()
    }

    /// The hash of the revision that this engine runs.
    pub fn config_hash(&self) -> &ConfigHash {
        &self.config_hash
    }

    /// The instruments, in the order of `spec.instruments`: an [`InstrumentId`] is the place here.
    pub fn instruments(&self) -> impl ExactSizeIterator<Item = &Instrument> {
        self.markets.iter().map(|on| on.market.instrument())
    }

    /// The instrument with this symbol.
    pub fn instrument_id(&self, symbol: &str) -> Option<InstrumentId> {
        self.instruments()
            .find(|known| *known.symbol == *symbol)
            .map(|known| known.id)
    }

    /// The market of an instrument.
    pub fn market(&self, instrument: InstrumentId) -> Option<&Market> {
        self.markets.get(instrument.index()).map(|on| &on.market)
    }

    /// Names of the risk rules, in the order of every candidate's verdicts.
    pub fn rule_names(&self) -> impl ExactSizeIterator<Item = &'static str> {
        let rules = self.desks.enforced().rules();
        rules.iter().map(|rule| rule.description().name)
    }

    /// The portfolio that takes what enforcement lets through; nothing is in it where the revision
    /// states no portfolio.
    pub fn enforced_portfolio(&self) -> &Portfolio {
        self.desks.enforced().shadow().portfolio()
    }

    /// The portfolio that takes what the stage leaves; nothing is in it where the revision states no
    /// portfolio, or the tier takes nothing.
    pub fn taken_portfolio(&self) -> &Portfolio {
        self.stage.taken().portfolio()
    }

    /// The engine's clock: the newest receive time so far.
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// What was counted so far.
    pub fn counters(&self) -> EngineCounters {
        self.counters
    }
}

/// The tier's wish, and what the breaches of this event ask for before the tier knows of them.
fn restricted(control: TierControl, breaches: &[Breach]) -> TierControl {
    let strictest = breaches.iter().map(|breach| breach.consequence).max();
    let state = match (strictest, control.state) {
        (Some(Consequence::Halt), _) => TradingState::Halted,
        (Some(Consequence::Reduce), TradingState::Active) => TradingState::Reducing,
        (_, state) => state,
    };
    TierControl { state, ..control }
}

/// The candidates of one event, and memory for their verdicts that is used again and again.
struct Round {
    candidates: Vec<Candidate>,
    spare: Vec<SpareVerdicts>,
}

impl Round {
    /// Memory for as many candidates as there are strategies.
    fn new(strategies: usize, rules: usize) -> Self {
        let spare = || SpareVerdicts {
            enforced: Vec::with_capacity(rules),
            all_taken: Vec::with_capacity(rules),
        };
        Self {
            candidates: Vec::with_capacity(strategies),
            spare: std::iter::repeat_with(spare).take(strategies).collect(),
        }
    }

    fn clear(&mut self) {
        for candidate in self.candidates.drain(..) {
            self.spare.push(SpareVerdicts {
                enforced: candidate.verdicts,
                all_taken: candidate.verdicts_all_taken,
            });
        }
    }

    fn spare(&mut self) -> SpareVerdicts {
        self.spare.pop().unwrap_or_default()
    }
}

impl Running {
    fn new(part: StrategyOnInstrument, config_hash: &ConfigHash, instrument: &Instrument) -> Self {
        let version = format!("{}/{}", part.strategy.algorithm(), part.strategy.version());
        let identity = IdentityPrefix::new(
            &part.name,
            &version,
            config_hash.as_str(),
            &instrument.symbol,
        );
        Self {
            name: part.name.into(),
            version: version.into(),
            identity,
            shape: part.shape,
            strategy: part.strategy,
        }
    }

    fn candidate(
        &self,
        signal: &Signal,
        event: &Event,
        round: u64,
        at: Circumstances<'_>,
        desks: &mut Desks,
        spare: SpareVerdicts,
    ) -> Candidate {
        let instrument = at.market.instrument();
        let proposal = self.shape.propose(signal, instrument, &at.top);
        let judged = desks.judge(&proposal, at, spare);
        Candidate {
            id: self.identity.candidate_id(signal.trigger, signal.side),
            round,
            strategy: Arc::clone(&self.name),
            strategy_version: Arc::clone(&self.version),
            symbol: Arc::clone(&instrument.symbol),
            ts_event: event.ts_event,
            ts_recv: event.ts_recv,
            ts_decision: at.now,
            top: at.top,
            proposal,
            trigger: signal.trigger,
            confidence: signal.confidence,
            features: signal.features,
            verdicts: judged.verdicts,
            verdicts_all_taken: judged.verdicts_all_taken,
            enforcement: judged.enforcement,
            portfolios: judged.portfolios,
            stage: None,
        }
    }
}
