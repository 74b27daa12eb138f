//! An observer's dataset is pushed while it is written; observer and push are killed at random; the store is
//! compacted meanwhile over a bad line, and readers read. In the end it is the observer's, row by row.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::faults::Line;
use crate::process::{Pod, Program, Tape, until};
use crate::server::Server;
use crate::{Desk, PLACE, rows};

/// How often the observer is started.
const LIVES: usize = 4;

/// Rows that each of its lives publishes at least.
const ROWS_A_LIFE: usize = 20;

/// Says that the work is done, however it ends: readers that wait for it would not end otherwise.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn observer() -> Program {
    let path = Path::new(env!("CARGO_BIN_EXE_trader")).with_file_name("trader-observe");
    assert!(
        path.exists(),
        "{}: build the whole workspace",
        path.display()
    );
    Program {
        path: path.display().to_string().leak(),
        arguments: &[],
    }
}

fn follow(desk: &Desk, dataset: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_trader"))
        .args(["dataset", "push"])
        .arg(dataset)
        .args([PLACE, "--follow", "--every", "1"])
        .args(desk.options())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn an_observers_dataset_is_pushed_killed_resumed_compacted_and_read_and_equal_row_by_row() {
    let server = Server::start();
    let line = Line::to(server.address, 9);
    let (pusher, keeper) = (Desk::over(&line, &server), Desk::over(&line, &server));
    let tape = Tape::start(20.0, None);
    let pod = Pod::new(observer(), &tape.url());
    let mut random = fastrand::Rng::new();
    println!("seed {}", random.get_seed());
    let (done, readings) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let reader = Desk::of(&server);
            until("the first manifest", || {
                server
                    .object("abh/manifest")
                    .read_dir()
                    .ok()?
                    .next()
                    .map(drop)
            });
            let mut before = 0;
            while !done.load(Ordering::SeqCst) {
                reader.run(&["summary", PLACE]).well();
                let found = rows(&reader.pull("reader"));
                let mut unique = found.clone();
                unique.dedup();
                assert_eq!(found.len(), unique.len(), "a row is there twice");
                assert!(found.len() >= before, "rows are gone");
                before = found.len();
                readings.fetch_add(1, Ordering::SeqCst);
            }
        });
        let _done = Done(&done);
        for round in 0..LIVES {
            let trader = pod.start();
            let mut push = follow(&pusher, &pod.data());
            let grown = line.written().len() + random.usize(2..8);
            until("more objects, of rows enough to tell something", || {
                let enough = (round + 1) * ROWS_A_LIFE;
                (line.written().len() >= grown && rows(&pod.data()).len() >= enough).then_some(())
            });
            if round > 0 {
                keeper.run(&["compact", PLACE]).well();
            }
            push.kill().unwrap();
            push.wait().unwrap();
            // The last life of the observer ends in order.
            if round + 1 < LIVES {
                trader.signal(rustix::process::Signal::KILL);
                let _ = trader.wait();
            } else {
                let _ = trader.terminate();
            }
        }
        let seen = readings.load(Ordering::SeqCst);
        until("one more reading", || {
            (readings.load(Ordering::SeqCst) > seen).then_some(())
        });
    });
    pusher.push(&pod.data());
    keeper.run(&["compact", PLACE]).well();
    let reader = Desk::of(&server);
    reader.run(&["verify", PLACE]).well();
    let expected = rows(&pod.data());
    println!(
        "{} rows, {} readings meanwhile, {} faults on the way",
        expected.len(),
        readings.load(Ordering::SeqCst),
        line.happened().len()
    );
    assert!(
        expected.len() >= LIVES * ROWS_A_LIFE,
        "published rows are gone"
    );
    assert_eq!(rows(&reader.pull("in-the-end")), expected);
    assert_eq!(pusher.push(&pod.data())["filesSent"], 0);
}
