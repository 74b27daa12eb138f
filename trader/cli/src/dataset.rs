//! `trader dataset verify`, `show` and `compact`.

use std::path::Path;

use triptych_dataset::manifest::GapEntry;
use triptych_dataset::read::{self, ReadError};
use triptych_dataset::verify::Problem;
use triptych_dataset::{VerifyReport, layout};
use triptych_dataset_store::change::compact_store;

use crate::arguments::{CompactArguments, ShowArguments, VerifyArguments};
use crate::failure::Failure;
use crate::object_store::{Place, Remote};
use crate::output;
use crate::verdict_table;

/// Copies of a store that are compared: somebody at work there looks for a moment like a fault.
const MOST_COPIES: usize = 3;

/// Compares every file with the manifest.
pub(crate) fn verify(arguments: &VerifyArguments) -> Result<(), Failure> {
    let report = match &arguments.dataset {
        Place::Directory(directory) => {
            is_dataset(directory)?;
            verify_directory(directory)?
        }
        Place::Store(location) => {
            let mut copies = 1;
            loop {
                let copy = arguments.store.copy(location)?;
                let report = verify_directory(copy.path())?;
                if copies == MOST_COPIES || !report.problems.iter().any(Problem::may_pass) {
                    break report;
                }
                copies += 1;
            }
        }
    };
    output::print(arguments.output, &report, verify_text)?;
    if report.ok {
        return Ok(());
    }
    Err(Failure::FoundWrong(format!(
        "{}: {} problems",
        arguments.dataset,
        report.problems.len()
    )))
}

fn verify_directory(directory: &Path) -> Result<VerifyReport, Failure> {
    triptych_dataset::verify(directory).map_err(|source| Failure::Unreadable {
        path: directory.to_owned(),
        source,
    })
}

fn verify_text(report: &VerifyReport) -> String {
    let mut text = format!(
        "{} files of {} runs, {} rows, {} bytes, {} rows lost\n",
        report.files, report.runs, report.rows, report.bytes, report.rows_lost
    );
    let aside = [
        (
            report.temporary_files,
            "files being written or left unfinished",
        ),
        (report.torn_manifests, "manifests with a torn end"),
    ];
    for (count, what) in aside {
        if count > 0 {
            text += &format!("{count} {what}; the next start of a writer clears them\n");
        }
    }
    text += &report.gaps.iter().map(gap_text).collect::<String>();
    text += &report
        .problems
        .iter()
        .map(|problem| format!("wrong: {problem}\n"))
        .collect::<String>();
    if report.ok {
        text += "every file is as the manifest says\n";
    }
    text
}

fn gap_text(gap: &GapEntry) -> String {
    let rows = match (gap.rows, gap.rows_at_most) {
        (Some(rows), _) => format!("{rows} rows"),
        (None, Some(most)) => format!("at most {most} rows"),
        (None, None) => "an unknown number of rows".to_owned(),
    };
    format!("gap: {rows} lost: {}\n", gap.reason)
}

/// Prints the first candidates.
pub(crate) fn show(arguments: &ShowArguments) -> Result<(), Failure> {
    let directory = arguments.store.readable(&arguments.dataset)?;
    let rows = read::first_rows(&directory, arguments.limit)?;
    output::print(arguments.output, &rows, |rows| {
        if arguments.verdicts {
            verdict_table::detailed(rows)
        } else {
            verdict_table::compact(rows)
        }
    })
}

/// Puts small files together.
pub(crate) fn compact(arguments: &CompactArguments) -> Result<(), Failure> {
    let most_rows = arguments.rows_at_most.get();
    let progress = |done, all| {
        if done > 0 && done % 100 == 0 {
            eprintln!("trader: {done} of {all} folders looked at");
        }
    };
    let report = match &arguments.dataset {
        Place::Directory(directory) => {
            is_dataset(directory)?;
            triptych_dataset::compact::compact(directory, most_rows, progress)?
        }
        Place::Store(location) => {
            let Remote { runtime, store } = &arguments.store.open_for_now(location)?;
            let mut mirror = arguments.store.mirror(runtime, store)?;
            let compacted = compact_store(store, &mut mirror, most_rows, progress);
            runtime.block_on(compacted)?
        }
    };
    output::print(arguments.output, &report, |report| {
        let mut text = format!(
            "{} files of {} folders became {}, {} rows, {} bytes instead of {}\n",
            report.files_replaced,
            report.folders,
            report.files_written,
            report.rows,
            report.bytes_after,
            report.bytes_before
        );
        if report.leftovers_removed > 0 {
            text += &format!(
                "{} files removed that a killed compaction had left\n",
                report.leftovers_removed
            );
        }
        text
    })
}

/// A directory without a manifest is a mistake in the argument and not an empty dataset.
pub(crate) fn is_dataset(directory: &Path) -> Result<(), Failure> {
    if directory.join(layout::MANIFEST).is_dir() {
        return Ok(());
    }
    let source = std::io::Error::new(
        std::io::ErrorKind::NotFound,
        format!(
            "no dataset: expected a directory with {}/ and {}/",
            layout::CANDIDATES,
            layout::MANIFEST
        ),
    );
    Err(Failure::Read(ReadError::File {
        path: directory.to_owned(),
        source,
    }))
}
