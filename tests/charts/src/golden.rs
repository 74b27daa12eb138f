//! Renderings that a person reviewed, kept in `golden/`.

use std::{env, fs};

use crate::{Manifests, in_repository};

/// Compares a rendering with the reviewed one; with `UPDATE_GOLDEN` in the environment it replaces it.
///
/// # Panics
/// When the two differ, or the file cannot be read or written.
pub fn hold_against(file: &str, manifests: &Manifests) {
    let found = manifests.to_yaml();
    let path = in_repository("tests/charts/golden").join(file);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &found).expect("the folder of reviewed renderings can be written to");
    }
    let reviewed = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_GOLDEN=1 makes it", path.display()));
    let difference = reviewed
        .lines()
        .zip(found.lines())
        .position(|(old, new)| old != new);
    assert!(
        reviewed == found,
        "the chart renders something else than golden/{file}, first in line {}; if that is meant, \
         run `UPDATE_GOLDEN=1 cargo test -p triptych-chart-tests` and review the diff",
        difference.map_or_else(
            || reviewed.lines().count().to_string(),
            |at| (at + 1).to_string()
        )
    );
}
