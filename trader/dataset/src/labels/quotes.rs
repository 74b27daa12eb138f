//! The best prices of one instrument over time.

use triptych_engine::decimal::Price;
use triptych_engine::event::Side;

use super::outcome::Missing;

/// Quotes that are looked at in one step where they cannot decide.
const BLOCK: usize = 256;

/// Where the market data come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A recording: every change of the best prices.
    Recording,
    /// The candidates themselves: the best prices at their decisions, and nothing in between.
    Dataset,
}

impl Source {
    /// The name in the dataset.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recording => "Recording",
            Self::Dataset => "Dataset",
        }
    }

    /// How long best prices count after the last event, in nanoseconds: for a recording as long as
    /// the feed handler takes a silent connection for a living one, 15 s; from a decision on 1 s.
    const fn longest_silence(self) -> i64 {
        match self {
            Self::Recording => 15_000_000_000,
            Self::Dataset => 1_000_000_000,
        }
    }
}

/// Bid and ask from a moment on, in units of 10⁻⁸; zeros where nobody knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quote {
    at: i64,
    bid: i64,
    ask: i64,
}

impl Quote {
    fn is_known(self) -> bool {
        self.bid > 0 && self.ask > 0
    }

    /// The price at which a position that `side` opened is closed.
    fn exit(self, side: Side) -> i64 {
        match side {
            Side::Buy => self.bid,
            Side::Sell => self.ask,
        }
    }
}

/// The extremes of 256 quotes.
#[derive(Debug, Clone, Copy)]
struct Block {
    bid: (i64, i64),
    ask: (i64, i64),
    known: bool,
}

impl Block {
    fn of(quotes: &[Quote]) -> Self {
        let range = |price: fn(&Quote) -> i64| {
            let prices = || quotes.iter().map(price);
            (
                prices().min().unwrap_or_default(),
                prices().max().unwrap_or_default(),
            )
        };
        Self {
            bid: range(|quote| quote.bid),
            ask: range(|quote| quote.ask),
            known: quotes.iter().all(|quote| quote.is_known()),
        }
    }

    fn exits(&self, side: Side) -> (i64, i64) {
        match side {
            Side::Buy => self.bid,
            Side::Sell => self.ask,
        }
    }
}

/// What a path met first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// When, in nanoseconds since the Unix epoch; the start where it was so already then.
    pub at: i64,
    /// The price at which the position was closed.
    pub exit: Price,
}

/// The best prices of one instrument over time: 24 bytes for each change.
#[derive(Debug, Clone)]
pub struct QuotePath {
    source: Source,
    quotes: Vec<Quote>,
    blocks: Vec<Block>,
    last_event: Option<i64>,
}

impl QuotePath {
    /// A path without a quote.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            quotes: Vec::new(),
            blocks: Vec::new(),
            last_event: None,
        }
    }

    /// Where the quotes come from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Takes best bid and ask after an event at a time in nanoseconds since the Unix epoch; `None`
    /// where the event left no best prices. Times never go back: an earlier one counts as the last.
    pub fn observe(&mut self, at: i64, quote: Option<(Price, Price)>) {
        let silence = self.source.longest_silence();
        let at = self.last_event.map_or(at, |last| at.max(last));
        if let Some(last) = self.last_event
            && at - last > silence
        {
            self.push(last + silence, None);
        }
        self.last_event = Some(at);
        self.push(at, quote);
    }

    fn push(&mut self, at: i64, quote: Option<(Price, Price)>) {
        let (bid, ask) = quote.map_or((0, 0), |(bid, ask)| (bid.units(), ask.units()));
        if self
            .quotes
            .last()
            .is_some_and(|last| (last.bid, last.ask) == (bid, ask))
        {
            return;
        }
        self.quotes.push(Quote { at, bid, ask });
        if self.quotes.len().is_multiple_of(BLOCK) {
            let newest = self.quotes.len() - BLOCK;
            self.blocks.push(Block::of(&self.quotes[newest..]));
        }
    }

    /// The price at which a position of `side` could be closed at a moment: the best of the other
    /// side, as of the last event at or before it.
    pub fn exit_at(&self, side: Side, at: i64) -> Result<Price, Missing> {
        known(self.quotes[self.place(at)?]).map(|quote| Price::from_units(quote.exit(side)))
    }

    /// The first moment from `from` to `until` at which a position of `side` could be closed at
    /// `take_profit` or better, or at `stop_loss` or worse; the state at `from` counts.
    pub fn first_touch(
        &self,
        side: Side,
        (from, until): (i64, i64),
        take_profit: Price,
        stop_loss: Price,
    ) -> Result<Option<Touch>, Missing> {
        let (low, high) = match side {
            Side::Buy => (stop_loss.units(), take_profit.units()),
            Side::Sell => (take_profit.units(), stop_loss.units()),
        };
        let mut place = self.place(from)?;
        while let Some(quote) = self.quotes.get(place).filter(|quote| quote.at <= until) {
            if let Some(block) = self.block_from(place) {
                let (lowest, highest) = block.exits(side);
                if block.known && low < lowest && highest < high {
                    place += BLOCK;
                    continue;
                }
            }
            let exit = known(*quote)?.exit(side);
            if exit <= low || high <= exit {
                return Ok(Some(Touch {
                    at: quote.at.max(from),
                    exit: Price::from_units(exit),
                }));
            }
            place += 1;
        }
        if until > self.end() {
            return Err(Missing::RecordingEnds);
        }
        Ok(None)
    }

    /// The lowest and the highest price at which a position of `side` could be closed from `from` to
    /// `until`.
    pub fn extremes(
        &self,
        side: Side,
        (from, until): (i64, i64),
    ) -> Result<(Price, Price), Missing> {
        let mut place = self.place(from)?;
        if until > self.end() {
            return Err(Missing::RecordingEnds);
        }
        let (mut low, mut high) = (i64::MAX, i64::MIN);
        while let Some(quote) = self.quotes.get(place).filter(|quote| quote.at <= until) {
            let whole = self
                .block_from(place)
                .filter(|block| block.known && self.quotes[place + BLOCK - 1].at <= until);
            let ((lowest, highest), step) = if let Some(block) = whole {
                (block.exits(side), BLOCK)
            } else {
                let exit = known(*quote)?.exit(side);
                ((exit, exit), 1)
            };
            (low, high) = (low.min(lowest), high.max(highest));
            place += step;
        }
        Ok((Price::from_units(low), Price::from_units(high)))
    }

    /// The summary of the quotes from `place` on, where a whole block starts there.
    fn block_from(&self, place: usize) -> Option<&Block> {
        if place.is_multiple_of(BLOCK) {
            self.blocks.get(place / BLOCK)
        } else {
            None
        }
    }

    /// The quote in force at a moment.
    fn place(&self, at: i64) -> Result<usize, Missing> {
        let after = self.quotes.partition_point(|quote| quote.at <= at);
        if at > self.end() {
            return Err(Missing::RecordingEnds);
        }
        after.checked_sub(1).ok_or(Missing::NotRecorded)
    }

    fn end(&self) -> i64 {
        self.last_event.unwrap_or(i64::MAX)
    }
}

fn known(quote: Quote) -> Result<Quote, Missing> {
    if quote.is_known() {
        Ok(quote)
    } else {
        Err(Missing::Gap)
    }
}
