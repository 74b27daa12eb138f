//! A small static program for pods that tests look at: it listens, connects, resolves and writes.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::command::{run, run_words};
use crate::digest::hexadecimal;
use crate::directory::create_folder;
use crate::error::{Error, Result};
use crate::image::ImageSpec;
use crate::parts::cache_folder;

/// Where the program is in its image.
pub const PATH: &str = "/probe";

/// The probe's image, `triptych/probe`; the program is compiled unless the cache has it.
///
/// Its modes are those of `examples/probe.rs`.
pub async fn image() -> Result<ImageSpec> {
    Ok(ImageSpec::of_program(
        "triptych/probe",
        &build().await?,
        PATH,
    ))
}

/// Compiles the program for any Linux, with nothing of it found at run time.
async fn build() -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/probe.rs");
    let text = fs::read(&source).map_err(Error::file("read", &source))?;
    let compiler = run_words("rustc --version").await?;
    let mut hash = Sha256::new();
    hash.update(&text);
    hash.update(&compiler);
    let key = hexadecimal(&hash.finalize()[..8]);
    let folder = cache_folder().join("probe");
    let program = folder.join(&key);
    if program.exists() {
        return Ok(program);
    }
    create_folder(&folder)?;
    let unfinished = folder.join(format!("{key}.{}", std::process::id()));
    let arguments = [
        "--edition=2024".into(),
        "-Copt-level=2".into(),
        "-Cstrip=symbols".into(),
        "-Ctarget-feature=+crt-static".into(),
        source.into_os_string(),
        "-o".into(),
        unfinished.clone().into_os_string(),
    ];
    run("rustc", arguments).await?;
    fs::rename(&unfinished, &program).map_err(Error::file("create", &program))?;
    Ok(program)
}
