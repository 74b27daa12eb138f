//! One face of the venue: live or demo, with keys, accounts and a market of its own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use triptych_engine::event::{Event, Timestamp};
use triptych_market_data::clock;

use crate::api::{self, ApiError, Desk, Endpoint, Parameters, weight};
use crate::core::{
    AccountId, Amount, AssetId, Execution, Ledger, Refusal, SymbolId, SymbolRules, SymbolStatus,
    Venue, VenueEvent, asset_names,
};
use crate::faults::Faults;
use crate::limits::{Admission, OrderLimits, RequestWeights, WEIGHT_PER_MINUTE};
use crate::publisher::Publisher;
use crate::records::Records;
use crate::settings::{PersonaName, PersonaSettings, SettingsError};
use crate::signature::{ApiKey, UNKNOWN_KEY};
use crate::statement::Statement;
use triptych_market_data::instruments::Instruments;

/// What a persona's requests and its market change.
pub(crate) struct State {
    pub(crate) venue: Venue,
    pub(crate) publisher: Publisher,
    pub(crate) orders: OrderLimits,
    pub(crate) weights: RequestWeights,
}

/// An account as it was opened.
struct Opened {
    id: AccountId,
    balances: Vec<(AssetId, Amount)>,
}

/// One face of the venue.
pub(crate) struct Persona {
    pub(crate) name: PersonaName,
    pub(crate) faults: Arc<Faults>,
    state: Mutex<State>,
    keys: HashMap<String, ApiKey>,
    opened: Vec<Opened>,
    skew_milliseconds: AtomicI64,
    is_in_maintenance: AtomicBool,
}

impl Persona {
    pub(crate) fn new(
        settings: &PersonaSettings,
        name: PersonaName,
        instruments: &Instruments,
    ) -> Result<Self, SettingsError> {
        let assets = all_assets(settings, instruments);
        let ledger = Ledger::new(assets);
        let rules = instruments
            .iter()
            .map(|(_, symbol)| {
                let (base, quote) = asset_names(symbol);
                let asset = |name: &str| ledger.asset(name).unwrap_or(AssetId(0));
                SymbolRules::usual(symbol, asset(base), asset(quote))
            })
            .collect();
        let mut venue = Venue::new(ledger, rules);
        let mut keys = HashMap::new();
        let mut opened = Vec::new();
        for (index, account) in settings.accounts.iter().enumerate() {
            let balances = account.balances_in(venue.ledger())?;
            let id = venue.open_account(index as u64 + 1, account.rates()?, &balances);
            if keys
                .insert(account.api_key.clone(), ApiKey::new(id, &account.secret))
                .is_some()
            {
                return Err(SettingsError::SharedKey { persona: name });
            }
            opened.push(Opened { id, balances });
        }
        let faults = Arc::new(Faults::default());
        let publisher = Publisher::new(instruments.count(), Arc::clone(&faults));
        Ok(Self {
            name,
            faults,
            state: Mutex::new(State {
                venue,
                publisher,
                orders: OrderLimits::default(),
                weights: RequestWeights::default(),
            }),
            keys,
            opened,
            skew_milliseconds: AtomicI64::new(0),
            is_in_maintenance: AtomicBool::new(false),
        })
    }

    /// What time it is at the venue.
    pub(crate) fn now(&self) -> Timestamp {
        let skew = self.skew_milliseconds.load(Ordering::Relaxed);
        let nanoseconds = clock::now().nanoseconds() + skew * 1_000_000;
        Timestamp::from_nanoseconds(nanoseconds)
    }

    pub(crate) fn set_skew(&self, milliseconds: i64) {
        self.skew_milliseconds
            .store(milliseconds, Ordering::Relaxed);
    }

    pub(crate) fn is_in_maintenance(&self) -> bool {
        self.is_in_maintenance.load(Ordering::Relaxed)
    }

    pub(crate) fn set_maintenance(&self, is_on: bool) {
        self.is_in_maintenance.store(is_on, Ordering::Relaxed);
        if is_on {
            let now = self.now();
            self.lock().publisher.end_all(true, now);
        }
    }

