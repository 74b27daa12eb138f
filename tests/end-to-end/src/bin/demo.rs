//! The demonstration: docs/tutorial.md on a real cluster, played or for hands.

use std::io::{IsTerminal, stdin};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use triptych_cluster::{down::down, name::ClusterName, progress::Progress};
use triptych_end_to_end::demonstration::{Stage, ground::Ground, play};

/// Runs one trading system as three tiers on a real cluster on this machine, and shows what happens.
///
/// It plays docs/tutorial.md: each command of that page, and what the cluster answers. Everything that
/// it starts stays up afterwards, to look around; `demo down` ends it.
#[derive(Parser)]
#[command(
    name = "demo",
    after_help = "Examples:\n  demo up\n  demo up --pause\n  MARKET_DATA=~/recordings demo up    plays the first *.gz of that folder\n  demo down"
)]
struct CommandLine {
    /// Name of the local cluster.
    #[arg(long, default_value = "triptych", global = true)]
    cluster: ClusterName,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Brings the cluster up and plays the tutorial.
    Up {
        /// Waits for Enter after each step.
        #[arg(long)]
        pause: bool,
    },
    /// Brings the cluster up for whoever types the tutorial's commands.
    Prepare,
    /// Ends the cluster and everything on it.
    Down,
}

#[tokio::main]
async fn main() -> Result<()> {
    let CommandLine { cluster, command } = CommandLine::parse();
    let progress = Progress::new();
    match command {
        Command::Up { pause } => show(&cluster, progress, pause).await,
        Command::Prepare => {
            let ground = Ground::make(&cluster, &progress).await?;
            println!("source {}", ground.environment.display());
            Ok(())
        }
        Command::Down => {
            let was_there = down(&cluster, &progress).await?;
            ensure!(was_there, "there is no cluster {cluster}");
            Ok(())
        }
    }
}

async fn show(cluster: &ClusterName, progress: Progress, pause: bool) -> Result<()> {
    ensure!(
        !pause || stdin().is_terminal(),
        "--pause waits for Enter: run it in a terminal"
    );
    let ground = Ground::make(cluster, &progress).await?;
    ground.ensure_fresh().await?;
    let stage = Stage::new(progress, pause);
    play(&ground, stage).await.with_context(|| {
        format!(
            "the cluster is still up: {} for a look, `demo down --cluster {cluster}` to end it",
            source(&ground)
        )
    })?;
    say_how_to_go_on(&ground);
    Ok(())
}

fn source(ground: &Ground) -> String {
    format!("`source {}`", ground.environment.display())
}

fn say_how_to_go_on(ground: &Ground) {
    println!(
        "Each command did what docs/tutorial.md shows. All of it stays up; look around:\n\n  \
         source {environment}\n  \
         kubectl --namespace=trading get ti,cr,pods,events\n  \
         kubectl --namespace=trading describe ti live\n  \
         kubectl get tradingaccount alpha --output=yaml\n  \
         kubectl explain ti.spec\n\n\
         Not yet so: W is at most one pod, and a lost node's trader is not yet fenced off its venue.\n\n\
         End it with: make demo-down",
        environment = ground.environment.display(),
    );
}
