//! Writes the page of errors into a file: `generate-errors docs/errors.md`.

use std::{fs, process::ExitCode};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!(
            "usage: generate-errors FILE\n\nWrites the page of errors, made from the table of manifests."
        );
        return ExitCode::from(64);
    };
    match fs::write(&path, triptych_crds::cases::errors_page()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate-errors: {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
