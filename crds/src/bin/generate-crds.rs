//! Writes the CustomResourceDefinitions as YAML into a folder: `generate-crds crds/yaml`.

use std::{fs, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: generate-crds FOLDER\n\nWrites one YAML file a kind into FOLDER.");
        return ExitCode::from(64);
    };
    for (name, definition) in triptych_crds::definitions::all() {
        let path = folder.join(name);
        if let Err(error) = fs::write(&path, triptych_crds::definitions::yaml(&definition)) {
            eprintln!("generate-crds: {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        println!("{}", path.display());
    }
    ExitCode::SUCCESS
}
