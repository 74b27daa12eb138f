//! Runs and candidates for tests, and a file system that fails on purpose.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use triptych_crds::TradingState;
use triptych_crds::strategies::OrderType;
use triptych_crds::trading_instance::LiveRatioMode;
use triptych_dataset::filesystem::{FileSystem, LocalFileSystem};
use triptych_dataset::recovery::{files_under, has_extension, relative};
use triptych_dataset::run::RunId;
use triptych_dataset::{DatasetWriter, Options, RunContext};
use triptych_engine::Candidate;
use triptych_engine::candidate::{Denial, Enforcement, IdentityPrefix, StatedPortfolios};
use triptych_engine::decimal::{Notional, Price, Quantity};
use triptych_engine::event::{InstrumentId, Level, Side, Timestamp};
use triptych_engine::market::Top;
use triptych_engine::measure::Measure;
use triptych_engine::portfolio::{PortfolioName, PortfolioSnapshot};
use triptych_engine::proposal::{Proposal, StrategyIndex};
use triptych_engine::risk::{DenyCode, Outcome, Verdict};
use triptych_engine::stage::{LiveRatio, NotTaken, StageRecord};
use triptych_engine::strategies::{Features, Trigger};

pub(crate) const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// 2024-08-08 00:00:00 UTC, in nanoseconds.
pub(crate) const MIDNIGHT: i64 = 1_723_075_200_000_000_000;

pub(crate) fn run(id: &str) -> RunContext {
    RunContext {
        run_id: RunId::parse(id).expect("a run id"),
        tier: "ABH".to_owned(),
        instance: "research/momentum".to_owned(),
        binary_sha256: HASH.to_owned(),
        config_hash: HASH.to_owned(),
    }
}

/// The `number`th candidate: a second after the one before; every third is denied, every fifth
/// resized, every second without a price, of two strategies in turn.
pub(crate) fn candidate(number: u32) -> Candidate {
    let strategies = ["trend", "lean"];
    let strategy = strategies[number as usize % 2];
    let side = if number.is_multiple_of(4) {
        Side::Sell
    } else {
        Side::Buy
    };
    let trigger = Trigger::Depth(u64::from(number));
    let at = Timestamp::from_nanoseconds(MIDNIGHT + i64::from(number) * 1_000_000_001);
    let level = |cents: i64, units: i64| Level {
        price: Price::from_units(cents * 1_000_000),
        quantity: Quantity::from_units(units),
    };
    let top = Top {
        bid: level(6_183_763, 12_345_678),
        ask: level(6_183_764, i64::from(number) + 1),
        update_id: 50_093_239_202 + u64::from(number),
        ts_recv: at,
    };
    let quantity: Quantity = "0.0012".parse().expect("a quantity");
    let smaller: Quantity = "0.0005".parse().expect("a quantity");
    let too_wide = DenyCode("SPREAD_TOO_WIDE");
    let stated = number.is_multiple_of(2);
    let (denied, resized) = (number.is_multiple_of(3), number.is_multiple_of(5));
    let by_all_taken = Verdict {
        portfolio: Some(PortfolioName::AllTaken),
        ..verdict("grossExposure", Outcome::Deny(too_wide), None, None)
    };
    Candidate {
        id: IdentityPrefix::new(strategy, "test/1", HASH, "BTCUSDT").candidate_id(trigger, side),
        round: u64::from(number) + 1,
        strategy: strategy.into(),
        strategy_version: "test/1".into(),
        symbol: "BTCUSDT".into(),
        ts_event: (!number.is_multiple_of(7))
            .then(|| Timestamp::from_nanoseconds(at.nanoseconds() - 5_000_000)),
        ts_recv: at,
        ts_decision: at,
        top,
        proposal: Proposal {
            strategy: StrategyIndex(u16::try_from(number % 2).expect("small")),
            instrument: InstrumentId(0),
            side,
            order_type: if number.is_multiple_of(2) {
                OrderType::Limit
            } else {
                OrderType::Market
            },
            touch: top.ask.price,
            quantity,
            stop: number.is_multiple_of(2).then_some(top.bid.price),
            target: None,
        },
        trigger,
        confidence: number.is_multiple_of(2).then_some(0.625),
        features: Features::of(&[
            ("imbalance", f64::from(number) / 8.0),
            ("mid_price", 61837.635),
        ]),
        verdicts_all_taken: vec![by_all_taken; usize::from(stated)],
        portfolios: stated.then(portfolios),
        stage: stated.then_some(StageRecord {
            state: TradingState::Active,
            live: LiveRatio {
                mode: LiveRatioMode::Size,
                ratio: "0.25".parse().expect("a ratio"),
            },
            quantity: Quantity::ZERO,
            not_taken: Some(NotTaken::BelowIncrement),
        }),
        verdicts: verdicts(number, quantity, smaller),
        enforcement: match (denied, resized) {
            (true, _) => Enforcement::Deny(Denial {
                rule: "maxSpread",
                code: too_wide,
            }),
            (false, true) => Enforcement::Resize(smaller),
            (false, false) => Enforcement::Accept,
        },
    }
}

fn verdict(
    rule: &'static str,
    outcome: Outcome,
    observed: Option<Measure>,
    limit: Option<Measure>,
) -> Verdict {
    Verdict {
        rule,
        version: 1,
        outcome,
        observed,
        limit,
        portfolio: None,
    }
}

