//! A revision and a deterministic tape for tests of the whole engine.
#![allow(dead_code, reason = "each test file uses a part of it")]

use triptych_crds::config_revision::ConfigRevisionSpec;
use triptych_crds::hash::{ConfigHash, canonical_config};
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{
    BookTicker, DepthDiff, DepthSnapshot, Event, EventKind, InstrumentId, Level, Levels, Side,
    Timestamp, Trade,
};

/// A revision with both strategies and every rule that needs no order path.
pub(crate) fn revision() -> serde_json::Value {
    serde_json::json!({
        "image": format!("registry.example/trader@sha256:{}", "0".repeat(64)),
        "venue": "BinanceSpot",
        "instruments": [
            { "symbol": "BTCUSDT", "priceIncrement": "0.01", "quantityIncrement": "0.00001" },
            { "symbol": "ETHUSDT", "priceIncrement": "0.01", "quantityIncrement": "0.0001" }
        ],
        "strategies": [
            {
                "name": "trend", "instruments": ["BTCUSDT", "ETHUSDT"], "orderQuantity": "0.00120",
                "orderType": "Limit", "stopBasisPoints": 20, "targetBasisPoints": 40,
                "algorithm": { "movingAverageCrossover": {
                    "fastPeriod": 3, "slowPeriod": 9, "sampleIntervalMilliseconds": 200, "price": "Mid" } }
            },
            {
                "name": "lean", "instruments": ["BTCUSDT"], "orderQuantity": "0.05",
                "orderType": "Market",
                "algorithm": { "orderBookImbalance": {
                    "levels": 5, "threshold": "0.6", "cooldownMilliseconds": 500 } }
            }
        ],
        "riskRules": [
            { "precision": {} },
            { "quantityLimits": { "minimum": "0.0001", "maximum": "0.02" } },
            { "notionalLimits": { "minimum": "10", "maximum": "1000" } },
            { "priceCollar": { "basisPoints": "1.5" } },
            { "maxSpread": { "basisPoints": "2" } },
            { "staleData": { "maxAgeMilliseconds": 150 } },
            { "duplicateIntent": { "windowMilliseconds": 2000 } }
        ]
    })
}

/// The same with a stated portfolio, in which the strategies have room, and every rule.
pub(crate) fn revision_with_every_rule() -> serde_json::Value {
    let mut revision = revision();
    revision["portfolio"] = serde_json::json!({
        "quoteBalance": "10000", "takerFeeBasisPoints": "1",
        "quoteAsset": "USDT",
        "baseBalances": [{ "symbol": "BTCUSDT", "quantity": "1" }, { "symbol": "ETHUSDT", "quantity": "10" }]
    });
    let rules = revision["riskRules"].as_array_mut().expect("a list");
    let further = serde_json::json!([
        { "balance": { "reserve": "0.1" } },
        { "orderRate": { "maximum": 3, "intervalMilliseconds": 2000 } },
        { "modifyRate": { "maximum": 10, "intervalMilliseconds": 1000 } },
        { "dailyLoss": { "limit": "200", "dayStartsAtHour": 0, "onBreach": "Deny" } },
        { "rollingDrawdown": { "limit": "0.2", "windowSeconds": 600, "onBreach": "Deny" } },
        { "lossStreak": { "maximum": 6, "pauseSeconds": 5, "onBreach": "Deny" } },
        { "stoplossGuard": {
            "lookbackSeconds": 60, "tradeLimit": 3, "pauseSeconds": 5, "perInstrument": false } },
        { "maxDrawdown": {
            "lookbackSeconds": 60, "tradeLimit": 3, "limit": "0.05", "pauseSeconds": 5 } },
        { "cooldownPeriod": { "pauseSeconds": 1 } },
        { "lowProfitInstruments": {
            "lookbackSeconds": 30, "tradeLimit": 4, "requiredProfit": "0", "pauseSeconds": 5 } },
        { "grossExposure": { "limit": "3000" } },
        { "netExposure": { "limit": "2500" } }
    ]);
    rules.extend(further.as_array().expect("a list").iter().cloned());
    revision
}

/// Spec and hash of a revision's value.
pub(crate) fn load(value: &serde_json::Value) -> (ConfigRevisionSpec, ConfigHash) {
    let hash = canonical_config(value).expect("a hashable spec").hash;
    (
        serde_json::from_value(value.clone()).expect("a valid spec"),
        hash,
    )
}

