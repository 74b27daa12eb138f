//! Runs the command and makes files for it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A revision that this build runs, named `momentum-7`.
pub(crate) const REVISION: &str = r#"
apiVersion: triptych.trading/v1alpha1
kind: ConfigRevision
metadata:
  name: momentum-7
  namespace: research
spec:
  image: registry.example/trader@sha256:0000000000000000000000000000000000000000000000000000000000000000
  venue: BinanceSpot
  instruments:
  - symbol: BTCUSDT
    priceIncrement: "0.01"
    quantityIncrement: "0.00001"
  strategies:
  - name: trend
    instruments: [BTCUSDT]
    orderQuantity: "0.0015"
    orderType: Limit
    stopBasisPoints: 20
    targetBasisPoints: 40
    algorithm:
      movingAverageCrossover:
        fastPeriod: 4
        slowPeriod: 16
        sampleIntervalMilliseconds: 100
        price: Mid
  - name: imbalance
    instruments: [BTCUSDT]
    orderQuantity: "0.0025"
    orderType: Market
    algorithm:
      orderBookImbalance:
        levels: 5
        threshold: "0.7"
        cooldownMilliseconds: 500
  riskRules:
  - precision: {}
  - quantityLimits:
      minimum: "0.00001"
      maximum: "0.002"
  - notionalLimits:
      minimum: "5"
      maximum: "120"
  - priceCollar:
      basisPoints: "0.5"
  - maxSpread:
      basisPoints: "0.05"
  - staleData:
      maxAgeMilliseconds: 250
  - duplicateIntent:
      windowMilliseconds: 3000
"#;

/// What the command answered.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }

    /// The answer of a command that has to succeed.
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }
}

pub(crate) fn trader(words: &[&str]) -> Answer {
    trader_reading(words, "")
}

/// Runs the command with this on its standard input.
pub(crate) fn trader_reading(words: &[&str], input: &str) -> Answer {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trader"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    // A command that does not read its input may be gone already.
    let _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input.as_bytes());
    Answer::of(child.wait_with_output().expect("the command ends"))
}

/// Writes a file of a folder and returns its path as text.
pub(crate) fn file(folder: &Path, name: &str, text: &str) -> String {
    let path: PathBuf = folder.join(name);
    std::fs::write(&path, text).expect("a writable folder");
    path.display().to_string()
}
