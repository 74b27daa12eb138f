//! The command `cluster`.

mod command_line;

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use command_line::{AuditArguments, BuildImageArguments, Command, CommandLine, Output, OutputForm};
use triptych_cluster::audit::{AuditFilter, read_audit_log};
use triptych_cluster::cluster::{Cluster, NodeFailure};
use triptych_cluster::directory::ClusterDirectory;
use triptych_cluster::down::down;
use triptych_cluster::image::{ImageFile, ImageSpec};
use triptych_cluster::local_cluster::LocalCluster;
use triptych_cluster::name::ClusterName;
use triptych_cluster::progress::Progress;
use triptych_cluster::registry::ImageReference;
use triptych_cluster::status::{self, Status};
use triptych_cluster::up::{UpOptions, up};
use triptych_cluster::{cni_plugin, local_volumes, network_policy, parts};

fn main() -> ExitCode {
    cni_plugin::run_if_called().unwrap_or_else(run_command)
}

#[tokio::main]
async fn run_command() -> ExitCode {
    match Box::pin(run()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("info,kube_client=off"))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let CommandLine { name, command } = CommandLine::parse();
    match command {
        Command::Up(arguments) => {
            let agent = std::env::current_exe().context("find this executable")?;
            let options = UpOptions {
                name,
                nodes: arguments.nodes,
                w_node: arguments.w_node,
                agent,
            };
            let record = up(&options, &Progress::new()).await?;
            print_welcome(&LocalCluster::open(&record.name)?);
        }
        Command::Down => {
            if !down(&name, &Progress::new()).await? {
                eprintln!("there is no cluster {name}");
            }
        }
        Command::Status { output } => print_status(&status::of(&name).await?, &output)?,
        Command::Kubeconfig { path } => print_kubeconfig(&LocalCluster::open(&name)?, path)?,
        Command::UserKubeconfig { user, groups } => {
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            print!(
                "{}",
                LocalCluster::open(&name)?.user_kubeconfig(&user, &groups)?
            );
        }
        Command::BuildImage(arguments) => build_image(&name, &arguments).await?,
        Command::LoadImage {
            path,
            image,
            output,
        } => {
            let reference = LocalCluster::open(&name)?
                .push_archive(&path, &image)
                .await?;
            print_reference(&reference, &output)?;
        }
        Command::FailNode {
            node,
            partition,
            power_off,
        } => {
            let how = match (partition, power_off) {
                (_, true) => NodeFailure::PowerOff,
                (true, false) => NodeFailure::AgentsAndPartition,
                (false, false) => NodeFailure::Agents,
            };
            LocalCluster::open(&name)?.fail_node(&node, how).await?;
        }
        Command::Partition { node } => {
            LocalCluster::open(&name)?
                .fail_node(&node, NodeFailure::Partition)
                .await?;
        }
        Command::HealNode { node } => LocalCluster::open(&name)?.heal_node(&node).await?,
        Command::Logs { process } => print_logs(&name, process.as_deref())?,
        Command::Audit(arguments) => print_audit(&LocalCluster::open(&name)?, &arguments)?,
        Command::BuildParts => {
            for (part, folder) in parts::build(&Progress::new()).await? {
                println!("{part:<12} {}", folder.display());
            }
        }
        Command::Kubectl(passed) => {
            let cluster = LocalCluster::open(&name)?;
            become_program(&cluster, &cluster.kubectl(), &passed.arguments)?;
        }
        Command::Helm(passed) => {
            let cluster = LocalCluster::open(&name)?;
            become_program(&cluster, &cluster.helm(), &passed.arguments)?;
        }
        Command::ShellEnv => print_shell_environment(&LocalCluster::open(&name)?),
        Command::EnforceNetworkPolicy {
            node,
            kubeconfig,
            socket,
        } => {
            Box::pin(network_policy::enforce(&node, &kubeconfig, &socket)).await?;
        }
        Command::ProvideLocalVolumes { kubeconfig, folder } => {
            Box::pin(local_volumes::provide(&kubeconfig, &folder)).await?;
        }
    }
    Ok(())
}

fn print_welcome(cluster: &LocalCluster) {
    let name = &cluster.record().name;
    println!("kubeconfig  {}", cluster.kubeconfig().display());
    println!("registry    {}", cluster.registry());
    println!("look        cluster --name {name} kubectl get pods --all-namespaces");
    println!("end         cluster --name {name} down");
}