/// A small generator of pseudo-random numbers (`SplitMix64`), so that the tape is the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn signed_below(&mut self, bound: u64) -> i64 {
        i64::try_from(self.below(bound)).unwrap_or_default()
    }
}

const CENT: i64 = 1_000_000;

/// `events` events of two instruments: a random walk with snapshots, diffs, tickers, trades, a hole
/// and a reconnect now and then.
pub(crate) fn tape(seed: u64, events: usize) -> Vec<Event> {
    let mut random = Random(seed);
    let mut walks = [Walk::new(0, 6_000_000), Walk::new(1, 300_000)];
    let mut tape = Vec::with_capacity(events);
    let mut now = Timestamp::from_milliseconds(1_700_000_000_000);
    while tape.len() < events {
        now = Timestamp::from_nanoseconds(
            now.nanoseconds() + 1_000_000 + random.signed_below(20_000_000),
        );
        let walk = &mut walks[usize::from(random.below(2) == 1)];
        tape.push(walk.next(&mut random, now));
    }
    tape
}

struct Walk {
    instrument: InstrumentId,
    mid_cents: i64,
    update_id: u64,
    wants_snapshot: bool,
}

impl Walk {
    const fn new(instrument: u16, mid_cents: i64) -> Self {
        let instrument = InstrumentId(instrument);
        Self {
            instrument,
            mid_cents,
            update_id: 0,
            wants_snapshot: true,
        }
    }

    fn next(&mut self, random: &mut Random, now: Timestamp) -> Event {
        let ts_event = Timestamp::from_nanoseconds(
            now.nanoseconds() - 5_000_000 - random.signed_below(200_000_000) / 2,
        );
        let (ts_event, kind) = match random.below(1_000) {
            _ if self.wants_snapshot => {
                self.wants_snapshot = false;
                let levels = self.levels(random);
                (
                    None,
                    EventKind::DepthSnapshot(DepthSnapshot {
                        last_update_id: self.update_id,
                        levels,
                    }),
                )
            }
            0 => {
                self.wants_snapshot = true;
                (None, EventKind::Connected)
            }
            1 => {
                self.update_id += 5;
                self.wants_snapshot = true;
                (Some(ts_event), self.diff(random))
            }
            2..=300 => (Some(ts_event), self.diff(random)),
            301..=600 => (Some(ts_event), self.trade(random)),
            _ => (None, self.ticker(random)),
        };
        Event {
            instrument: self.instrument,
            ts_event,
            ts_recv: now,
            kind,
        }
    }

    fn level(cents: i64, random: &mut Random) -> Level {
        let quantity = Quantity::from_units(1 + random.signed_below(5_000_000));
        Level {
            price: Price::from_units(cents * CENT),
            quantity,
        }
    }

    fn levels(&mut self, random: &mut Random) -> Levels {
        let bids = (1..=20)
            .map(|away| Self::level(self.mid_cents - away, random))
            .collect();
        let asks = (1..=20)
            .map(|away| Self::level(self.mid_cents + away, random))
            .collect();
        Levels { bids, asks }
    }

    /// Moves the middle by at most ten cents and describes the book around it anew.
    fn diff(&mut self, random: &mut Random) -> EventKind {
        let before = self.mid_cents;
        self.mid_cents += random.signed_below(21) - 10;
        let mut levels = self.levels(random);
        let gone = |cents| Level {
            price: Price::from_units(cents * CENT),
            quantity: Quantity::ZERO,
        };
        levels.bids.extend((self.mid_cents..=before).map(gone));
        levels.asks.extend((before..=self.mid_cents).map(gone));
        let first_update_id = self.update_id + 1;
        self.update_id += 1 + random.below(4);
        EventKind::DepthDiff(DepthDiff {
            first_update_id,
            final_update_id: self.update_id,
            levels,
        })
    }

    fn ticker(&mut self, random: &mut Random) -> EventKind {
        EventKind::BookTicker(BookTicker {
            update_id: self.update_id,
            bid: Self::level(self.mid_cents - 1, random),
            ask: Self::level(self.mid_cents + 1, random),
        })
    }

    fn trade(&mut self, random: &mut Random) -> EventKind {
        let at = Self::level(self.mid_cents + 1, random);
        let aggressor = if random.below(2) == 0 {
            Side::Buy
        } else {
            Side::Sell
        };
        let trade_id = random.below(u64::MAX);
        EventKind::Trade(Trade {
            trade_id,
            price: at.price,
            quantity: at.quantity,
            aggressor,
        })
    }
}
