//! What became of one candidate.

use triptych_engine::decimal::Price;
use triptych_engine::event::Side;

use super::definition::{Definition, HORIZONS};
use super::quotes::{QuotePath, Source};

/// What a label needs to know of its candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Identity of the candidate.
    pub candidate_id: String,
    /// The run that decided on it.
    pub run_id: String,
    /// Its side.
    pub side: Side,
    /// Time of the decision, nanoseconds since the Unix epoch.
    pub decided_at: i64,
    /// The price at which it would have traded.
    pub entry: Price,
    /// Price of its profit target.
    pub target: Option<Price>,
    /// Price of its protective stop.
    pub stop: Option<Price>,
}

/// Why a label is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// No market data of its instrument, or they begin later than it needs. A recording of that time
    /// completes it.
    NotRecorded,
    /// The market data end before its window does. A longer recording completes it.
    RecordingEnds,
    /// At a moment that counts, nobody knew the best prices: the book was not in step, or the feed
    /// was silent. A recording without that hole completes it.
    Gap,
    /// Only the candidates' own prices are at hand, and what lies between them decides. A recording
    /// completes it.
    PathUnknown,
}

impl Missing {
    const ALL: [Self; 4] = [
        Self::NotRecorded,
        Self::RecordingEnds,
        Self::Gap,
        Self::PathUnknown,
    ];

    /// The name in the dataset.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotRecorded => "NotRecorded",
            Self::RecordingEnds => "RecordingEnds",
            Self::Gap => "Gap",
            Self::PathUnknown => "PathUnknown",
        }
    }

    /// The reason of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// A position closed: at which price, and what that earned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exit {
    /// The price.
    pub price: Price,
    /// What the trade earned, in basis points of the entry's value, net of fees.
    pub net_basis_points: f64,
}

/// What ended a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barrier {
    /// The take profit.
    Target,
    /// The stop loss.
    Stop,
    /// Time.
    Horizon,
}

impl Barrier {
    const ALL: [Self; 3] = [Self::Target, Self::Stop, Self::Horizon];

    /// The name in the dataset.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Target => "Target",
            Self::Stop => "Stop",
            Self::Horizon => "Horizon",
        }
    }

    /// The barrier of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|barrier| barrier.name() == name)
    }
}

/// Which barrier was met first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BarrierOutcome {
    /// The barrier.
    pub barrier: Barrier,
    /// When, nanoseconds since the Unix epoch.
    pub at: i64,
    /// The trade closed there.
    pub exit: Exit,
}

/// The best and the worst moment to close a trade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Excursion {
    /// Maximum favourable excursion.
    pub best: Exit,
    /// Maximum adverse excursion.
    pub worst: Exit,
}

/// What became of one candidate: a row of `labels`.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The candidate.
    pub subject: Subject,
    /// Where the market data came from; `None` while nothing is known.
    pub source: Option<Source>,
    /// Take profit and stop loss that counted.
    pub barriers: (Price, Price),
    /// The trade closed at each of [`HORIZONS`].
    pub returns: [Result<Exit, Missing>; HORIZONS.len()],
    /// The triple barrier.
    pub barrier: Result<BarrierOutcome, Missing>,
    /// MFE and MAE.
    pub excursion: Result<Excursion, Missing>,
}

/// Labels a candidate from a market, of which there may be none.
pub fn label(definition: &Definition, subject: &Subject, path: Option<&QuotePath>) -> Label {
    let Subject {
        side,
        entry,
        decided_at,
        ..
    } = *subject;
    let barriers = definition.barriers(side, entry, subject.target, subject.stop);
    let closed = |price| Exit {
        price,
        net_basis_points: definition.net_basis_points(side, entry, price),
    };
    let returns = HORIZONS.map(|(_, horizon)| {
        path.ok_or(Missing::NotRecorded)?
            .exit_at(side, decided_at.saturating_add(horizon))
            .map(closed)
    });
    let window = (
        decided_at,
        decided_at.saturating_add(definition.barrier_nanoseconds()),
    );
    let whole_path = path
        .ok_or(Missing::NotRecorded)
        .and_then(|path| match path.source() {
            Source::Recording => Ok(path),
            Source::Dataset => Err(Missing::PathUnknown),
        });
    let barrier = whole_path.and_then(|path| {
        let (take_profit, stop_loss) = barriers;
        if let Some(touch) = path.first_touch(side, window, take_profit, stop_loss)? {
            let good = match side {
                Side::Buy => touch.exit >= take_profit,
                Side::Sell => touch.exit <= take_profit,
            };
            return Ok(BarrierOutcome {
                barrier: if good { Barrier::Target } else { Barrier::Stop },
                at: touch.at,
                exit: closed(touch.exit),
            });
        }
        Ok(BarrierOutcome {
            barrier: Barrier::Horizon,
            at: window.1,
            exit: closed(path.exit_at(side, window.1)?),
        })
    });
    let excursion = whole_path.and_then(|path| {
        let (low, high) = path.extremes(side, window)?;
        let (best, worst) = match side {
            Side::Buy => (high, low),
            Side::Sell => (low, high),
        };
        Ok(Excursion {
            best: closed(best),
            worst: closed(worst),
        })
    });
    let mut label = Label {
        subject: subject.clone(),
        source: None,
        barriers,
        returns,
        barrier,
        excursion,
    };
    label.source = path.map(QuotePath::source).filter(|_| label.known() > 0);
    label
}

impl Label {
    /// How many of the six labels are known.
    pub fn known(&self) -> usize {
        self.returns.iter().filter(|exit| exit.is_ok()).count()
            + usize::from(self.barrier.is_ok())
            + usize::from(self.excursion.is_ok())
    }

    /// Whether no later run can add anything.
    pub fn is_complete(&self) -> bool {
        self.source == Some(Source::Recording) && self.known() == HORIZONS.len() + 2
    }

    /// This label with what a later run found out. What a recording told is kept; what the dataset's
    /// own prices told gives way to a recording that tells as much.
    #[must_use]
    pub fn completed_with(self, later: Self) -> Self {
        match (self.source, later.source) {
            (Some(Source::Recording), Some(Source::Dataset)) => self,
            (Some(Source::Dataset), Some(Source::Recording)) => {
                if later.known() >= self.known() {
                    later
                } else {
                    self
                }
            }
            (source, later_source) => {
                let mut returns = self.returns;
                for (known, found) in returns.iter_mut().zip(later.returns) {
                    *known = better(*known, found);
                }
                Self {
                    source: source.or(later_source),
                    returns,
                    barrier: better(self.barrier, later.barrier),
                    excursion: better(self.excursion, later.excursion),
                    ..self
                }
            }
        }
    }
}

/// What is known stays; of two reasons the one that came nearer.
fn better<T>(known: Result<T, Missing>, found: Result<T, Missing>) -> Result<T, Missing> {
    match (known, found) {
        (Err(_), Ok(found)) => Ok(found),
        (Err(before), Err(now)) => Err(before.max(now)),
        (known, _) => known,
    }
}

#[cfg(test)]
mod tests;
