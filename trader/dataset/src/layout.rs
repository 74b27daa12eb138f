//! Where files are: `candidates/date=…/strategy=…/instrument=…/<run>-<sequence>.parquet`,
//! `executions/…` likewise, and `manifest/<run>.jsonl`.
//!
//! The three partition columns stand in the path and not in the files, as Hive, Spark, DuckDB,
//! Polars and Arrow expect.

use std::fmt;
use std::path::{Path, PathBuf};

use triptych_engine::Candidate;
use triptych_engine::event::Timestamp;

use crate::executions::ExecutionRow;
use crate::run::RunId;

/// Folder of the candidates' files.
pub const CANDIDATES: &str = "candidates";
/// Folder of the executions' files.
pub const EXECUTIONS: &str = "executions";
/// Folder of the manifests.
pub const MANIFEST: &str = "manifest";
/// Folder of the labels' files.
pub const LABELS: &str = "labels";
/// Stands in the place of a run in the names of compacted files and of their manifest.
pub const COMPACTION: &str = "compacted";
/// Ending of a file that is being written.
pub const TEMPORARY: &str = "tmp";
/// Ending of a file that cannot be read.
pub const UNREADABLE: &str = "unreadable";

/// A table whose files the manifests list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// What was decided.
    Candidates,
    /// What became of orders.
    Executions,
}

impl Table {
    /// Each.
    pub const ALL: [Self; 2] = [Self::Candidates, Self::Executions];

    /// The folder of its files, which is its name too.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Candidates => CANDIDATES,
            Self::Executions => EXECUTIONS,
        }
    }

    /// The column by which its rows have their place in time: that of the decision, or of receipt.
    pub const fn time(self) -> &'static str {
        match self {
            Self::Candidates => "ts_decision_ns",
            Self::Executions => "ts_recv_ns",
        }
    }

    /// The table of a file, from the folder above those of its partition.
    pub fn of_file(path: &Path) -> Self {
        const FOLDERS_OF_A_PARTITION: usize = 3;
        let folder = path.ancestors().nth(1 + FOLDERS_OF_A_PARTITION);
        match folder.and_then(Path::file_name) {
            Some(name) if name == EXECUTIONS => Self::Executions,
            _ => Self::Candidates,
        }
    }
}

/// The name of a file while it is being written. No reader sees it: patterns want another ending, and
/// readers of whole folders (Arrow, pandas, Spark) pass over names that begin with a dot.
pub fn temporary(path: &Path) -> PathBuf {
    hidden(path, TEMPORARY)
}

/// The name under which a file that cannot be read is kept out of the readers' way.
pub fn unreadable(path: &Path) -> PathBuf {
    hidden(path, UNREADABLE)
}

/// The name that a hidden file of this ending was meant to have, or had.
pub fn published_name(path: &Path, ending: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(ending)?.strip_suffix('.')?;
    // Builds before this one had no dot in front.
    Some(path.with_file_name(name.strip_prefix('.').unwrap_or(name)))
}

fn hidden(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{ending}"))
}

/// A day of UTC, `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: i64,
    month: u8,
    day: u8,
}

