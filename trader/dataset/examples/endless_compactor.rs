//! Compacts the dataset of the first argument without end: the tests kill it at random moments.

use std::path::Path;

fn main() {
    let Some(directory) = std::env::args().nth(1) else {
        eprintln!("usage: endless_compactor DIRECTORY");
        std::process::exit(64);
    };
    loop {
        triptych_dataset::compact::compact(Path::new(&directory), 2_000, |_, _| {})
            .expect("a dataset");
    }
}
