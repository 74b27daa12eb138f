//! The event loop: each event updates its market, asks the strategies, and judges what they propose.

use std::sync::Arc;

use triptych_crds::config_revision::ConfigRevisionSpec;
use triptych_crds::hash::ConfigHash;

use crate::candidate::{Candidate, IdentityPrefix};
use crate::construction::{self, ConstructionError, StrategyOnInstrument};
use crate::decision::{enforce, judge};
use crate::event::{Event, InstrumentId, Timestamp};
use crate::market::{Instrument, Market, Top};
use crate::order_book::ResyncReason;
use crate::proposal::OrderShape;
use crate::risk::{RiskContext, RiskRule, Verdict};
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
    rules: Vec<Box<dyn RiskRule>>,
    clock: Timestamp,
    counters: EngineCounters,
    /// Memory for the verdicts of the next candidate.
    verdicts: Vec<Verdict>,
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
        Ok(Self {
            config_hash,
            markets,
            rules: parts.rules,
            clock: Timestamp::default(),
            counters: EngineCounters::default(),
            verdicts: Vec::new(),
        })
    }

    /// Takes the next event and hands each candidate that it causes to `on_candidate`, in the order
    /// of `spec.strategies`: one decision round.
    ///
    /// Returns why the book of the event's instrument needs a new snapshot, where it does.
    pub fn on_event(
        &mut self,
        event: &Event,
        mut on_candidate: impl FnMut(&Candidate),
    ) -> Option<ResyncReason> {
        self.counters.events += 1;
        self.clock = self.clock.max(event.ts_recv);
        let Some(on) = self.markets.get_mut(event.instrument.index()) else {
            self.counters.unknown_instruments += 1;
            return None;
        };
        let resync = on.market.apply(event, self.clock);
        for running in &mut on.strategies {
            let Some(signal) = running.strategy.on_event(event, &on.market) else {
                continue;
            };
            let Some(top) = on.market.top() else {
                self.counters.signals_without_top += 1;
                continue;
            };
            let candidate = running.candidate(
                &signal,
                &mut self.rules,
                Moment {
                    event,
                    market: &on.market,
                    top,
                    now: self.clock,
                    round: self.counters.events,
                },
                std::mem::take(&mut self.verdicts),
            );
            self.counters.candidates += 1;
            on_candidate(&candidate);
            self.verdicts = candidate.verdicts;
        }
        resync
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
        self.rules.iter().map(|rule| rule.description().name)
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

/// The circumstances of a decision.
#[derive(Clone, Copy)]
struct Moment<'a> {
    event: &'a Event,
    market: &'a Market,
    top: Top,
    now: Timestamp,
    round: u64,
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
        rules: &mut [Box<dyn RiskRule>],
        moment: Moment<'_>,
        mut verdicts: Vec<Verdict>,
    ) -> Candidate {
        let Moment {
            event,
            market,
            top,
            now,
            round,
        } = moment;
        let proposal = self.shape.propose(signal, market.instrument(), &top);
        let context = RiskContext {
            proposal: &proposal,
            market,
            top,
            now,
        };
        judge(rules, &context, &mut verdicts);
        let enforcement = enforce(rules, &context, &verdicts);
        for rule in rules {
            rule.record(&proposal, now);
        }
        Candidate {
            id: self.identity.candidate_id(signal.trigger, signal.side),
            round,
            strategy: Arc::clone(&self.name),
            strategy_version: Arc::clone(&self.version),
            symbol: Arc::clone(&market.instrument().symbol),
            ts_event: event.ts_event,
            ts_recv: event.ts_recv,
            ts_decision: now,
            top,
            proposal,
            trigger: signal.trigger,
            confidence: signal.confidence,
            features: signal.features,
            verdicts,
            enforcement,
        }
    }
}
