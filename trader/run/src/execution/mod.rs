//! From an accepted intent to a fill: orders at the venue, on a thread of their own.
//!
//! The decision thread ([`deciding`]) wants orders; the thread of orders ([`desk`]) journals, sends and asks, and
//! sends [`news`] back. [`books`] are kept beside: dataset, ledger and [`status`]. docs/orders.md describes it all.

mod books;
mod deciding;
mod desk;
mod news;
mod reach;
mod rows;
pub mod status;

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Display;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, unbounded_channel};
use tokio::task::JoinSet;
use triptych_account::Account;
use triptych_crds::TradingState;
use triptych_crds::config_revision::{ConfigRevisionSpec, RestingOrderPolicy};
use triptych_crds::trading_instance::Ledger;
use triptych_engine::portfolio::Account as Stated;
use triptych_ledger::{Follower, Owner as LedgerOwner, Pace, Place};
use triptych_market_data::clock::now;
use triptych_orders::client_order_id::{Epoch, Owner};
use triptych_orders::finding::Finding;
use triptych_orders::journal::{Journal, JournalError, JournalTail};
use triptych_orders::path::{Draft, Holder, OrderPath, Patience};
use triptych_orders::record::{Entry, Record};
use triptych_trader_runtime::{Failure, Prepared};
use triptych_venue::binance::{Binance, BinanceSettings};
use triptych_venue::{AccountSide, Credentials, Notice, Venue};

use crate::environment::TradingEnvironment;
use crate::halt::machine::Stopper;
use crate::part::Trading;
use books::Books;
use deciding::DecidesOrders;
use desk::{OrderDesk, RestingOrders};
use news::News;
use status::Phase;

/// How long things may take.
const PATIENCE: Patience = Patience {
    receive_window: Duration::from_secs(1),
    clock_bound: Duration::from_millis(250),
    venue_lag: Duration::from_secs(2),
    ask_every: Duration::from_millis(250),
    compare_every: Duration::from_secs(5),
};

/// Events whose orders may wait for the thread of orders.
const ORDER_QUEUE: usize = 1_024;

/// An order path whose journal is read.
struct Opened {
    path: OrderPath<File>,
    entries: Vec<Entry>,
    finding: Option<Finding>,
    symbols: Vec<Arc<str>>,
    journal: PathBuf,
}

/// Reads the journal, and becomes its only writer.
fn open(environment: &TradingEnvironment, prepared: &Prepared) -> Result<Opened, Box<dyn Error>> {
    let journal = prepared.environment().data_directory.join("orders.journal");
    let (file, recovered) = Journal::open(&journal)?;
    let symbols = symbols(prepared);
    let epoch = Epoch::new(last_epoch(&recovered.entries) + 1)?;
    let holder = Holder {
        owner: Owner::new(&environment.account, &prepared.environment().instance_uid),
        epoch,
        run: prepared.run_id().into(),
    };
    let (path, finding) = OrderPath::begin(file, &recovered, holder, PATIENCE, &symbols, now())?;
    Ok(Opened {
        path,
        entries: recovered.entries,
        finding,
        symbols,
        journal,
    })
}

/// Symbols by number of the instrument.
fn symbols(prepared: &Prepared) -> Vec<Arc<str>> {
    let instruments = prepared.engine().instruments();
    instruments
        .map(|instrument| Arc::clone(&instrument.symbol))
        .collect()
}

/// How often the journal was taken over before.
fn last_epoch(entries: &[Entry]) -> u64 {
    let epochs = entries.iter().filter_map(|entry| match entry.record {
        Record::Opened { epoch, .. } => Some(epoch),
        _ => None,
    });
    epochs.max().unwrap_or_default()
}

fn stated(revision: &ConfigRevisionSpec, symbols: &[Arc<str>]) -> Result<Option<Stated>, Failure> {
    let symbols: Vec<&str> = symbols.iter().map(|symbol| &**symbol).collect();
    let read = |portfolio| {
        Stated::read(portfolio, &symbols)
            .map_err(|(path, error)| Failure::InvalidConfiguration(format!("{path}: {error}")))
    };
    revision.portfolio.as_ref().map(read).transpose()
}

fn resting(revision: &ConfigRevisionSpec) -> RestingOrders {
    let stated = revision.resting_orders.as_ref();
    let (on_halt, on_stop) = stated.map_or(
        (RestingOrderPolicy::Cancel, RestingOrderPolicy::Cancel),
        |stated| (stated.on_halt, stated.on_stop),
    );
    RestingOrders { on_halt, on_stop }
}

