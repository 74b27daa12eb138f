//! What ABH saw live, compared with backtests of the same hours. A recorder beside ABH wrote down what
//! it received; each way in which its recording may differ has a cause of its own, and `trader parity`
//! tells them apart. docs/backtest.md has them as a table.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::PROGRAM;
use crate::parity::{observer, parity};
use crate::process::{Pod, Tape, Trader, revision, until};
use crate::receiver::Receiver;

/// No message is that late, however busy the machine is; a minute is too late.
const MOST_AGE_MILLISECONDS: u64 = 20_000;
const MINUTE: i64 = 60_000_000_000;

/// A revision whose verdicts do not depend on the moment of receipt, with one strategy that remembers.
fn timeless() -> Value {
    let mut revision = revision();
    revision["portfolio"] =
        json!({ "quoteAsset": "USDT", "quoteBalance": "10000", "takerFeeBasisPoints": "1" });
    let crossover = &mut revision["strategies"][0]["algorithm"]["movingAverageCrossover"];
    crossover["price"] = json!("LastTrade");
    crossover["sampleIntervalMilliseconds"] = json!(10);
    let rules = revision["riskRules"].as_array_mut().unwrap();
    rules.retain(|rule| rule["staleData"].is_null());
    revision
}

/// The same strategies with the one rule that looks at the age of data, which each receiver sees with its own clock.
/// Beside another rule its denials would have consequences there: a trade that closes what was denied elsewhere
/// reduces nothing.
fn watchful() -> Value {
    let mut revision = timeless();
    let stale = json!({ "staleData": { "maxAgeMilliseconds": MOST_AGE_MILLISECONDS } });
    revision["riskRules"] = json!([stale]);
    revision
}

/// What ABH wrote of each revision, and the recording of the same hours.
struct Hours {
    timeless: Pod,
    watchful: Pod,
    recording: Vec<String>,
    folder: TempDir,
}