impl Date {
    /// The day of a moment.
    pub fn of(timestamp: Timestamp) -> Self {
        // Days since 1970-01-01 to a civil date, counting years from March so that the leap day
        // comes last: 400 years have 146,097 days.
        let days = timestamp.nanoseconds().div_euclid(86_400_000_000_000) + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let leap_days = day_of_era / 1_460 + day_of_era / 146_096;
        let year_of_era = (day_of_era - leap_days + day_of_era / 36_524) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        let small = |number: i64| u8::try_from(number).unwrap_or_default();
        Self {
            year,
            month: small(month),
            day: small(day),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// What the files of one folder share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// Day of the decision, or of receipt, in UTC.
    pub date: Date,
    /// Name of the strategy.
    pub strategy: String,
    /// Symbol of the instrument.
    pub instrument: String,
}

impl Partition {
    /// The partition of a candidate.
    pub fn of(candidate: &Candidate) -> Self {
        Self {
            date: Date::of(candidate.ts_decision),
            strategy: candidate.strategy.to_string(),
            instrument: candidate.symbol.to_string(),
        }
    }

    /// The partition of what happened to an order.
    pub fn of_execution(row: &ExecutionRow) -> Self {
        Self {
            date: Date::of(row.ts_recv),
            strategy: row.order.strategy.to_string(),
            instrument: row.order.instrument.to_string(),
        }
    }

    /// The folder in a table, relative to the dataset's directory.
    pub fn folder(&self, table: Table) -> PathBuf {
        Path::new(table.folder())
            .join(format!("date={}", self.date))
            .join(format!("strategy={}", self.strategy))
            .join(format!("instrument={}", self.instrument))
    }
}

/// Name of a run's file.
pub fn file_name(run: &RunId, sequence: u64) -> String {
    format!("{run}-{sequence:06}.parquet")
}

/// Name of a compacted file, by the SHA-256 of its content: two that compact at once, in two copies of a
/// dataset, never give one name to different rows.
pub fn compacted_name(sha256: &str) -> String {
    format!("{COMPACTION}-{}.parquet", &sha256[..16])
}

/// Whether a file is a compacted one, by its name.
pub fn is_compacted(path: &Path) -> bool {
    run_of_file(path).is_some_and(|run| run.as_str() == COMPACTION)
}

/// The run that wrote a file, from its name.
pub fn run_of_file(path: &Path) -> Option<RunId> {
    let name = path.file_name()?.to_str()?.strip_suffix(".parquet")?;
    let (run, _sequence) = name.rsplit_once('-')?;
    RunId::parse(run).ok()
}

/// The manifest of a run, relative to the dataset's directory.
pub fn manifest_path(run: &RunId) -> PathBuf {
    Path::new(MANIFEST).join(format!("{run}.jsonl"))
}

/// Strategy and instrument of a file, from the folders that it stands in.
pub fn strategy_and_instrument(path: &Path) -> Option<(String, String)> {
    let value = |key: &str| {
        path.iter()
            .find_map(|part| Some(part.to_str()?.strip_prefix(key)?.to_owned()))
    };
    Some((value("strategy=")?, value("instrument=")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_days_of_utc() {
        for (seconds, date) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (-1, "1969-12-31"),
            (951_782_400, "2000-02-29"),
            (1_078_012_800, "2004-02-29"),
            (1_709_164_800, "2024-02-29"),
            (1_709_251_200, "2024-03-01"),
            (1_723_161_253, "2024-08-08"),
            (4_107_542_400, "2100-03-01"),
        ] {
            let at = Timestamp::from_nanoseconds(seconds * 1_000_000_000);
            assert_eq!(Date::of(at).to_string(), date);
        }
    }

    #[test]
    fn a_hidden_file_knows_its_name() {
        let path = Path::new("candidates/a/run-000001.parquet");
        assert_eq!(
            temporary(path),
            Path::new("candidates/a/.run-000001.parquet.tmp")
        );
        assert_eq!(
            published_name(&temporary(path), TEMPORARY).as_deref(),
            Some(path)
        );
        assert_eq!(published_name(&unreadable(path), TEMPORARY), None);
        assert_eq!(published_name(path, TEMPORARY), None);
    }

    #[test]
    fn a_file_stands_in_the_folder_of_its_table() {
        let partition = Partition {
            date: Date::of(Timestamp::default()),
            strategy: EXECUTIONS.to_owned(),
            instrument: CANDIDATES.to_owned(),
        };
        for table in Table::ALL {
            let file = partition.folder(table).join("run-000001.parquet");
            assert_eq!(Table::of_file(&file), table);
            assert_eq!(Table::of_file(&Path::new("/data").join(&file)), table);
        }
    }

    #[test]
    fn the_run_is_read_back_from_a_file_name() {
        let run = RunId::parse("0192f0c1-2345-7abc-8def-0123456789ab").unwrap();
        let path = Path::new("candidates/strategy=a").join(file_name(&run, 1_234_567));
        assert_eq!(run_of_file(&path), Some(run));
        assert_eq!(run_of_file(Path::new("notes.txt")), None);
    }
}
