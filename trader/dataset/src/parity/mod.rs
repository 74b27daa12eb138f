//! Parity of two datasets: whether two traders of one configuration decided the same, candidate by
//! candidate and verdict by verdict, and where they first did not.
//!
//! Candidates are paired by their identity, which two traders share that decide from the same feed.
//! What they decided has to be equal: the trade, every rule's verdict, and what enforcement made of
//! them. The numbers that a rule observed may differ where it looks at the moment of receipt, which
//! is each trader's own: such pairs are counted apart and are no divergence.

mod compare;
mod report;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::files::listed_in;
use crate::layout::{Table, strategy_and_instrument};
use crate::manifest::RunManifest;
use crate::read::{self, ReadError, Row};
pub use compare::Difference;
use compare::compare;
pub use report::{Divergence, DivergenceKind, Parity, Side};
pub use window::{Window, moment};

/// Why two datasets cannot be compared.
#[derive(Debug, Error)]
pub enum ParityError {
    /// One of them cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A dataset has no candidate.
    #[error("{}: no candidate to compare", .0.display())]
    Empty(PathBuf),
    /// They have no configuration in common.
    #[error(
        "no configuration in common: the left one has {left}, the right one {right}; parity compares traders of one configuration"
    )]
    Configurations {
        /// Hashes on the left, joined by commas.
        left: String,
        /// Hashes on the right.
        right: String,
    },
    /// One has no candidate of the configuration that both have.
    #[error("one of them has no candidate of the configuration that both have")]
    NothingInCommon,
    /// They were not recorded at the same time.
    #[error(
        "no time in common: the left one has candidates {left}, the right one {right}; --whole compares from the first to the last of either"
    )]
    Times {
        /// When, on the left.
        left: Window,
        /// When, on the right.
        right: Window,
    },
}

/// What is compared of the time that two datasets cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Span {
    /// For each strategy on each instrument, what lies between the first and the last candidate that
    /// both have: for traders that started and ended at different times.
    #[default]
    Common,
    /// Everything: for runs over the same recording.
    Whole,
}

/// Compares the candidates of two datasets.
pub fn parity(left: &Path, right: &Path, span: Span) -> Result<Parity, ParityError> {
    let (left, right) = (Source::open(left)?, Source::open(right)?);
    let config_hashes: BTreeSet<String> = left
        .config_hashes
        .intersection(&right.config_hashes)
        .cloned()
        .collect();
    if config_hashes.is_empty() {
        return Err(ParityError::Configurations {
            left: joined(&left.config_hashes),
            right: joined(&right.config_hashes),
        });
    }
    let mut comparison = Comparison::new(config_hashes, span);
    let folders: BTreeSet<&Folder> = left.files.keys().chain(right.files.keys()).collect();
    for folder in folders {
        comparison.add(left.rows(folder)?, right.rows(folder)?);
    }
    comparison.finish()
}

fn joined(hashes: &BTreeSet<String>) -> String {
    hashes.iter().cloned().collect::<Vec<_>>().join(", ")
}

/// Strategy and instrument.
type Folder = (String, String);

/// What there is in a dataset.
struct Source {
    files: BTreeMap<Folder, Vec<PathBuf>>,
    config_hashes: BTreeSet<String>,
}

impl Source {
    fn open(directory: &Path) -> Result<Self, ParityError> {
        let manifests = RunManifest::read_all(directory).map_err(|source| ReadError::File {
            path: directory.to_owned(),
            source,
        })?;
        let runs = manifests.iter().filter_map(RunManifest::run);
        let config_hashes = runs.map(|run| run.config_hash.clone()).collect();
        let mut files: BTreeMap<Folder, Vec<PathBuf>> = BTreeMap::new();
        for file in listed_in(&manifests, Table::Candidates) {
            let path = directory.join(&file.path);
            if let Some(folder) = strategy_and_instrument(&path) {
                files.entry(folder).or_default().push(path);
            }
        }
        if files.is_empty() {
            return Err(ParityError::Empty(directory.to_owned()));
        }
        Ok(Self {
            files,
            config_hashes,
        })
    }

    fn rows(&self, folder: &Folder) -> Result<Vec<Row>, ReadError> {
        let files = self.files.get(folder).into_iter().flatten();
        let rows: Result<Vec<_>, _> = files.map(|path| read::rows_of(path)).collect();
        Ok(rows?.into_iter().flatten().collect())
    }
}

/// When a candidate was caused: by the venue's clock, which all receivers share.
fn time_of(row: &Row) -> i64 {
    row.ts_event_ns.unwrap_or(row.ts_recv_ns)
}

/// The time that rows cover.
fn covered(rows: &[Row]) -> Option<Window> {
    let moments = rows.iter().map(|row| Window::at(time_of(row)));
    moments.reduce(Window::hull)
}

/// Which of the candidates without a partner are compared.
#[derive(Debug, Clone, Copy)]
struct Compared {
    window: Window,
    /// Whether its first and last moment belong to it.
    whole: bool,
}

impl Compared {
    const fn all(window: Window) -> Self {
        Self {
            window,
            whole: true,
        }
    }

    /// Within the moments of the first and the last pair, which of several candidates came first
    /// cannot be told.
    const fn between(window: Window) -> Self {
        Self {
            window,
            whole: false,
        }
    }

