//! The demonstration: Triptych's main job on a real cluster, followed live.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use triptych_cluster::{
    cluster::Cluster,
    down::down,
    local_cluster::LocalCluster,
    name::ClusterName,
    progress::Progress,
    up::{UpOptions, up},
};
use triptych_end_to_end::{
    demonstration::{Demonstration, market::Market},
    installation::{self, Profile},
    lab::{self, Tools},
};

/// Runs an ABH TradingInstance on a real three-node cluster on this machine and shows what happens.
///
/// Everything that it starts stays up afterwards, to look around; `demo down` ends it.
#[derive(Parser)]
#[command(
    name = "demo",
    after_help = "Examples:\n  demo up\n  MARKET_DATA=~/recordings demo up    plays the first *.gz of that folder\n  demo down"
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
    /// Brings the cluster up, installs Triptych, runs the quickstart example and follows it.
    Up,
    /// Ends the cluster and everything on it.
    Down,
}

#[tokio::main]
async fn main() -> Result<()> {
    let CommandLine { cluster, command } = CommandLine::parse();
    match command {
        Command::Up => show(cluster).await,
        Command::Down => {
            ensure!(
                down(&cluster, &Progress::new()).await?,
                "there is no cluster {cluster}"
            );
            Ok(())
        }
    }
}

async fn show(name: ClusterName) -> Result<()> {
    let progress = Progress::new();
    progress.line("building the executables of operator and trader, linked statically");
    let executables = installation::build_executables(Profile::from_environment())?;
    progress.line("bringing up a three-node Kubernetes cluster");
    let options = UpOptions {
        name: name.clone(),
        nodes: 3,
        w_node: true,
        agent: agent()?,
    };
    up(&options, &progress).await?;
    let cluster = LocalCluster::open(&name)?;
    let tools = Tools::of_local(&cluster);

    progress.line("building the images and pushing them to the cluster's registry");
    let images = lab::push_images(&cluster, &executables).await?;
    let market = Market::from_environment()?;
    let tape = market.push_image(&cluster, &executables).await?;
    progress.line(format!("operator  {}", images.operator));
    progress.line(format!("trader    {}", images.trader));
    progress.line(format!("market    {}", market.describe()));

    progress.line("installing the chart triptych with Helm");
    installation::install_chart(&tools.helm, cluster.kubeconfig(), &images)?;
    let demonstration = Demonstration {
        client: lab::client_of(cluster.kubeconfig()).await?,
        kubeconfig: cluster.kubeconfig().to_owned(),
        tools,
        trader: images.trader,
        tape,
        progress,
    };
    demonstration.run(&market).await
}

/// The `cluster` executable beside this one: it serves the nodes.
fn agent() -> Result<PathBuf> {
    let agent = std::env::current_exe()?.with_file_name("cluster");
    ensure!(
        agent.exists(),
        "{} is missing: run `make demo`, which builds it",
        agent.display()
    );
    agent.canonicalize().context("find the cluster executable")
}
