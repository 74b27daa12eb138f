//! `trader run`: the trader of W and R.
//!
//! It decides as the observing tier does and enforces: a candidate that every rule passes while the
//! trading state is Active is an accepted intent, and becomes an order.
//!
//! [`execution`] is the way of an order to the venue; [`environment`] and [`keys`] are what it is given; [`halt`] is what stops it; [`instance`] follows
//! its own TradingInstance; [`part`] puts them together. docs/trader-contract.md describes it all.

mod cluster;
pub mod environment;
pub mod execution;
pub mod halt;
pub mod instance;
pub mod intents;
pub mod keys;
mod memory;
mod metrics;
pub mod part;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::task::JoinSet;
use tracing::info;
use triptych_engine::strategies::custom::Algorithms;
use triptych_trader_runtime::environment::{OPTIONAL_HELP, REQUIRED_HELP};
use triptych_trader_runtime::variables::Variables;
use triptych_trader_runtime::{Failure, Prepared, exit, logging, run};

use environment::TradingEnvironment;
use halt::control::HaltControl;
use halt::latch::LatchFile;
use instance::follow::{Follower, InstanceStatus};
use instance::view::InstanceIdentity;
use intents::Intents;
use keys::Keys;
use part::Trading;

/// What `--help` says behind the options, of which there are none.
pub fn help() -> String {
    format!(
        "\
Environment (required):
  TRIPTYCH_TIER            W (live) or R (demo)
  TRIPTYCH_ACCOUNT         name of the TradingAccount
  TRIPTYCH_VENUE           the account's venue: BinanceSpot
{REQUIRED_HELP}

Environment (optional):
  TRIPTYCH_KEYS_DIR        folder of the account's keys: the files api-key and api-secret, and
                           halt-token where POST /v1/halt is wanted [/etc/triptych/keys]
  TRIPTYCH_SIMULATED       true where every address is of a simulated venue
  TRIPTYCH_REST_URL        where orders go [the venue's own, of the tier's side]
  TRIPTYCH_USER_STREAMS_URL
                           the account's own stream [the venue's own, of the tier's side]
  TRIPTYCH_LEDGER          Embedded (SQLite in TRIPTYCH_DATA_DIR) or Postgres [Embedded]
  TRIPTYCH_LEDGER_DIR      folder of the file connection, for Postgres [/etc/triptych/ledger]
  KUBECONFIG               the API server, outside of a cluster; a pod uses its own token
{OPTIONAL_HELP}

It starts Halted, and trades once it has read its latch (halt.json in TRIPTYCH_DATA_DIR) and its
TradingInstance. To halt it: spec.tradingState Halted or Reducing, the annotation
triptych.trading/halt, or POST /v1/halt. To clear a halt: spec.resume with the id that the status
shows, once nothing asks for the halt any more.

{}

Examples:
  curl http://localhost:8080/v1/status
  curl -X POST -H \"Authorization: Bearer $(cat halt-token)\" \\
    -d '{{\"reason\": \"quotes look wrong\"}}' http://localhost:8080/v1/halt
  kubectl annotate tradinginstance live triptych.trading/halt='quotes look wrong'
  kubectl annotate tradinginstance live triptych.trading/halt- &&
    kubectl patch tradinginstance live --type merge -p '{{\"spec\": {{\"resume\": \"halt-0198…\"}}}}'",
        exit::HELP
    )
}

/// Runs the trader until it is asked to stop, and says how it ended. A revision may name these
/// algorithms besides the engine's own.
pub fn run(algorithms: &Algorithms) -> ExitCode {
    match start(algorithms) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit::report("trader run", &failure),
    }
}

fn start(algorithms: &Algorithms) -> Result<(), Failure> {
    let environment = TradingEnvironment::read(&Variables::of_process())?;
    memory::keep_private()?;
    let keys = keys::read(&environment.keys_directory)?;
    logging::start(&environment.common)?;
    run::block_on(trade(environment, keys, algorithms))
}

async fn trade(
    environment: TradingEnvironment,
    keys: Keys,
    algorithms: &Algorithms,
) -> Result<(), Failure> {
    let client = cluster::client().await?;
    let own = InstanceIdentity {
        namespace: environment.common.namespace.clone(),
        name: environment.common.instance.clone(),
        uid: environment.common.instance_uid.clone(),
        config_hash: environment.common.config_hash.clone(),
    };
    let prepared = Prepared::open(environment.common.clone(), algorithms)?;
    info!(
        account = %environment.account,
        ledger = ?environment.ledger,
        simulated = environment.endpoints.is_simulated(),
        halt_endpoint = keys.halt_token.is_some(),
        "keys checked"
    );
    let data_directory = &prepared.environment().data_directory;
    let control = HaltControl::new(LatchFile::new(data_directory));
    let instance = Arc::new(InstanceStatus::default());
    let follower = Follower::new(client, own, Arc::clone(&control), Arc::clone(&instance));
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&control).keep_latch());
    tasks.spawn(follower.run());
    let trading = Arc::new(Trading {
        tier: prepared.environment().tier,
        account: environment.account.clone(),
        halt_token: keys.halt_token,
        control,
        instance,
        intents: Intents::default(),
        breaches: AtomicU64::new(0),
        execution: Arc::default(),
        simulated: environment.endpoints.is_simulated(),
    });
    let deciding = execution::start(&prepared, &trading, environment, keys.credentials)?;
    tokio::select! {
        ended = prepared.run(trading, Box::new(deciding)) => ended,
        ended = tasks.join_next() => {
            Err(Failure::Internal(format!("the halt is not kept any more: {ended:?}")))
        }
    }
}