fn print_status(status: &Status, output: &Output) -> Result<()> {
    if output.form == OutputForm::Json {
        println!("{}", serde_json::to_string_pretty(status)?);
        return Ok(());
    }
    let Some(phase) = status.phase else {
        println!("cluster {} is not there", status.name);
        return Ok(());
    };
    println!("cluster {}: {phase:?}", status.name);
    match &status.api_server_problem {
        None => println!(
            "API server {}: ready",
            status.api_server.as_deref().unwrap_or_default()
        ),
        Some(problem) => println!("API server is not ready: {problem}"),
    }
    for node in &status.nodes {
        println!(
            "{:<24} {}",
            node.name,
            if node.ready { "Ready" } else { "NotReady" }
        );
    }
    for process in &status.processes {
        let state = if process.alive { "running" } else { "ended" };
        println!("{:<24} {state} (process {})", process.name, process.pid);
    }
    Ok(())
}

fn print_kubeconfig(cluster: &LocalCluster, path_only: bool) -> Result<()> {
    let path = cluster.kubeconfig();
    if path_only {
        println!("{}", path.display());
    } else {
        let text = std::fs::read_to_string(path);
        print!(
            "{}",
            text.with_context(|| format!("read {}", path.display()))?
        );
    }
    Ok(())
}

async fn build_image(name: &ClusterName, arguments: &BuildImageArguments) -> Result<()> {
    let mut files = parse_files(&arguments.binaries, true)?;
    files.extend(parse_files(&arguments.files, false)?);
    let entrypoint = if arguments.entrypoint.is_empty() {
        files
            .iter()
            .take(1)
            .map(|file| file.destination.display().to_string())
            .collect()
    } else {
        arguments.entrypoint.clone()
    };
    let spec = ImageSpec {
        name: arguments.image.clone(),
        files,
        entrypoint,
        user: arguments.user.clone(),
        environment: arguments.environment.clone(),
    };
    let reference = LocalCluster::open(name)?.push_image(&spec).await?;
    print_reference(&reference, &arguments.output)
}

fn parse_files(words: &[String], executable: bool) -> Result<Vec<ImageFile>> {
    words
        .iter()
        .map(|word| {
            let (source, destination) = word.split_once('=').with_context(|| {
                format!("{word:?}: expected PATH=DESTINATION, such as target/probe=/probe")
            })?;
            Ok(ImageFile {
                source: PathBuf::from(source),
                destination: PathBuf::from(destination),
                executable,
            })
        })
        .collect()
}

fn print_reference(reference: &ImageReference, output: &Output) -> Result<()> {
    match output.form {
        OutputForm::Text => println!("{reference}"),
        OutputForm::Json => {
            let mut value = serde_json::to_value(reference)?;
            value["reference"] = reference.to_string().into();
            println!("{value}");
        }
    }
    Ok(())
}

fn print_logs(name: &ClusterName, process: Option<&str>) -> Result<()> {
    let directory = ClusterDirectory::of(name);
    let Some(process) = process else {
        let entries = std::fs::read_dir(directory.logs());
        for entry in entries
            .with_context(|| format!("cluster {name} has no logs"))?
            .flatten()
        {
            println!("{}", entry.path().display());
        }
        return Ok(());
    };
    let path = directory.log(process);
    let text = std::fs::read(&path).with_context(|| {
        format!(
            "no log {}; `cluster logs` lists those there are",
            path.display()
        )
    })?;
    print!("{}", String::from_utf8_lossy(&text));
    Ok(())
}

fn print_audit(cluster: &LocalCluster, arguments: &AuditArguments) -> Result<()> {
    let path = cluster.audit_log()?;
    if arguments.path {
        println!("{}", path.display());
        return Ok(());
    }
    let filter = AuditFilter {
        user: arguments.user.clone(),
        verb: arguments.verb.clone(),
        resource: arguments.resource.clone(),
    };
    for entry in read_audit_log(&path)?
        .into_iter()
        .filter(|entry| filter.matches(entry))
    {
        match arguments.output.form {
            OutputForm::Text => println!("{entry}"),
            OutputForm::Json => println!("{}", serde_json::to_string(&entry)?),
        }
    }
    Ok(())
}

fn print_shell_environment(cluster: &LocalCluster) {
    println!("export KUBECONFIG={}", cluster.kubeconfig().display());
    println!("export REGISTRY={}", cluster.registry());
    println!("export TRIPTYCH_CLUSTER={}", cluster.record().name);
    let folders = [cluster.kubectl(), cluster.helm()];
    let folders = folders
        .iter()
        .filter_map(|path| path.parent())
        .map(|path| path.display());
    for folder in folders {
        println!("export PATH={folder}:\"$PATH\"");
    }
}

/// Hands over to a program with the cluster's kubeconfig; returns only if that fails.
fn become_program(cluster: &LocalCluster, program: &Path, arguments: &[String]) -> Result<()> {
    let error = std::process::Command::new(program)
        .args(arguments)
        .env("KUBECONFIG", cluster.kubeconfig())
        .exec();
    bail!("run {}: {error}", program.display())
}