/// Starts the order path, and returns what the decision thread is to do. Where the journal cannot be read the trader is
/// halted, and runs to say so.
pub(crate) fn start(
    prepared: &Prepared,
    trading: &Arc<Trading>,
    environment: TradingEnvironment,
    credentials: Credentials,
) -> Result<DecidesOrders, Failure> {
    let symbols = symbols(prepared);
    let stated = stated(prepared.revision(), &symbols)?;
    let account = Account::new(stated.as_ref(), prepared.engine().instruments());
    let (news, of_orders) = channel();
    let (orders, to_desk) = tokio::sync::mpsc::channel(ORDER_QUEUE);
    let mut deciding = DecidesOrders {
        trading: Arc::clone(trading),
        account,
        symbols,
        orders,
        news: of_orders,
        taken: Vec::new(),
    };
    match open(&environment, prepared) {
        Ok(opened) => {
            let Opened { entries, path, .. } = &opened;
            let symbols = &deciding.symbols;
            news::restore(&mut deciding.account, entries, path.own(), symbols);
            let ends = Ends { news, to_desk };
            start_desk(opened, prepared, trading, environment, credentials, ends)?;
        }
        // The trader before this one may not have ended yet.
        Err(error) if matches!(error.downcast_ref(), Some(JournalError::InUse)) => {
            return Err(Failure::Journal(error.to_string()));
        }
        Err(error) => {
            let reason = error.to_string();
            tracing::error!(reason, "no order is sent");
            trading.execution.come_to(Phase::Failed, &reason);
            let control = &trading.control;
            control.trip(Stopper::Breaker, TradingState::Halted, &reason);
        }
    }
    Ok(deciding)
}

/// The ends of the ways between the threads that belong to the thread of orders.
struct Ends {
    news: Sender<News>,
    to_desk: Receiver<Vec<Draft>>,
}

/// Starts the thread of orders; it ends, and gives the dataset up, when the decision thread has ended.
fn start_desk(
    opened: Opened,
    prepared: &Prepared,
    trading: &Trading,
    environment: TradingEnvironment,
    credentials: Credentials,
    Ends { news, to_desk }: Ends,
) -> Result<(), Failure> {
    let internal = |error: &dyn Display| Failure::Internal(format!("orders: {error}"));
    let ledger =
        follow_journal(&opened, &environment, prepared).map_err(|error| internal(&error))?;
    let side = environment.endpoints.side();
    let venue = Binance::new(
        environment.endpoints,
        credentials,
        BinanceSettings::default(),
    )
    .map_err(|error| internal(&error))?;
    let books = Books {
        status: Arc::clone(&trading.execution),
        rows: prepared.records(),
        ledger,
        symbols: opened.symbols,
        last: opened.path.safe_place().get(),
    };
    books.catch_up(&opened.entries, &prepared.environment().data_directory);
    let mut desk = OrderDesk {
        venue: Arc::new(venue),
        path: opened.path,
        control: Arc::clone(&trading.control),
        books,
        news,
        resting: resting(prepared.revision()),
        under_way: JoinSet::new(),
        found: BTreeSet::new(),
    };
    if let Some(finding) = opened.finding {
        desk.halt_for(&finding);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal(&error))?;
    std::thread::Builder::new()
        .name("orders".to_owned())
        .spawn(move || runtime.block_on(trade(desk, side, to_desk)))
        .map_err(|error| internal(&error))?;
    Ok(())
}

fn follow_journal(
    opened: &Opened,
    environment: &TradingEnvironment,
    prepared: &Prepared,
) -> std::io::Result<Follower> {
    let of = prepared.environment();
    let place = match environment.ledger {
        Ledger::Embedded => Place::Sqlite(of.data_directory.join("ledger.sqlite")),
        Ledger::Postgres => Place::PostgreSql(environment.ledger_directory.clone()),
    };
    let owner = LedgerOwner {
        instance_uid: of.instance_uid.clone(),
        account: environment.account.to_string(),
    };
    let journal = JournalTail::new(opened.journal.clone(), opened.path.safe_place());
    Follower::start(place, owner, journal, Pace::default())
}

/// The work of the thread, with the venue's clock and the account's own stream kept beside.
async fn trade<V: Venue + 'static>(
    desk: OrderDesk<V>,
    side: AccountSide,
    orders: Receiver<Vec<Draft>>,
) {
    let [clock, stream, venue] = [(); 3].map(|()| Arc::clone(&desk.venue));
    let status = Arc::clone(&desk.books.status);
    let (tell, notices) = unbounded_channel();
    let mut beside = JoinSet::new();
    beside.spawn(async move { clock.keep_clock().await });
    beside.spawn(async move {
        let tell = |notice: Notice| drop(tell.send(notice));
        stream.follow_account(tell).await;
    });
    let reached = async move { reach::reach(&*venue, side, &status).await };
    Box::pin(desk.run(reached, orders, notices)).await;
}
