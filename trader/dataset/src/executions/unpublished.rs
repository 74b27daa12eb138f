//! Which rows of executions a dataset lacks: whoever keeps a journal of them writes them again after a kill.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ExecutionRow;
use super::read::{Executed, rows_of};
use crate::files::{listed_of, while_compacted};
use crate::layout::{Partition, Table};
use crate::manifest::FileEntry;
use crate::read::ReadError;

/// What tells rows of one file from each other: order, event and time; two fills may be alike in all of them.
type Key = (String, String, i64);

/// What a folder's newest file has.
struct Newest {
    file: FileEntry,
    rows: BTreeMap<Key, usize>,
}

/// Those of `rows`, which are in the order in which they were written first, that no published file has.
///
/// A folder's rows are published in the order in which they are written, so what is missing is behind what is there: the
/// newest file of each folder decides.
pub fn unpublished(
    directory: &Path,
    rows: impl IntoIterator<Item = ExecutionRow>,
) -> Result<Vec<ExecutionRow>, ReadError> {
    let mut newest = while_compacted(|| newest_files(directory))?;
    let is_missing = |row: &ExecutionRow| {
        let folder = Partition::of_execution(row).folder(Table::Executions);
        let Some(Newest { file, rows }) = newest.get_mut(&folder) else {
            return true;
        };
        let at = row.ts_recv.nanoseconds();
        if at < file.first_ts_decision_ns {
            return false;
        }
        match rows.get_mut(&key_of(row)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        }
    };
    Ok(rows.into_iter().filter(is_missing).collect())
}

fn newest_files(directory: &Path) -> Result<BTreeMap<PathBuf, Newest>, ReadError> {
    let mut files: BTreeMap<PathBuf, FileEntry> = BTreeMap::new();
    for file in listed_of(directory, Table::Executions)? {
        let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        match files.get(folder) {
            Some(known) if known.last_ts_decision_ns > file.last_ts_decision_ns => {}
            _ => drop(files.insert(folder.to_owned(), file)),
        }
    }
    let mut newest = BTreeMap::new();
    for (folder, file) in files {
        let mut rows = BTreeMap::new();
        for row in rows_of(&directory.join(&file.path))? {
            *rows.entry(key_of_executed(row)).or_default() += 1;
        }
        newest.insert(folder, Newest { file, rows });
    }
    Ok(newest)
}

fn key_of(row: &ExecutionRow) -> Key {
    (
        row.order.client_order_id.to_string(),
        row.event.name().to_owned(),
        row.ts_event.unwrap_or(row.ts_recv).nanoseconds(),
    )
}

fn key_of_executed(row: Executed) -> Key {
    (row.client_order_id, row.event, row.at_ns)
}
