//! The strategies of a revision.

use triptych_crds::config_revision::ConfigRevisionSpec;
use triptych_crds::strategies::{
    Algorithm, CustomAlgorithm, Strategy as StrategySpec, ZScoreMeanReversion as ZScoreParameters,
};

use super::{Builder, StrategyOnInstrument};
use crate::decimal::Ratio;
use crate::market::Instrument;
use crate::proposal::{OrderShape, StrategyIndex};
use crate::strategies::Strategy;
use crate::strategies::custom::Algorithms;
use crate::strategies::donchian_breakout::DonchianBreakout;
use crate::strategies::moving_average_crossover::MovingAverageCrossover;
use crate::strategies::order_book_imbalance::OrderBookImbalance;
use crate::strategies::parameters::Parameters;
use crate::strategies::z_score_mean_reversion::{Thresholds, ZScoreMeanReversion};

impl Builder {
    pub(super) fn strategies(
        &mut self,
        spec: &ConfigRevisionSpec,
        algorithms: &Algorithms,
        instruments: &[Instrument],
    ) -> Vec<StrategyOnInstrument> {
        let mut built = Vec::new();
        for (index, strategy) in spec.strategies.iter().enumerate() {
            let path = format!("spec.strategies[{index}]");
            if spec.strategies[..index]
                .iter()
                .any(|known| known.name == strategy.name)
            {
                self.invalid(&format!("{path}.name"), &strategy.name, "each name once");
            }
            let shape = self.shape(&path, index, strategy);
            let mut checked = false;
            for (place, symbol) in strategy.instruments.iter().enumerate() {
                let path_of_symbol = format!("{path}.instruments[{place}]");
                if strategy.instruments[..place].contains(symbol) {
                    self.invalid(&path_of_symbol, symbol, "each symbol once");
                }
                let Some(instrument) = instruments.iter().find(|known| *known.symbol == **symbol)
                else {
                    self.invalid(
                        &path_of_symbol,
                        symbol,
                        "a symbol that stands in spec.instruments",
                    );
                    continue;
                };
                // What is wrong with an algorithm is wrong on every instrument: say it once.
                let said = self.problems.len();
                let algorithm = self.algorithm(&path, strategy, algorithms, instrument);
                if checked {
                    self.problems.truncate(said);
                }
                checked = true;
                if let Some(algorithm) = algorithm {
                    built.push(StrategyOnInstrument {
                        name: strategy.name.to_string(),
                        instrument: instrument.id,
                        shape,
                        strategy: algorithm,
                    });
                }
            }
        }
        built
    }

    fn shape(&mut self, path: &str, index: usize, strategy: &StrategySpec) -> OrderShape {
        OrderShape {
            strategy: StrategyIndex(u16::try_from(index).unwrap_or(u16::MAX)),
            order_type: strategy.order_type,
            quantity: self.above_zero(&format!("{path}.orderQuantity"), &strategy.order_quantity),
            stop_basis_points: strategy.stop_basis_points,
            target_basis_points: strategy.target_basis_points,
        }
    }

    fn algorithm(
        &mut self,
        path: &str,
        strategy: &StrategySpec,
        algorithms: &Algorithms,
        instrument: &Instrument,
    ) -> Option<Box<dyn Strategy>> {
        let path = format!("{path}.algorithm");
        match &strategy.algorithm {
            Algorithm::MovingAverageCrossover(parameters) => {
                if parameters.fast_period >= parameters.slow_period {
                    let path = format!("{path}.{}.fastPeriod", MovingAverageCrossover::ALGORITHM);
                    self.invalid(&path, parameters.fast_period, "less than slowPeriod");
                }
                Some(Box::new(MovingAverageCrossover::new(parameters)))
            }
            Algorithm::DonchianBreakout(parameters) => {
                Some(Box::new(DonchianBreakout::new(parameters)))
            }
            Algorithm::ZScoreMeanReversion(parameters) => {
                let path = format!("{path}.{}", ZScoreMeanReversion::ALGORITHM);
                let thresholds = self.thresholds(&path, parameters);
                Some(Box::new(ZScoreMeanReversion::new(parameters, thresholds)))
            }
            Algorithm::OrderBookImbalance(parameters) => {
                let path = format!("{path}.{}.threshold", OrderBookImbalance::ALGORITHM);
                let threshold = self.decimal(&path, &parameters.threshold);
                Some(Box::new(OrderBookImbalance::new(parameters, threshold)))
            }
            Algorithm::Custom(custom) => {
                self.custom(&format!("{path}.custom"), custom, algorithms, instrument)
            }
        }
    }

    fn custom(
        &mut self,
        path: &str,
        custom: &CustomAlgorithm,
        algorithms: &Algorithms,
        instrument: &Instrument,
    ) -> Option<Box<dyn Strategy>> {
        let Some(build) = algorithms.find(&custom.name) else {
            let linked: Vec<_> = algorithms.names().collect();
            let expected = match linked.as_slice() {
                [] => "an algorithm that this executable links, and it links none".to_owned(),
                names => format!(
                    "an algorithm that this executable links: {}",
                    names.join(", ")
                ),
            };
            self.invalid(&format!("{path}.name"), &custom.name, expected);
            return None;
        };
        let mut parameters = Parameters::new(format!("{path}.parameters"), &custom.parameters);
        let strategy = build(&mut parameters, instrument);
        self.problems.extend(parameters.problems());
        Some(strategy)
    }

    fn thresholds(&mut self, path: &str, parameters: &ZScoreParameters) -> Thresholds {
        let entry_path = format!("{path}.entryThreshold");
        let exit_path = format!("{path}.exitThreshold");
        let entry: Ratio = self.decimal(&entry_path, &parameters.entry_threshold);
        let exit: Ratio = self.decimal(&exit_path, &parameters.exit_threshold);
        if exit >= entry {
            self.invalid(&exit_path, exit, "less than entryThreshold");
        }
        if !ZScoreMeanReversion::can_reach(parameters.period, entry) {
            self.invalid(
                &entry_path,
                entry,
                "at most (period - 1) / sqrt(period), beyond which no sample can be",
            );
        }
        Thresholds { entry, exit }
    }
}
