//! A real trader's executable against a tape server in this process. The tests of `trader run` use
//! this file too.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use triptych_crds::hash::canonical_config;
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::Pace;
use triptych_market_data::tape::{TapeHandle, TapeOptions, TapeServer, TapeSource};

/// Longest wait for anything in these tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A revision with two strategies that propose often, and rules that judge.
pub(crate) fn revision() -> Value {
    json!({
        "image": format!("registry.example/trader@sha256:{}", "0".repeat(64)),
        "venue": "BinanceSpot",
        "instruments": [
            { "symbol": "BTCUSDT", "priceIncrement": "0.01", "quantityIncrement": "0.00001" },
            { "symbol": "ETHUSDT", "priceIncrement": "0.01", "quantityIncrement": "0.0001" }
        ],
        "strategies": [
            {
                "name": "trend", "instruments": ["BTCUSDT", "ETHUSDT"], "orderQuantity": "0.001",
                "orderType": "Limit",
                "algorithm": { "movingAverageCrossover": {
                    "fastPeriod": 3, "slowPeriod": 9, "sampleIntervalMilliseconds": 100, "price": "Mid" } }
            },
            {
                "name": "lean", "instruments": ["BTCUSDT"], "orderQuantity": "0.001",
                "orderType": "Market",
                "algorithm": { "orderBookImbalance": {
                    "levels": 5, "threshold": "0.55", "cooldownMilliseconds": 10 } }
            }
        ],
        "riskRules": [
            { "notionalLimits": { "minimum": "10", "maximum": "1000" } },
            { "maxSpread": { "basisPoints": "2" } },
            { "staleData": { "maxAgeMilliseconds": 2000 } }
        ]
    })
}

/// A tape server on a runtime of its own; it stops when it is dropped.
pub(crate) struct Tape {
    pub(crate) address: SocketAddr,
    pub(crate) handle: TapeHandle,
    stop: CancellationToken,
    _runtime: Runtime,
}

impl Tape {
    /// A generated tape at `pace`, of `most_events` events at most.
    pub(crate) fn start(pace: f64, most_events: Option<u64>) -> Self {
        Self::start_for(1, pace, most_events)
    }

    /// The same, once so many clients are connected.
    pub(crate) fn start_for(clients: usize, pace: f64, most_events: Option<u64>) -> Self {
        let source = TapeSource::Generator {
            seed: 5,
            instruments: Instruments::parse(["BTCUSDT", "ETHUSDT"]).unwrap(),
        };
        let options = TapeOptions {
            pace: Pace::Times(pace),
            wait_for_clients: clients,
            most_events,
            ..TapeOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)), source)
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let server = runtime.block_on(TapeServer::bind(options)).unwrap();
        let stop = CancellationToken::new();
        let (address, handle) = (server.address(), server.handle());
        runtime.spawn(server.run(stop.clone()));
        Self {
            address,
            handle,
            stop,
            _runtime: runtime,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// An executable with its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    pub(crate) path: &'static str,
    pub(crate) arguments: &'static [&'static str],
}

/// A pod's volumes and environment.
pub(crate) struct Pod {
    program: Program,
    folder: TempDir,
    pub(crate) environment: BTreeMap<&'static str, String>,
}

impl Pod {
    /// A pod whose configuration is mounted as the operator would.
    pub(crate) fn new(program: Program, market_data: &str) -> Self {
        Self::with_revision(program, market_data, &revision())
    }

    pub(crate) fn with_revision(program: Program, market_data: &str, revision: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = canonical_config(revision).unwrap();
        std::fs::write(folder.path().join("config.json"), &config.bytes).unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let environment = BTreeMap::from([
            ("TRIPTYCH_TIER", "ABH".to_owned()),
            ("TRIPTYCH_NAMESPACE", "desk".to_owned()),
            ("TRIPTYCH_INSTANCE", "lab".to_owned()),
            ("TRIPTYCH_INSTANCE_UID", "11-22".to_owned()),
            ("TRIPTYCH_POD_UID", "33-44".to_owned()),
            ("TRIPTYCH_CONFIG_PATH", path("config.json")),
            ("TRIPTYCH_CONFIG_HASH", config.hash.to_string()),
            ("TRIPTYCH_DATA_DIR", path("data")),
            ("TRIPTYCH_MARKET_DATA_URL", market_data.to_owned()),
            ("TRIPTYCH_LISTEN", "127.0.0.1:0".to_owned()),
        ]);
        Self {
            program,
            folder,
            environment,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        self.path("config.json")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program.path);
        command
            .args(self.program.arguments)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(File::create(self.path("stdout")).unwrap())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it where it is expected to refuse: exit code and standard error.
    pub(crate) fn run_to_refusal(&self) -> (Option<i32>, String) {
        let mut child = self.command().spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).map(|_| text).unwrap()
        });
        let status = wait(&mut child);
        (status.code(), reader.join().unwrap())
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(&self) -> Trader {
        let mut child = self.command().spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                collected.lock().unwrap().push(line);
            }
        });
        let mut trader = Trader {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            lines,
            reader: Some(reader),
        };
        trader.address = until("the address in the log", || {
            assert!(
                trader.child.try_wait().unwrap().is_none(),
                "{:?}",
                trader.log()
            );
            trader.log().iter().find_map(|line| {
                let line: Value = serde_json::from_str(line).ok()?;
                line["fields"]["address"].as_str()?.parse().ok()
            })
        });
        trader
    }
}

/// A running trader; killed when it is dropped.
pub(crate) struct Trader {
    child: Child,
    pub(crate) address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Trader {
    pub(crate) fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.request("GET", path, &[], "")
    }

    /// Status and body of the answer.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: trader\r\nconnection: close\r\ncontent-length: {length}\r\n"
        );
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("\r\n{body}");
        // A server that refuses a body may answer and close before it has taken all of it.
        let _ = stream.write_all(request.as_bytes());
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    pub(crate) fn status(&self) -> Value {
        let (code, body) = self.get("/v1/status");
        assert_eq!(code, 200);
        serde_json::from_str(&body).unwrap()
    }

    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics");
        let line = text
            .lines()
            .find(|line| line.split(' ').next() == Some(name))
            .unwrap_or_else(|| panic!("no {name} in {text}"));
        line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Asks until `done` is true of the status.
    pub(crate) fn wait_for(&self, what: &str, done: impl Fn(&Value) -> bool) -> Value {
        until(what, || {
            let status = self.status();
            done(&status).then_some(status)
        })
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> (ExitStatus, Vec<String>) {
        let status = wait(&mut self.child);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status, self.log())
    }

    pub(crate) fn terminate(self) -> (ExitStatus, Vec<String>) {
        self.signal(Signal::TERM);
        self.wait()
    }
}

impl Drop for Trader {
    fn drop(&mut self) {
        // Not there any more in the good case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    until("the end of the process", || child.try_wait().unwrap())
}

/// Asks every 20 ms until there is an answer; fails when that takes too long.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Every Parquet file below a folder.
pub(crate) fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    triptych_dataset::recovery::files_under(folder)
        .unwrap()
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "parquet")
        })
        .collect()
}