impl Hours {
    /// Two observers and a recorder on one feed, from its beginning to its end.
    fn live() -> Self {
        let tape = Tape::start_for(3, 20.0, Some(20_000));
        let pods = [timeless(), watchful()]
            .map(|revision| Pod::with_revision(observer(), &tape.url(), &revision));
        let observers: Vec<Trader> = pods.iter().map(Pod::start).collect();
        let receiver = Receiver::start(&tape.url(), ["BTCUSDT", "ETHUSDT"]);
        until("the end of the tape", || {
            tape.handle.has_ended().then_some(())
        });
        for observer in observers {
            let (exit, log) = observer.terminate();
            assert!(exit.success(), "{log:?}");
        }
        let [timeless, watchful] = pods;
        Self {
            timeless,
            watchful,
            recording: receiver.stop(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Backtests a revision over a recording and compares with what ABH saw: the code and the report.
    fn compared(&self, name: &str, observed: &Pod, recording: &[String]) -> (Option<i32>, Value) {
        let path = |ending: &str| self.folder.path().join(format!("{name}.{ending}"));
        fs::write(path("txt"), recording.join("\n") + "\n").unwrap();
        let spec = fs::read_to_string(observed.config_path()).unwrap();
        fs::write(path("json"), spec).unwrap();
        let tested = path("dataset");
        backtest(&path("json"), &path("txt"), &tested);
        parity(&observed.data(), &tested)
    }
}

fn backtest(revision: &Path, recording: &Path, dataset: &PathBuf) {
    let output = Command::new(PROGRAM.path)
        .arg("backtest")
        .args([revision, recording])
        .arg("--out")
        .arg(dataset)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// A recording whose second half was received later.
fn received_late(recording: &[String], nanoseconds: i64) -> Vec<String> {
    let half = recording.len() / 2;
    let later = recording[half..].iter().map(|line| {
        let (received, message) = line.split_once(' ').unwrap();
        let received: i64 = received.parse().unwrap();
        format!("{} {message}", received + nanoseconds)
    });
    recording[..half].iter().cloned().chain(later).collect()
}

/// A recording that misses the trades of BTCUSDT for a while in its middle.
fn without_some_trades(recording: &[String]) -> Vec<String> {
    let missed = recording.len() * 2 / 5..recording.len() / 2;
    let lines = recording.iter().enumerate();
    lines
        .filter(|(place, line)| !(missed.contains(place) && line.contains("\"btcusdt@trade\"")))
        .map(|(_, line)| line.clone())
        .collect()
}

fn number(found: &Value, pointer: &str) -> u64 {
    found.pointer(pointer).and_then(Value::as_u64).unwrap()
}

fn is_equal(answer: &(Option<i32>, Value)) {
    let (code, found) = answer;
    assert_eq!(
        (*code, &found["equal"], &found["first"]),
        (Some(0), &json!(true), &Value::Null),
        "{found}"
    );
    assert!(number(found, "/same") > 100, "{found}");
}

#[test]
fn what_abh_saw_live_is_what_a_backtest_of_the_same_hours_decides_and_each_difference_has_its_cause()
 {
    let hours = Hours::live();
    let recording = &hours.recording;

    // Nothing differs: both received the same messages, and no verdict looks at when.
    let answer = hours.compared("same", &hours.timeless, recording);
    is_equal(&answer);
    assert_eq!(number(&answer.1, "/observedOtherwise"), 0, "{}", answer.1);
    assert_eq!(answer.1["left"]["tiers"], json!(["ABH"]));
    assert_eq!(answer.1["right"]["instances"], json!(["backtest"]));

    // The same from other numbers: the ages of data are those of two receivers.
    let answer = hours.compared("ages", &hours.watchful, recording);
    is_equal(&answer);
    assert!(number(&answer.1, "/observedOtherwise") > 0, "{}", answer.1);

    // Outside: the recorder ended before ABH did.
    let shorter = &recording[..recording.len() * 2 / 3];
    let answer = hours.compared("shorter", &hours.timeless, shorter);
    is_equal(&answer);
    assert!(number(&answer.1, "/left/outside") > 0, "{}", answer.1);
    assert_eq!(number(&answer.1, "/left/alone"), 0, "{}", answer.1);

    // Decided differently, by staleData alone: half of it reached the recorder a minute late.
    let late = received_late(recording, MINUTE);
    let (code, found) = hours.compared("late", &hours.watchful, &late);
    assert_eq!(code, Some(1), "{found}");
    assert!(number(&found, "/different") > 0 && number(&found, "/same") > 0);
    let fields: BTreeSet<&str> = found["fields"]
        .as_object()
        .unwrap()
        .keys()
        .map(|key| &**key)
        .collect();
    // What follows from a denial, beside the verdicts themselves.
    let consequences = [
        "first_deny",
        "final_if_enforced",
        "final_quantity",
        "verdicts_all_taken",
    ];
    assert!(fields.contains("verdicts.staleData.pass"), "{found}");
    let by_stale_data =
        |field: &str| field.contains(".staleData.") || consequences.contains(&field);
    assert!(fields.iter().all(|field| by_stale_data(field)), "{found}");
    for side in ["/left/alone", "/right/alone"] {
        assert_eq!(number(&found, side), 0, "{found}");
    }

    // Only one proposed it: the recorder missed messages, and the averages remember for a while.
    let missed = without_some_trades(recording);
    let (code, found) = hours.compared("missed", &hours.timeless, &missed);
    assert_eq!(code, Some(1), "{found}");
    let alone = number(&found, "/left/alone");
    assert!(alone > 0, "{found}");
    // A sample is taken at the next message: where that is another one, its prices may be others.
    assert!(number(&found, "/different") < alone, "{found}");
    let of_first = |field: &str| found["first"][field].clone();
    assert_eq!(
        (of_first("strategy"), of_first("instrument")),
        (json!("trend"), json!("BTCUSDT"))
    );
}
