//! What is made of the dataset of a backtest once it is written: labels, and the page.

use std::io;
use std::path::{Path, PathBuf};

use triptych_dataset::labels::Definition;
use triptych_dataset::labels::store::definition_of;

use crate::failure::Failure;
use crate::label::label;
use crate::summary::{summarise, write_page};

/// Refuses what could only fail after the run.
pub(super) fn check(directory: &Path, html: Option<&Path>) -> Result<(), Failure> {
    let standard = Definition::standard();
    let found = definition_of(directory, &standard.name)?;
    if found.is_some_and(|found| found != standard) {
        return Err(Failure::Usage(format!(
            "--out {}: its labels named {} have other fees or barriers than a backtest writes; name another directory",
            directory.display(),
            standard.name
        )));
    }
    match html {
        Some(page) => is_in_a_folder(page),
        None => Ok(()),
    }
}

fn is_in_a_folder(page: &Path) -> Result<(), Failure> {
    let folder = match page.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if folder.is_dir() && !page.is_dir() {
        return Ok(());
    }
    Err(Failure::Unwritable {
        path: page.to_owned(),
        source: io::Error::new(
            io::ErrorKind::NotFound,
            "--html: expected a file in a folder that is there",
        ),
    })
}

/// Labels the candidates from the recordings, and writes the page.
pub(super) fn complete(
    directory: &Path,
    recordings: &[PathBuf],
    html: Option<&Path>,
) -> Result<(), Failure> {
    let standard = Definition::standard();
    eprintln!("trader: labelling, which reads the recordings once more");
    let report = label(directory, &standard, recordings)?;
    eprintln!(
        "trader: {} candidates labelled, {} of them complete",
        report.candidates, report.complete
    );
    if let Some(page) = html {
        write_page(page, &summarise(directory, &standard.name)?)?;
        eprintln!("trader: wrote {}", page.display());
    }
    Ok(())
}
