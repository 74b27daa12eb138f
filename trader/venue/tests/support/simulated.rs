//! The simulated venue of a test.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::Pace;
use triptych_venue::binance::{Binance, BinanceSettings};
use triptych_venue::{AccountSide, Credentials, Venue as _};
use triptych_venue_sim::{Addresses, Crowd, CrowdSettings, Personas, RunningVenue, start};

use super::{PATIENCE, client_of};

pub(crate) const SYMBOL: &str = "BTCUSDT";

/// A venue of this test alone.
pub(crate) struct Simulated {
    pub(crate) running: RunningVenue,
    pub(crate) personas: Personas,
}

impl Simulated {
    pub(crate) async fn start() -> Self {
        let personas = Personas::documented();
        let crowd = CrowdSettings {
            crowd: Crowd::Generator {
                seed: 3,
                instruments: Instruments::parse([SYMBOL]).unwrap(),
            },
            pace: Pace::RECORDED,
            most_events: None,
        };
        let running = start(Addresses::local(), &personas, &crowd).await.unwrap();
        Self { running, personas }
    }

    pub(crate) fn client(&self, side: AccountSide) -> Binance {
        let (address, account) = match side {
            AccountSide::Live => (
                self.running.addresses().live,
                &self.personas.live.accounts[0],
            ),
            AccountSide::Demo => (
                self.running.addresses().demo,
                &self.personas.demo.accounts[0],
            ),
        };
        let credentials =
            Credentials::new(account.api_key.as_bytes(), account.secret.as_bytes()).unwrap();
        client_of(address, side, credentials, BinanceSettings::default())
    }

    /// A client of the demo side that knows its clock.
    pub(crate) async fn demo(&self) -> Binance {
        let client = self.client(AccountSide::Demo);
        client.measure_clock().await.unwrap();
        client
    }

    /// Asks the demo persona for something that goes wrong.
    pub(crate) async fn admin(&self, path: &str, body: &Value) {
        let mut stream = TcpStream::connect(self.running.addresses().admin)
            .await
            .unwrap();
        let body = body.to_string();
        let request = format!(
            "POST /personas/demo/{path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let reading = stream.read_to_string(&mut answer);
        tokio::time::timeout(PATIENCE, reading)
            .await
            .unwrap()
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }

    pub(crate) async fn arm(&self, endpoint: &str, fault: &Value) {
        let fault = json!({ "endpoint": endpoint, "count": 1, "fault": fault });
        self.admin("faults", &fault).await;
    }
}
