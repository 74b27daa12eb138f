//! Renews the generated parts of the page on the mirror: `generate-mirror docs/mirror.md`.

use std::{fs, process::ExitCode};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!(
            "usage: generate-mirror FILE\n\nRenews the diagrams and the table of the model in FILE."
        );
        return ExitCode::from(64);
    };
    let renew = || -> Result<(), String> {
        let page = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let results = triptych_model::page::check_all();
        let page = triptych_model::page::renewed(&page, &results)?;
        fs::write(&path, page).map_err(|error| error.to_string())
    };
    match renew() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate-mirror: {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