fn verdicts(number: u32, quantity: Quantity, smaller: Quantity) -> Vec<Verdict> {
    let (denied, resized) = (number.is_multiple_of(3), number.is_multiple_of(5));
    let too_wide = DenyCode("SPREAD_TOO_WIDE");
    vec![
        verdict(
            "maxSpread",
            if denied {
                Outcome::Deny(too_wide)
            } else {
                Outcome::Pass
            },
            Some(Measure::from_units(
                i128::from(number) * 10_i128.pow(15) + 1,
            )),
            Some(Measure::from_units(20_000_000_000_000_000)),
        ),
        verdict(
            "quantityLimits",
            if resized {
                Outcome::Resize(smaller)
            } else {
                Outcome::Pass
            },
            Some(quantity.into()),
            Some(smaller.into()),
        ),
        verdict(
            "duplicateIntent",
            Outcome::Pass,
            None,
            Some(Measure::milliseconds(1)),
        ),
    ]
}

/// A disk of so many bytes: what is beyond is cut off in the middle, with the error of a full disk.
#[derive(Clone)]
pub(crate) struct SmallDisk {
    left: Arc<AtomicI64>,
}

impl SmallDisk {
    pub(crate) fn of(bytes: i64) -> Self {
        Self {
            left: Arc::new(AtomicI64::new(bytes)),
        }
    }

    pub(crate) fn grow(&self, bytes: i64) {
        self.left.fetch_add(bytes, Ordering::SeqCst);
    }

    fn write(&self, bytes: &[u8], write: impl FnOnce(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let wanted = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let room = self.left.fetch_sub(wanted, Ordering::SeqCst).max(0);
        if room >= wanted {
            return write(bytes);
        }
        self.left.store(0, Ordering::SeqCst);
        write(&bytes[..usize::try_from(room).unwrap_or(0)])?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }
}

impl FileSystem for SmallDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        LocalFileSystem.create_folder(path)
    }

    fn create_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes, |room| LocalFileSystem.create_file(path, room))
    }

    fn publish(&self, temporary: &Path, published: &Path) -> io::Result<()> {
        LocalFileSystem.publish(temporary, published)
    }

    fn write_end(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes, |room| LocalFileSystem.write_end(path, offset, room))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        LocalFileSystem.remove_file(path)
    }
}

/// An example's executable: Cargo builds examples beside the tests' own folder.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test's executable");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("target/<profile>");
    let path = profile.join("examples").join(name);
    assert!(path.exists(), "{} is built by cargo test", path.display());
    path
}

/// Ten rows to a file.
pub(crate) fn options(directory: &Path) -> Options {
    Options {
        flush_rows: 10,
        ..Options::new(directory)
    }
}

/// Writes candidates as a run from its start to its orderly end.
pub(crate) fn write(directory: &Path, id: &str, numbers: std::ops::Range<u32>) {
    let mut writer = DatasetWriter::open(options(directory), run(id)).expect("a dataset");
    let now = Instant::now();
    for number in numbers {
        writer.append(&candidate(number), now).expect("room");
    }
    let (counters, closed) = writer.close();
    closed.expect("room");
    assert_eq!((counters.rows_buffered, counters.rows_lost), (0, 0));
}

/// Every file of candidates that a reader's pattern matches, relative to the directory.
pub(crate) fn parquet_files(directory: &Path) -> Vec<String> {
    let files = files_under(&directory.join("candidates")).expect("a readable folder");
    let files = files.iter().filter(|path| has_extension(path, "parquet"));
    files.map(|path| relative(directory, path)).collect()
}

/// A disk that works for so many steps; from then on every step fails. With an odd number the last one
/// is done and fails all the same, as when a process is killed before it hears of it.
pub(crate) struct StoppingFileSystem {
    left: AtomicI64,
}

impl StoppingFileSystem {
    pub(crate) fn after(half_steps: i64) -> Self {
        Self {
            left: AtomicI64::new(half_steps),
        }
    }

    fn step(&self, act: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let stopped = || Err(io::Error::other("stopped here"));
        match self.left.fetch_sub(2, Ordering::SeqCst) {
            2.. => act(),
            1 => act().and_then(|()| stopped()),
            _ => stopped(),
        }
    }
}

impl FileSystem for StoppingFileSystem {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.step(|| LocalFileSystem.create_folder(path))
    }

    fn create_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.step(|| LocalFileSystem.create_file(path, bytes))
    }

    fn publish(&self, temporary: &Path, published: &Path) -> io::Result<()> {
        self.step(|| LocalFileSystem.publish(temporary, published))
    }

    fn write_end(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.step(|| LocalFileSystem.write_end(path, offset, bytes))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step(|| LocalFileSystem.remove_file(path))
    }
}

fn portfolios() -> StatedPortfolios {
    let value = |units| Notional::from_units(units);
    let enforced = PortfolioSnapshot {
        position: Quantity::from_units(-5),
        average_price: None,
        base_balance: Quantity::from_units(7),
        quote_balance: value(-8),
        realised_profit: value(9),
        unrealised_profit: value(-10),
        fees: value(11),
        equity: value(12),
        gross_exposure: value(13),
        net_exposure: value(-14),
    };
    let all_taken = PortfolioSnapshot {
        average_price: Some(Price::from_units(6)),
        ..enforced
    };
    StatedPortfolios {
        enforced,
        all_taken,
    }
}
