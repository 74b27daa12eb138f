//! A simulated venue beside the trader, with a runtime of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::runtime::Runtime;
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::Pace;
use triptych_venue::binance::{Binance, BinanceSettings};
use triptych_venue::{
    AccountSide, Credentials, EndpointUrls, TradingEndpoints, Venue as _, VenueTrade, VenueTradeId,
};
use triptych_venue_sim::{
    AccountSettings, Addresses, Crowd, CrowdSettings, Personas, RunningVenue, start,
};

use crate::process::Pod;
use crate::trading_pod::put_key;

pub(crate) struct SimulatedVenue {
    runtime: Runtime,
    running: RunningVenue,
    personas: Personas,
}

impl SimulatedVenue {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let personas = Personas::documented();
        let crowd = CrowdSettings {
            crowd: Crowd::Generator {
                seed: 5,
                instruments: Instruments::parse(["BTCUSDT", "ETHUSDT"]).unwrap(),
            },
            pace: Pace::RECORDED,
            most_events: None,
        };
        let started = start(Addresses::local(), &personas, &crowd);
        let running = runtime.block_on(started).unwrap();
        Self {
            runtime,
            running,
            personas,
        }
    }

    fn side(&self, side: AccountSide) -> (SocketAddr, &AccountSettings) {
        let addresses = self.running.addresses();
        match side {
            AccountSide::Live => (addresses.live, &self.personas.live.accounts[0]),
            AccountSide::Demo => (addresses.demo, &self.personas.demo.accounts[0]),
        }
    }

    /// Ties a pod to a side of the account.
    pub(crate) fn connect(&self, pod: &mut Pod, side: AccountSide) {
        let (address, account) = self.side(side);
        put_key(pod, "api-key", &account.api_key, 0o440);
        put_key(pod, "api-secret", &account.secret, 0o440);
        for (name, value) in [
            ("TRIPTYCH_REST_URL", format!("http://{address}")),
            ("TRIPTYCH_MARKET_DATA_URL", format!("ws://{address}")),
            ("TRIPTYCH_USER_STREAMS_URL", format!("ws://{address}")),
        ] {
            pod.environment.insert(name, value);
        }
    }

    /// What the venue has of that side: every fill, and how many orders wait.
    pub(crate) fn account(&self, side: AccountSide, symbols: &[&str]) -> AccountThere {
        let (address, account) = self.side(side);
        let credentials =
            Credentials::new(account.api_key.as_bytes(), account.secret.as_bytes()).unwrap();
        let (rest, streams) = (format!("http://{address}"), format!("ws://{address}"));
        let urls = EndpointUrls {
            rest: Some(&rest),
            market_streams: Some(&streams),
            user_streams: Some(&streams),
        };
        let endpoints = TradingEndpoints::new(side, true, urls).unwrap();
        let client = Binance::new(endpoints, credentials, BinanceSettings::default()).unwrap();
        let client = Arc::new(client);
        self.runtime.block_on(async {
            client.measure_clock().await.unwrap();
            let (mut fills, mut waiting) = (Vec::new(), 0);
            for symbol in symbols {
                let mut after: Option<VenueTradeId> = None;
                loop {
                    let more = client.trades(symbol, after.as_ref()).await.unwrap();
                    let Some(last) = more.last() else { break };
                    after = Some(last.trade_id.clone());
                    fills.extend(more);
                }
                waiting += client.open_orders(symbol).await.unwrap().len();
            }
            AccountThere { fills, waiting }
        })
    }
}

pub(crate) struct AccountThere {
    pub(crate) fills: Vec<VenueTrade>,
    pub(crate) waiting: usize,
}

/// A number of the status document's `orders`.
pub(crate) fn count(status: &Value, name: &str) -> u64 {
    status["orders"][name].as_u64().unwrap_or_default()
}
