//! `trader dataset query`: SQL over the files that the manifests list, answered by DuckDB's command.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use triptych_dataset::labels::store::label_files;
use triptych_dataset::layout::Table;
use triptych_dataset::read::{listed_files, listed_files_of};

use crate::arguments::QueryArguments;
use crate::failure::Failure;
use crate::output::{self, Format};

/// Questions asked anew where a compaction removed a file between its listing and its reading.
const MOST_ATTEMPTS: usize = 5;

/// Asks and prints the answer.
pub(crate) fn run(arguments: &QueryArguments) -> Result<(), Failure> {
    let directory = &arguments.store.readable(&arguments.dataset)?;
    for attempt in 1.. {
        let files = files(directory)?;
        let script = script(&files, &arguments.sql);
        let output = ask(&arguments.duckdb, arguments.output, &script)?;
        if output.status.success() {
            return output::print_bytes(&output.stdout);
        }
        if attempt == MOST_ATTEMPTS
            || files
                .iter()
                .flat_map(|(_, files)| files)
                .all(|file| file.exists())
        {
            return Err(Failure::FoundWrong(
                String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            ));
        }
    }
    Ok(())
}

/// Each table with its files.
fn files(directory: &Path) -> Result<[(&'static str, Vec<PathBuf>); 3], Failure> {
    Ok([
        ("candidates", listed_files(directory)?),
        ("executions", listed_files_of(directory, Table::Executions)?),
        ("labels", label_files(directory)?),
    ])
}

/// A view for each table that has files, and the question.
fn script(tables: &[(&str, Vec<PathBuf>)], sql: &str) -> String {
    let views = tables.iter().filter(|(_, files)| !files.is_empty());
    let views: String = views
        .map(|(name, files)| {
            let files: Vec<_> = files.iter().map(|file| quoted(file)).collect();
            format!(
                "create view {name} as select * from read_parquet([{}], hive_partitioning = true, union_by_name = true);\n",
                files.join(", ")
            )
        })
        .collect();
    format!("{views}{};\n", sql.trim().trim_end_matches(';'))
}

/// A path as a text of SQL.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}

fn ask(duckdb: &Path, format: Format, script: &str) -> Result<Output, Failure> {
    let mut command = Command::new(duckdb);
    command.args(["-batch", "-bail", "-init", "/dev/null"]);
    if format == Format::Json {
        command.arg("-json");
    }
    let started = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Failure::Usage(format!(
                "{}: not found; SQL is answered by DuckDB's command: `pip install duckdb-cli` brings it, or name it with --duckdb",
                duckdb.display()
            )));
        }
        Err(error) => return Err(Failure::Internal(format!("{}: {error}", duckdb.display()))),
    };
    let mut input = child.stdin.take();
    let written = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let Some(mut input) = input.take() else {
                return;
            };
            // One that ends early says why on its standard error.
            let _ = input.write_all(script.as_bytes());
        });
        let output = child.wait_with_output();
        let _ = writing.join();
        output
    });
    written.map_err(|error| Failure::Internal(format!("{}: {error}", duckdb.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_names_exactly_the_listed_files() {
        let tables = [
            (
                "candidates",
                vec![
                    PathBuf::from("/d/a.parquet"),
                    PathBuf::from("/d/it's.parquet"),
                ],
            ),
            ("labels", vec![]),
        ];
        assert_eq!(
            script(&tables, " select 1; "),
            "create view candidates as select * from read_parquet(['/d/a.parquet', '/d/it''s.parquet'], \
             hive_partitioning = true, union_by_name = true);\nselect 1;\n"
        );
    }
}
