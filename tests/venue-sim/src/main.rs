//! The command `venue-sim`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use triptych_market_data::instruments::Instruments;
use triptych_market_data::recording::{Pace, Passes};
use triptych_venue_sim::{Addresses, Crowd, CrowdSettings, Personas, bench, start};

/// A simulated Binance spot venue: a live and a demo persona that any client can trade against, and
/// an admin port that makes things go wrong.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "docs/simulated-venue.md says what it models and what not."
)]
struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Open the venue until SIGTERM or Ctrl-C.
    Serve(Serve),
    /// Print the accounts that are used without --accounts, as a file for it.
    Accounts,
    /// Measure how many orders the venue takes in a second on one core, without network.
    Bench(Bench),
}

#[derive(Debug, Args)]
struct Serve {
    /// Where the live persona listens.
    #[arg(long, default_value = "127.0.0.1:9001")]
    live: SocketAddr,
    /// Where the demo persona listens.
    #[arg(long, default_value = "127.0.0.1:9002")]
    demo: SocketAddr,
    /// Where faults are asked for.
    #[arg(long, default_value = "127.0.0.1:9003")]
    admin: SocketAddr,
    /// Accounts and keys of both personas, as JSON; `venue-sim accounts` prints an example.
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// A recording that moves the market; without one the generator does.
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// How often the recording is played: a number or `forever`.
    #[arg(long, default_value = "forever")]
    repeat: Passes,
    /// The generator's seed: the same seed gives the same market.
    #[arg(long, default_value_t = 1, conflicts_with = "recording")]
    generate: u64,
    /// What the generator trades.
    #[arg(long, value_delimiter = ',', default_value = "BTCUSDT,ETHUSDT")]
    instruments: Vec<String>,
    /// How fast the market moves: a number, such as 1 or 10, or `max`.
    #[arg(long, default_value = "1")]
    speed: Pace,
}

#[derive(Debug, Args)]
struct Bench {
    /// Orders to place.
    #[arg(long, default_value_t = 200_000)]
    orders: usize,
    /// The generator's seed.
    #[arg(long, default_value_t = 1)]
    generate: u64,
    /// `text` or `json`.
    #[arg(long, short, default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

fn main() -> ExitCode {
    let result = match Command::parse().action {
        Action::Serve(serve) => serve.run(),
        Action::Accounts => print_accounts(),
        Action::Bench(bench) => bench.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("venue-sim: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn print_accounts() -> Result<(), String> {
    let text = serde_json::to_string_pretty(&Personas::documented());
    println!("{}", text.map_err(|problem| problem.to_string())?);
    Ok(())
}

impl Serve {
    fn run(self) -> Result<(), String> {
        let filter =
            EnvFilter::try_from_env("TRIPTYCH_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_env_filter(filter)
            .init();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|problem| format!("asynchronous runtime: {problem}"))?;
        runtime.block_on(self.serve())
    }

    async fn serve(self) -> Result<(), String> {
        let failed = |problem: std::io::Error| format!("signals: {problem}");
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let addresses = Addresses {
            live: self.live,
            demo: self.demo,
            admin: self.admin,
        };
        let settings = CrowdSettings {
            crowd: self.crowd()?,
            pace: self.speed,
            most_events: None,
        };
        let venue = start(addresses, &self.personas()?, &settings)
            .await
            .map_err(|problem| problem.to_string())?;
        let Addresses { live, demo, admin } = venue.addresses();
        println!("live  http://{live}\ndemo  http://{demo}\nadmin http://{admin}");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }

    fn crowd(&self) -> Result<Crowd, String> {
        if let Some(path) = &self.recording {
            return Ok(Crowd::Recording {
                path: path.clone(),
                passes: self.repeat,
            });
        }
        let instruments = Instruments::parse(&self.instruments)
            .map_err(|problem| format!("--instruments: {problem}"))?;
        Ok(Crowd::Generator {
            seed: self.generate,
            instruments,
        })
    }

    fn personas(&self) -> Result<Personas, String> {
        let Some(path) = &self.accounts else {
            return Ok(Personas::documented());
        };
        let described = |problem: String| format!("--accounts {}: {problem}", path.display());
        let text =
            std::fs::read_to_string(path).map_err(|problem| described(problem.to_string()))?;
        serde_json::from_str(&text).map_err(|problem| described(problem.to_string()))
    }
}

impl Bench {
    fn run(&self) -> Result<(), String> {
        let found =
            bench::measure(self.orders, self.generate).map_err(|problem| problem.to_string())?;
        let per_second = found.orders_per_second();
        if self.output == "json" {
            let shown = serde_json::json!({
                "orders": found.orders, "refused": found.refused, "canceled": found.canceled,
                "fills": found.fills, "crowdEvents": found.crowd_events,
                "milliseconds": found.took.as_millis(), "ordersPerSecond": per_second,
            });
            println!("{shown}");
        } else {
            println!(
                "{per_second} orders a second on one core: {} orders ({} refused, {} cancelled later), {} fills, {} moves of the crowd, {} ms",
                found.orders,
                found.refused,
                found.canceled,
                found.fills,
                found.crowd_events,
                found.took.as_millis(),
            );
        }
        Ok(())
    }
}
