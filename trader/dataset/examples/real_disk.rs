//! Writes candidates to a volume that really gets full, or that really goes away, and says what became
//! of them. A test runs it where it may mount: `real_disk full DIRECTORY` on a small volume, `real_disk
//! vanished DIRECTORY VOLUME` where DIRECTORY is a bind mount of VOLUME.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::{candidate, run};
use triptych_dataset::{DatasetWriter, Options, verify};

/// Rows that stay in memory at most.
const IN_MEMORY: usize = 200;
/// What else is on the full volume at first.
const OTHER_BYTES: usize = 300_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["full", directory] => full(Path::new(directory)),
        ["vanished", directory, volume] => vanished(Path::new(directory), volume),
        _ => {
            eprintln!("usage: real_disk full DIRECTORY | vanished DIRECTORY VOLUME");
            std::process::exit(64);
        }
    }
}

fn open(directory: &Path, id: &str) -> DatasetWriter {
    let options = Options {
        flush_rows: 20,
        max_buffered_rows: IN_MEMORY,
        ..Options::new(directory)
    };
    DatasetWriter::open(options, run(id)).expect("a dataset")
}

fn full(directory: &Path) {
    let other = directory.join("other");
    fs::write(&other, vec![0; OTHER_BYTES]).expect("room");
    let dataset = directory.join("dataset");
    let mut writer = open(&dataset, "run-a");
    let start = Instant::now();
    let mut appended = 0;
    while writer.counters().rows_lost < 50 {
        let _ = writer.append(&candidate(appended), start);
        let _ = writer.flush_due(start + Duration::from_mins(1));
        appended += 1;
    }
    println!(
        "full {}",
        verify(&dataset).expect("readable").problems.len()
    );
    fs::remove_file(other).expect("a file");
    writer
        .flush_due(start + Duration::from_mins(1))
        .expect("room again");
    finish(writer, &dataset, appended);
}

fn vanished(directory: &Path, volume: &str) {
    let dataset = directory.join("dataset");
    let mut writer = open(&dataset, "run-a");
    let start = Instant::now();
    let append = |writer: &mut DatasetWriter, numbers: std::ops::Range<u32>| {
        let mut failures = 0;
        for number in numbers {
            failures += u32::from(writer.append(&candidate(number), start).is_err());
            failures += u32::from(writer.flush_due(start + Duration::from_mins(1)).is_err());
        }
        failures
    };
    assert_eq!(append(&mut writer, 0..100), 0);
    // The dataset holds its lock open: detach it all the same.
    mount("umount", &["--lazy", &directory.display().to_string()]);
    assert!(append(&mut writer, 100..400) > 0, "the volume is gone");
    println!(
        "stray {}",
        fs::read_dir(directory).expect("a folder").count()
    );
    mount(
        "mount",
        &["--bind", volume, &directory.display().to_string()],
    );
    writer
        .flush_due(start + Duration::from_mins(1))
        .expect("the volume is back");
    finish(writer, &dataset, 400);
}

fn mount(program: &str, words: &[&str]) {
    let status = Command::new(program)
        .args(words)
        .status()
        .expect("a program");
    assert!(status.success(), "{program} {words:?}: {status}");
}

fn finish(writer: DatasetWriter, dataset: &Path, appended: u32) {
    let (counters, closed) = writer.close();
    closed.expect("room");
    let (_, closed) = open(dataset, "run-b").close();
    closed.expect("room");
    let report = verify(dataset).expect("readable");
    let gaps: u64 = report.gaps.iter().filter_map(|gap| gap.rows).sum();
    println!(
        "appended {appended} written {} lost {} failures {} rows {} gap {gaps} problems {}",
        counters.rows_written,
        counters.rows_lost,
        counters.failures,
        report.rows,
        report.problems.len()
    );
}
