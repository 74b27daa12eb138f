//! Measures how long a start takes with many runs behind it: `start_up [RUNS] [FILES]`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use support::{candidate, run};
use triptych_dataset::manifest::RunManifest;
use triptych_dataset::{DatasetWriter, Options};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise: u32| arguments.next().map_or(Ok(otherwise), |text| text.parse());
    let (Ok(runs), Ok(files)) = (number(500), number(20)) else {
        eprintln!("usage: start_up [RUNS] [FILES]");
        std::process::exit(64);
    };
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        flush_rows: 1,
        ..Options::new(folder.path())
    };
    for place in 0..runs {
        let id = format!("run-{place:06}");
        let mut writer = DatasetWriter::open(options.clone(), run(&id)).expect("a dataset");
        for number in 0..files {
            let at = Instant::now();
            writer.append(&candidate(number), at).expect("room");
        }
        writer.close().1.expect("room");
    }
    let start = Instant::now();
    let writer = DatasetWriter::open(options, run("last")).expect("a dataset");
    let opened = start.elapsed();
    writer.close().1.expect("room");
    let start = Instant::now();
    let manifests = RunManifest::read_all(folder.path()).expect("readable");
    println!(
        "{runs} runs of {files} files: a start takes {opened:?}; reading {} manifests takes {:?}",
        manifests.len(),
        start.elapsed()
    );
}
