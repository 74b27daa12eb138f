//! The order path with its journal on a disk and the real client, at the simulated venue, with faults on the way and
//! traders that are killed: in the end journal and venue are equal.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use triptych_account::OrderKey;
use triptych_engine::decimal::{Price, Quantity};
use triptych_engine::event::{Side, Timestamp};
use triptych_engine::portfolio::CloseReason;
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::Pace;
use triptych_orders::client_order_id::{Epoch, Owner};
use triptych_orders::exchange::{Answered, Request, carry_out};
use triptych_orders::finding::Finding;
use triptych_orders::journal::Journal;
use triptych_orders::own_orders::Stage;
use triptych_orders::path::{Draft, Holder, OrderPath, Patience};
use triptych_venue::binance::{Binance, BinanceSettings};
use triptych_venue::{
    AccountSide, Credentials, EndpointUrls, OrderKind, QueryError, TimeInForce, TradingEndpoints,
    Venue, VenueTradeId,
};
use triptych_venue_sim::{Addresses, Crowd, CrowdSettings, Personas, RunningVenue, start};

const SYMBOL: &str = "BTCUSDT";

/// Longest time for journal and venue to come to rest.
const LONGEST: Duration = Duration::from_mins(1);

const WAITS: Patience = Patience {
    receive_window: Duration::from_millis(1500),
    clock_bound: Duration::from_millis(200),
    venue_lag: Duration::from_millis(200),
    // Fills and open orders cost 26 of the 6000 that an address may spend a minute.
    ask_every: Duration::from_millis(400),
    compare_every: Duration::from_secs(2),
};

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_nanoseconds(i64::try_from(since_epoch.as_nanos()).unwrap())
}

async fn venue() -> (RunningVenue, Personas) {
    let personas = Personas::documented();
    let crowd = CrowdSettings {
        crowd: Crowd::Generator {
            seed: 11,
            instruments: Instruments::parse([SYMBOL]).unwrap(),
        },
        pace: Pace::RECORDED,
        most_events: None,
    };
    let running = start(Addresses::local(), &personas, &crowd).await.unwrap();
    (running, personas)
}

async fn client(address: SocketAddr, personas: &Personas) -> Arc<Binance> {
    let account = &personas.demo.accounts[0];
    let credentials =
        Credentials::new(account.api_key.as_bytes(), account.secret.as_bytes()).unwrap();
    let (rest, streams) = (format!("http://{address}"), format!("ws://{address}"));
    let urls = EndpointUrls {
        rest: Some(&rest),
        market_streams: Some(&streams),
        user_streams: Some(&streams),
    };
    let endpoints = TradingEndpoints::new(AccountSide::Demo, true, urls).unwrap();
    let settings = BinanceSettings {
        answer_timeout: Duration::from_secs(2),
        ..BinanceSettings::default()
    };
    let client = Binance::new(endpoints, credentials, settings).unwrap();
    client.measure_clock().await.unwrap();
    Arc::new(client)
}

