//! What goes wrong, and in which order. Pure.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use triptych_cluster::cluster::NodeFailure;

/// A side of the account, and the persona of the venue that serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Live,
    Demo,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Live, Self::Demo];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Demo => "demo",
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Disturbance {
    /// Something of a persona of the venue, told to its admin port, and what mends it after a while.
    Venue {
        side: Side,
        post: Post,
        mended: Option<(Duration, Post)>,
    },
    /// The trader of a side ends at once.
    TraderKilled(Side),
    /// The operator's leader ends at once.
    OperatorKilled,
    /// The node of a side fails, and comes back after a while.
    NodeLost(Side, NodeFailure, Duration),
}

/// A request to the admin port of the venue.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    /// Behind the persona's path.
    pub(crate) path: &'static str,
    pub(crate) body: Value,
}

/// Disturbances without end: each kind once on each side, shuffled, and then again in another order.
pub(crate) struct Deck {
    rng: Rng,
    left: Vec<Disturbance>,
}

impl Deck {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            left: Vec::new(),
        }
    }

    /// The next one, and how long nothing new goes wrong before it.
    pub(crate) fn draw(&mut self) -> (Duration, Disturbance) {
        if self.left.is_empty() {
            self.left = every_kind(&mut self.rng);
            self.rng.shuffle(&mut self.left);
        }
        let pause = Duration::from_millis(self.rng.u64(200..4_000));
        let next = self.left.pop();
        (pause, next.unwrap_or(Disturbance::OperatorKilled))
    }
}

/// Number of disturbances of which each kind is once on each side.
pub(crate) fn kinds() -> usize {
    every_kind(&mut Rng::with_seed(0)).len()
}

fn every_kind(rng: &mut Rng) -> Vec<Disturbance> {
    let mut all = vec![Disturbance::OperatorKilled];
    for side in Side::BOTH {
        all.extend(requests(side, rng));
        all.extend(messages(side, rng));
        all.extend(states(side, rng));
        all.push(Disturbance::TraderKilled(side));
        for how in [NodeFailure::Partition, NodeFailure::PowerOff] {
            let back = Duration::from_secs(rng.u64(5..40));
            all.push(Disturbance::NodeLost(side, how, back));
        }
    }
    all
}

fn fault(side: Side, endpoint: &str, count: u32, fault: &Value) -> Disturbance {
    let body = json!({ "endpoint": endpoint, "count": count, "fault": fault });
    Disturbance::Venue {
        side,
        post: Post {
            path: "/faults",
            body,
        },
        mended: None,
    }
}

/// Faults of requests that change something, and of questions.
fn requests(side: Side, rng: &mut Rng) -> Vec<Disturbance> {
    let mut all = Vec::new();
    let late = rng.u64(100..15_000);
    for endpoint in [
        "POST /api/v3/order",
        "DELETE /api/v3/order",
        "GET /api/v3/order",
        "GET /api/v3/openOrders",
        "GET /api/v3/myTrades",
    ] {
        let faults = [
            json!({ "delay": { "milliseconds": late } }),
            json!("truncate"),
            json!({ "cut": { "carriedOut": true } }),
            json!({ "cut": { "carriedOut": false } }),
            json!({ "timeout": { "carriedOut": true } }),
            json!({ "timeout": { "carriedOut": false } }),
        ];
        all.extend(
            faults
                .iter()
                .map(|one| fault(side, endpoint, rng.u32(1..4), one)),
        );
    }
    for one in [
        json!({ "tooManyRequests": { "retryAfter": 3 } }),
        json!({ "banned": { "retryAfter": 5 } }),
    ] {
        all.push(fault(side, "POST /api/v3/order", 1, &one));
        all.push(fault(side, "GET /api/v3/myTrades", 1, &one));
    }
    all
}

fn messages(side: Side, rng: &mut Rng) -> Vec<Disturbance> {
    let mut all = Vec::new();
    let late = rng.u64(100..3_000);
    for scope in ["marketStreams", "userEvents"] {
        for one in [
            json!({ "delay": { "milliseconds": late } }),
            json!("truncate"),
            json!("drop"),
            json!("duplicate"),
            json!("reorder"),
        ] {
            all.push(fault(side, scope, rng.u32(1..6), &one));
        }
    }
    all
}

/// The venue as a whole: its connections, its clock, its hours.
fn states(side: Side, rng: &mut Rng) -> Vec<Disturbance> {
    let for_a_while = Duration::from_secs(rng.u64(2..15));
    let post = |path, body| Post { path, body };
    let venue = |post, mended| Disturbance::Venue { side, post, mended };
    let clock = |skew: i64| post("/clock", json!({ "skewMilliseconds": skew }));
    let mut all = vec![
        venue(post("/cut", json!({})), None),
        venue(post("/disconnect", json!({})), None),
        venue(
            post("/maintenance", json!({ "on": true })),
            Some((for_a_while, post("/maintenance", json!({ "on": false })))),
        ),
        venue(
            post("/symbols/BTCUSDT", json!({ "halted": true })),
            Some((
                for_a_while,
                post("/symbols/BTCUSDT", json!({ "halted": false })),
            )),
        ),
    ];
    for skew in [-3_000, -400, 400, 3_000] {
        all.push(venue(clock(skew), Some((for_a_while, clock(0)))));
    }
    all
}