    /// Looks at the state, or changes what makes no event.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the venue and hands on what it has to tell, in one step: nobody sees the one without the
    /// other.
    pub(crate) fn act<R>(&self, action: impl FnOnce(&mut State, Timestamp) -> R) -> R {
        let mut state = self.lock();
        let now = self.now();
        let result = action(&mut state, now);
        let events = state.venue.take_events();
        state.count_first_fills(&events);
        let State {
            venue, publisher, ..
        } = &mut *state;
        publisher.publish(venue, &events);
        result
    }

    /// The recording or the generator moved a symbol.
    pub(crate) fn on_market_event(&self, symbol: SymbolId, event: &Event) {
        self.act(|state, now| state.venue.on_market_event(symbol, event, now));
    }

    pub(crate) fn tick(&self) {
        let now = self.now();
        let mut state = self.lock();
        let State {
            venue, publisher, ..
        } = &mut *state;
        publisher.tick(venue, now);
    }

    pub(crate) fn key(&self, key: &str) -> Result<&ApiKey, Refusal> {
        crate::signature::check_key_format(key)?;
        self.keys.get(key).ok_or(UNKNOWN_KEY)
    }

    /// Counts a request against its address.
    pub(crate) fn admit(&self, address: IpAddr, weight: u32) -> Admission {
        self.lock().weights.admit(address, weight, self.now())
    }

    /// Answers a request whose key and signature were checked.
    pub(crate) fn answer(
        &self,
        endpoint: &Endpoint,
        account: Option<AccountId>,
        parameters: &Parameters,
    ) -> Result<Value, ApiError> {
        self.act(|state, now| {
            let mut desk = Desk {
                venue: &mut state.venue,
                orders: &mut state.orders,
                now,
            };
            api::answer(&mut desk, endpoint.call, account, parameters)
        })
    }

    /// What a request costs.
    pub(crate) fn weight_of(endpoint: &Endpoint, parameters: &Parameters) -> u32 {
        weight(endpoint.call, parameters)
    }

    /// Puts every account back to the balances that it was opened with.
    pub(crate) fn wipe(&self) {
        self.act(|state, now| {
            for account in &self.opened {
                state.venue.wipe(account.id, &account.balances, now);
            }
        });
    }

    /// Halts or opens a symbol; `false` where there is no such symbol.
    pub(crate) fn set_status(&self, symbol: &str, status: SymbolStatus) -> bool {
        self.act(|state, now| match state.venue.symbol(symbol) {
            Some(symbol) => {
                state.venue.set_status(symbol, status, now);
                true
            }
            None => false,
        })
    }

    /// Accounts, orders and fills, for whoever compares them with their own.
    pub(crate) fn books(&self) -> Value {
        json!({
            "persona": self.name, "maintenance": self.is_in_maintenance(),
            "clockSkewMilliseconds": self.skew_milliseconds.load(Ordering::Relaxed),
            "weightPerMinute": WEIGHT_PER_MINUTE, "accounts": self.statements(),
        })
    }

    /// Every order and fill of each account, in the order of the settings.
    pub(crate) fn records(&self) -> Vec<Records> {
        let state = self.lock();
        let opened = self.opened.iter();
        opened
            .map(|account| Records::of(&state.venue, account.id, &account.balances))
            .collect()
    }

    /// What each account has and did, in the order of the settings.
    pub(crate) fn statements(&self) -> Vec<Statement> {
        let state = self.lock();
        let opened = self.opened.iter();
        opened
            .map(|account| Statement::of(&state.venue, account.id))
            .collect()
    }
}

impl State {
    fn count_first_fills(&mut self, events: &[VenueEvent]) {
        for event in events {
            if let VenueEvent::Order(report) = event
                && let Execution::Trade(fill) = &report.execution
                && report.order.executed == fill.quantity
            {
                self.orders.first_fill(fill.account, fill.is_maker, fill.at);
            }
        }
    }
}

/// Base and quote assets of the symbols, and what the accounts hold besides.
fn all_assets(settings: &PersonaSettings, instruments: &Instruments) -> Vec<String> {
    let mut assets: Vec<String> = Vec::new();
    let of_symbols = instruments.iter().flat_map(|(_, symbol)| {
        let (base, quote) = asset_names(symbol);
        [base.to_owned(), quote.to_owned()]
    });
    let of_accounts = settings
        .accounts
        .iter()
        .flat_map(|account| account.balances.keys().cloned());
    for asset in of_symbols.chain(of_accounts) {
        if !assets.contains(&asset) {
            assets.push(asset);
        }
    }
    assets
}
