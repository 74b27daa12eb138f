//! Renders the project's charts with the real helm and reads what comes out.
//!
//! Nothing here is skipped: helm is built where it is missing, and where that fails, the first call
//! panics and says how to get it.

pub mod api_server;
pub mod documentation;
pub mod golden;
pub mod helm;
pub mod manifests;
pub mod rights;

use std::path::{Path, PathBuf};

pub use api_server::ApiServer;
pub use helm::{Chart, Refusal};
pub use manifests::Manifests;

/// A path inside the repository.
pub fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}
