//! Writes candidates without end into the dataset of the first argument, as the run of the second:
//! the tests kill it at random moments.

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use triptych_dataset::{DatasetWriter, Options};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), Some(run)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: endless_writer DIRECTORY RUN");
        std::process::exit(64);
    };
    let options = Options {
        flush_rows: 20,
        flush_age: Duration::from_millis(1),
        ..Options::new(directory)
    };
    let mut writer = DatasetWriter::open(options, support::run(&run)).expect("a dataset");
    for number in 0.. {
        let now = Instant::now();
        writer
            .append(&support::candidate(number), now)
            .expect("room");
        writer.flush_due(now).expect("room");
    }
}
