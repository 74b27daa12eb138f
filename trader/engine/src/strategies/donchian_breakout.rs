//! Donchian breakout.

use triptych_crds::strategies::DonchianBreakout as Parameters;

use super::rolling_extreme::RollingExtreme;
use super::sampling::{ExactPrice, Sample, Sampler, to_whole};
use super::stance::Stance;
use super::{Features, Signal, Strategy, Trigger};
use crate::event::{Event, Side};
use crate::market::Market;

/// Buys when the price rises above the highest of the last `entryPeriod` samples, sells when it falls
/// below their lowest, and ends the trade at the opposite extreme of the last `exitPeriod` samples.
///
/// The channels are those of the samples before the current one, compared exactly; a price on the
/// border breaks nothing. No signal before the longer of both periods is full.
///
/// Source: R. D. Donchian's channel rule as in C. M. Faith, "Way of the Turtle" (2007), the Turtles'
/// System 1 with its entry and its shorter exit channel; without their filter and position sizing.
#[derive(Debug, Clone)]
pub struct DonchianBreakout {
    sampler: Sampler,
    entry: Channel,
    exit: Channel,
    stance: Stance,
}

/// The highest and the lowest of the past.
#[derive(Debug, Clone)]
struct Channel {
    highest: RollingExtreme,
    lowest: RollingExtreme,
}

/// Both at a moment.
#[derive(Debug, Clone, Copy)]
struct Borders {
    highest: ExactPrice,
    lowest: ExactPrice,
}

impl Channel {
    fn new(period: u32) -> Self {
        Self {
            highest: RollingExtreme::highest(period),
            lowest: RollingExtreme::lowest(period),
        }
    }

    fn borders(&self) -> Option<Borders> {
        Some(Borders {
            highest: self.highest.value()?,
            lowest: self.lowest.value()?,
        })
    }

    fn take(&mut self, price: ExactPrice) {
        self.highest.take(price);
        self.lowest.take(price);
    }
}

impl Borders {
    fn broken_by(self, price: ExactPrice) -> Option<Side> {
        if price > self.highest {
            Some(Side::Buy)
        } else if price < self.lowest {
            Some(Side::Sell)
        } else {
            None
        }
    }
}

impl DonchianBreakout {
    /// The name in a manifest.
    pub const ALGORITHM: &'static str = "donchianBreakout";

    /// A breakout with these parameters.
    pub fn new(parameters: &Parameters) -> Self {
        Self {
            sampler: Sampler::new(parameters.price, parameters.sample_interval_milliseconds),
            entry: Channel::new(parameters.entry_period),
            exit: Channel::new(parameters.exit_period),
            stance: Stance::Flat,
        }
    }

    fn on_sample(&mut self, sample: Sample) -> Option<Signal> {
        let channels = self.entry.borders().zip(self.exit.borders());
        self.entry.take(sample.exact);
        self.exit.take(sample.exact);
        let (entry, exit) = channels?;
        let side = match self.stance {
            Stance::Flat => entry.broken_by(sample.exact),
            Stance::Long => exit
                .broken_by(sample.exact)
                .filter(|side| *side == Side::Sell),
            Stance::Short => exit
                .broken_by(sample.exact)
                .filter(|side| *side == Side::Buy),
        }?;
        let before = self.stance;
        self.stance = before.after(side);
        Some(Signal {
            side,
            trigger: Trigger::Sample(sample.at),
            confidence: None,
            features: Features::of(&[
                ("sampled_price", sample.price),
                ("entry_highest", to_whole(entry.highest)),
                ("entry_lowest", to_whole(entry.lowest)),
                ("exit_highest", to_whole(exit.highest)),
                ("exit_lowest", to_whole(exit.lowest)),
                ("stance", before.feature()),
            ]),
        })
    }
}

impl Strategy for DonchianBreakout {
    fn algorithm(&self) -> &'static str {
        Self::ALGORITHM
    }

    fn version(&self) -> u32 {
        1
    }

    fn on_event(&mut self, event: &Event, market: &Market) -> Option<Signal> {
        let sample = self.sampler.on_event(event, market)?;
        self.on_sample(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::signals_of_samples;
    use triptych_crds::strategies::SampledPrice;

    fn signals(prices: &[&str], entry_period: u32, exit_period: u32) -> Vec<(usize, Side)> {
        let mut strategy = DonchianBreakout::new(&Parameters {
            entry_period,
            exit_period,
            sample_interval_milliseconds: 100,
            price: SampledPrice::LastTrade,
        });
        signals_of_samples(&mut strategy, prices)
    }

    #[test]
    fn a_price_above_the_channel_buys_and_one_below_sells() {
        assert_eq!(
            signals(&["10", "12", "11", "12.01"], 3, 2),
            [(3, Side::Buy)]
        );
        assert_eq!(
            signals(&["10", "12", "11", "9.99"], 3, 2),
            [(3, Side::Sell)]
        );
    }

    #[test]
    fn the_border_itself_breaks_nothing_neither_on_the_way_in_nor_out() {
        assert_eq!(signals(&["10", "12", "11", "12", "11"], 3, 2), []);
        let prices = ["10", "12", "11", "13", "11", "11", "10.99"];
        assert_eq!(signals(&prices, 3, 2), [(3, Side::Buy), (6, Side::Sell)]);
    }

    #[test]
    fn a_constant_price_never_trades() {
        assert_eq!(signals(&["10"; 50], 2, 2), []);
    }

    #[test]
    fn no_signal_before_the_longer_channel_is_full() {
        let rising = ["1", "2", "3", "4", "5", "6"];
        assert_eq!(signals(&rising, 2, 1)[0], (2, Side::Buy));
        assert_eq!(signals(&rising, 5, 1)[0], (5, Side::Buy));
        assert_eq!(signals(&rising, 2, 4)[0], (4, Side::Buy));
        assert_eq!(signals(&rising[..5], 5, 1), []);
    }

    #[test]
    fn an_open_trade_ends_at_the_exit_channel_and_takes_no_second_entry() {
        // Buys at 13; higher highs add nothing; 12 is below the last two samples and ends it.
        let prices = ["10", "12", "11", "13", "14", "15", "12"];
        assert_eq!(signals(&prices, 3, 2), [(3, Side::Buy), (6, Side::Sell)]);
    }

    #[test]
    fn a_fall_through_both_channels_ends_the_trade_and_the_next_one_opens_the_other() {
        let prices = ["10", "12", "11", "13", "5", "4"];
        assert_eq!(
            signals(&prices, 3, 2),
            [(3, Side::Buy), (4, Side::Sell), (5, Side::Sell)]
        );
    }

    #[test]
    fn a_short_trade_ends_above_the_exit_channel() {
        let prices = ["10", "12", "11", "9", "8", "9.5"];
        assert_eq!(signals(&prices, 3, 2), [(3, Side::Sell), (5, Side::Buy)]);
    }

    #[test]
    fn an_exit_channel_longer_than_the_entry_holds_through_smaller_turns() {
        // 3.5 is below the last two samples but above the lowest of four.
        let prices = ["1", "2", "3", "4", "5", "3.5", "0.5"];
        assert_eq!(signals(&prices, 2, 4), [(4, Side::Buy), (6, Side::Sell)]);
    }
}