async fn arm(admin: SocketAddr, endpoint: &str, fault: &Value) {
    let body = json!({ "endpoint": endpoint, "count": 1, "fault": fault }).to_string();
    let mut stream = TcpStream::connect(admin).await.unwrap();
    let head = format!(
        "POST /personas/demo/faults HTTP/1.1\r\nHost: admin\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// One life of a trader.
struct Life {
    path: OrderPath<std::fs::File>,
    findings: Vec<Finding>,
    decided: u128,
}

fn begin(journal: &Path, epoch: u64, decided: u128) -> Life {
    let (journal, recovered) = Journal::open(journal).unwrap();
    let holder = Holder {
        owner: Owner::new("cluster", "instance"),
        epoch: Epoch::new(epoch).unwrap(),
        run: "run".into(),
    };
    let symbols = [SYMBOL.into()];
    let (path, finding) =
        OrderPath::begin(journal, &recovered, holder, WAITS, &symbols, now()).unwrap();
    Life {
        path,
        findings: finding.into_iter().collect(),
        decided,
    }
}

fn draft(number: u128, random: &mut fastrand::Rng) -> Draft {
    let price: Price = "30000".parse().unwrap();
    let resting = OrderKind::Limit {
        price,
        time_in_force: TimeInForce::GoodTillCancel,
    };
    let is_market = random.bool();
    Draft {
        key: OrderKey {
            candidate: format!("{:032x}", number << 64).parse().unwrap(),
            purpose: CloseReason::Signal,
            part: 0,
        },
        strategy: "test".into(),
        symbol: SYMBOL.into(),
        side: if is_market && random.bool() {
            Side::Sell
        } else {
            Side::Buy
        },
        kind: if is_market {
            OrderKind::Market
        } else {
            resting
        },
        quantity: Quantity::from_units(random.i64(10..100) * 10_000),
        touch: price,
        stop: None,
        target: None,
        reduces: false,
        live_ratio: None,
        decided: now(),
    }
}

impl Life {
    /// Trades until so many orders were intended, and then ends in the middle of whatever is under way.
    async fn trade(
        &mut self,
        venue: &Arc<Binance>,
        admin: SocketAddr,
        random: &mut fastrand::Rng,
        orders: usize,
    ) {
        let faults = [
            json!({ "cut": { "carriedOut": true } }),
            json!({ "cut": { "carriedOut": false } }),
            json!({ "timeout": { "carriedOut": true } }),
            json!({ "timeout": { "carriedOut": false } }),
            json!("truncate"),
            json!({ "delay": { "milliseconds": 300 } }),
        ];
        let mut under_way = FuturesUnordered::new();
        let before = self.path.own().all().count();
        while self.path.own().all().count() < before + orders {
            let mut requests = self.path.due(now());
            self.decided += 1;
            let drafts = vec![draft(self.decided, random)];
            let sent = self.path.intend(drafts, now()).unwrap().requests;
            if !sent.is_empty() && random.bool() {
                let endpoint = [
                    "POST /api/v3/order",
                    "GET /api/v3/order",
                    "DELETE /api/v3/order",
                ];
                let fault = &faults[random.usize(0..faults.len())];
                arm(admin, endpoint[random.usize(0..3)], fault).await;
            }
            requests.extend(sent);
            let unsettled: Vec<_> = self.path.own().unsettled().cloned().collect();
            for own in unsettled.iter().filter(|_| random.u8(0..6) == 0) {
                let order = &own.intent.client_order_id;
                self.path.intend_cancel(order, "test", now()).unwrap();
            }
            send(venue, requests, &under_way);
            self.next(&mut under_way).await;
        }
    }

    /// Cancels what waits, until every order has ended and everything is booked.
    async fn come_to_rest(&mut self, venue: &Arc<Binance>) {
        let mut under_way = FuturesUnordered::new();
        loop {
            let unsettled: Vec<_> = self.path.own().unsettled().cloned().collect();
            if unsettled.is_empty() && self.path.is_reconciled() {
                return;
            }
            for own in &unsettled {
                let order = &own.intent.client_order_id;
                self.path
                    .intend_cancel(order, "the test ends", now())
                    .unwrap();
            }
            let requests = self.path.due(now());
            send(venue, requests, &under_way);
            self.next(&mut under_way).await;
        }
    }

    /// Learns from the next answer, or lets a little time go by where none is to come.
    async fn next(&mut self, under_way: &mut FuturesUnordered<UnderWay>) {
        let tick = tokio::time::sleep(Duration::from_millis(10));
        tokio::select! {
            Some(answered) = under_way.next() => {
                self.findings.extend(self.path.learn(answered.unwrap(), now()).unwrap());
            }
            () = tick => {}
        }
    }
}

fn send(venue: &Arc<Binance>, requests: Vec<Request>, under_way: &FuturesUnordered<UnderWay>) {
    for request in requests {
        let venue = Arc::clone(venue);
        let asked = now();
        let carried = tokio::spawn(async move { carry_out(&*venue, request, asked).await });
        under_way.push(carried);
    }
}

type UnderWay = tokio::task::JoinHandle<Answered>;

/// The first answer; faults that nothing met before are met here.
async fn ask<T>(question: impl AsyncFn() -> Result<T, QueryError>) -> T {
    for _ in 0..100 {
        if let Ok(answer) = question().await {
            return answer;
        }
    }
    panic!("a hundred questions without an answer");
}

async fn expect_equal(life: &Life, venue: &Binance) {
    assert_eq!(life.findings, []);
    let own = life.path.own();
    let mut fills = Vec::new();
    let mut after: Option<VenueTradeId> = None;
    loop {
        let more = ask(async || venue.trades(SYMBOL, after.as_ref()).await).await;
        let Some(last) = more.last() else { break };
        after = Some(last.trade_id.clone());
        fills.extend(more);
    }
    for ours in own.all() {
        let order = &ours.intent.client_order_id;
        let there = ask(async || venue.order(SYMBOL, order).await).await;
        let Some(there) = there else {
            assert_eq!(ours.stage, Stage::NotPlaced, "{order}");
            continue;
        };
        let ended = Stage::Ended {
            status: there.status,
            filled: there.filled,
        };
        assert_eq!(ours.stage, ended, "{order}");
        let of_it = fills
            .iter()
            .filter(|fill| fill.venue_order_id == there.venue_order_id);
        let filled: i64 = of_it.map(|fill| fill.quantity.units()).sum();
        assert_eq!(ours.booked.units(), filled, "{order}");
    }
    let net: i64 = fills
        .iter()
        .map(|fill| match fill.side {
            Side::Buy => fill.quantity.units(),
            Side::Sell => -fill.quantity.units(),
        })
        .sum();
    assert_eq!(own.net(SYMBOL).units(), net);
    assert_eq!(ask(async || venue.open_orders(SYMBOL).await).await, []);
    println!(
        "{} orders intended, {} at the venue, {} fills",
        own.all().count(),
        own.all()
            .filter(|own| own.stage != Stage::NotPlaced)
            .count(),
        fills.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traders_that_are_killed_and_a_line_that_breaks_leave_journal_and_venue_equal() {
    let (running, personas) = venue().await;
    let Addresses { demo, admin, .. } = running.addresses();
    let folder = tempfile::tempdir().unwrap();
    let journal: PathBuf = folder.path().join("orders.journal");
    let mut random = fastrand::Rng::new();
    println!("seed {}", random.get_seed());
    let mut decided = 0;
    for epoch in 1..=4 {
        let venue = client(demo, &personas).await;
        let mut life = begin(&journal, epoch, decided);
        let orders = random.usize(8..14);
        let traded = life.trade(&venue, admin, &mut random, orders);
        tokio::time::timeout(LONGEST, traded)
            .await
            .expect("orders are intended");
        assert_eq!(life.findings, []);
        decided = life.decided;
    }
    let venue = client(demo, &personas).await;
    let mut life = begin(&journal, 5, decided);
    let rested = tokio::time::timeout(LONGEST, life.come_to_rest(&venue)).await;
    let unsettled: Vec<_> = life.path.own().unsettled().collect();
    assert!(
        rested.is_ok() && unsettled.is_empty(),
        "journal and venue do not come to rest, is_reconciled is {}: {unsettled:#?}; findings {:?}",
        life.path.is_reconciled(),
        life.findings
    );
    expect_equal(&life, &venue).await;
    assert!(life.path.own().all().count() >= 32);
}