    const fn takes(self, moment_ns: i64) -> bool {
        let Window { first_ns, last_ns } = self.window;
        let at_an_end = moment_ns == first_ns || moment_ns == last_ns;
        self.window.contains(moment_ns) && (self.whole || !at_an_end)
    }
}

struct Comparison {
    result: Parity,
    span: Span,
    /// The compared time, as far as anything was compared.
    window: Option<Window>,
    /// The time that each side covers.
    covered: [Option<Window>; 2],
    runs: [BTreeSet<String>; 2],
}

impl Comparison {
    fn new(config_hashes: BTreeSet<String>, span: Span) -> Self {
        let result = Parity {
            equal: true,
            config_hashes,
            window: Window::at(0),
            left: Side::default(),
            right: Side::default(),
            same: 0,
            observed_otherwise: 0,
            different: 0,
            fields: BTreeMap::new(),
            first: None,
        };
        Self {
            result,
            span,
            window: None,
            covered: [None, None],
            runs: [BTreeSet::new(), BTreeSet::new()],
        }
    }

    /// Compares all candidates of one strategy on one instrument.
    fn add(&mut self, mut left: Vec<Row>, mut right: Vec<Row>) {
        for rows in [&mut left, &mut right] {
            rows.retain(|row| self.result.config_hashes.contains(&row.config_hash));
        }
        let covered = [covered(&left), covered(&right)];
        for (known, new) in self.covered.iter_mut().zip(covered) {
            *known = hull(*known, new);
        }
        let ids = |rows: &[Row]| -> BTreeSet<String> {
            rows.iter().map(|row| row.candidate_id.clone()).collect()
        };
        let paired: BTreeSet<String> = ids(&left).intersection(&ids(&right)).cloned().collect();
        let compared = match (self.span, covered) {
            (Span::Whole, [left, right]) => hull(left, right).map(Compared::all),
            (Span::Common, [Some(one), Some(other)]) => {
                let both = left.iter().filter(|row| paired.contains(&row.candidate_id));
                let between = both
                    .map(|row| Window::at(time_of(row)))
                    .reduce(Window::hull);
                between
                    .map(Compared::between)
                    .or_else(|| one.intersection(other).map(Compared::all))
            }
            (Span::Common, _) => None,
        };
        self.window = hull(self.window, compared.map(|compared| compared.window));
        let is_compared = |row: &Row| {
            paired.contains(&row.candidate_id)
                || compared.is_some_and(|compared| compared.takes(time_of(row)))
        };
        let left = self.within(0, left, is_compared);
        let mut right = self.within(1, right, is_compared);
        for (id, left) in left {
            if let Some(right) = right.remove(&id) {
                self.pair(&left, &right);
            } else {
                self.result.left.alone += 1;
                self.diverge(&left, DivergenceKind::OnlyLeft);
            }
        }
        for right in right.values() {
            self.result.right.alone += 1;
            self.diverge(right, DivergenceKind::OnlyRight);
        }
    }

    /// The candidates of a side that are compared, by identity.
    fn within(
        &mut self,
        place: usize,
        rows: Vec<Row>,
        is_compared: impl Fn(&Row) -> bool,
    ) -> BTreeMap<String, Row> {
        let side = match place {
            0 => &mut self.result.left,
            _ => &mut self.result.right,
        };
        let mut within = BTreeMap::new();
        for row in rows {
            if !is_compared(&row) {
                side.outside += 1;
                continue;
            }
            side.candidates += 1;
            side.tiers.insert(row.tier.clone());
            side.instances.insert(row.instance.clone());
            self.runs[place].insert(row.run_id.clone());
            within.insert(row.candidate_id.clone(), row);
        }
        side.runs = self.runs[place].len();
        within
    }

    fn pair(&mut self, left: &Row, right: &Row) {
        let compared = compare(left, right);
        if compared.differences.is_empty() {
            self.result.same += 1;
            self.result.observed_otherwise += u64::from(compared.observed_otherwise);
            return;
        }
        self.result.different += 1;
        for difference in &compared.differences {
            *self
                .result
                .fields
                .entry(difference.field.clone())
                .or_default() += 1;
        }
        self.diverge(left, DivergenceKind::Decided(compared.differences));
    }

    fn diverge(&mut self, row: &Row, kind: DivergenceKind) {
        self.result.equal = false;
        let at_ns = time_of(row);
        let first = self.result.first.as_ref();
        if first
            .is_some_and(|first| (first.at_ns, &first.candidate_id) <= (at_ns, &row.candidate_id))
        {
            return;
        }
        self.result.first = Some(Divergence {
            candidate_id: row.candidate_id.clone(),
            trigger: row.trigger.clone(),
            at_ns,
            strategy: row.strategy.clone(),
            instrument: row.instrument.clone(),
            side: row.side.clone(),
            kind,
        });
    }

    fn finish(self) -> Result<Parity, ParityError> {
        match (self.window, self.covered) {
            (Some(window), _) => Ok(Parity {
                window,
                ..self.result
            }),
            (None, [Some(left), Some(right)]) => Err(ParityError::Times { left, right }),
            (None, _) => Err(ParityError::NothingInCommon),
        }
    }
}

fn hull(one: Option<Window>, other: Option<Window>) -> Option<Window> {
    one.into_iter().chain(other).reduce(Window::hull)
}
