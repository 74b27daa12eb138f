//! Bringing a cluster up.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::signal::unix::{SignalKind, signal};

use crate::address_plan::MAX_NODES;
use crate::cgroups::ControlGroups;
use crate::client::client_from;
use crate::control_plane::{self, Trust};
use crate::device_plugins::DevicePluginSocket;
use crate::directory::{
    ClusterDirectory, ClusterRecord, Lock, Phase, clusters_root, create_folder, free_addresses,
};
use crate::down::clean;
use crate::error::{Error, Result};
use crate::image::ImageSpec;
use crate::name::ClusterName;
use crate::node::{Node, runtime_answers};
use crate::parts::{self, BuiltParts};
use crate::processes::{self, ProcessRecord, ProcessSpec};
use crate::progress::Progress;
use crate::readiness::{self, node_is_ready, until_ready};
use crate::registry::{ImageReference, build_and_push};
use crate::{network, requirements, system_objects};

/// What a cluster shall be like.
#[derive(Clone, Debug)]
pub struct UpOptions {
    /// Its name.
    pub name: ClusterName,
    /// How many nodes, 1 to 9.
    pub nodes: u8,
    /// Whether the first node takes pods of tier W only.
    pub w_node: bool,
    /// The `cluster` executable: nodes run it to enforce network policies and for local volumes.
    pub agent: PathBuf,
}

/// Brings the cluster up unless it is, and cleans what an earlier attempt left behind.
///
/// Fails without leaving anything behind, also on Ctrl-C; the logs are kept.
pub async fn up(options: &UpOptions, progress: &Progress) -> Result<ClusterRecord> {
    if !(1..=MAX_NODES).contains(&options.nodes) {
        return Err(Error::InvalidNodeCount(options.nodes));
    }
    requirements::check()?;
    let built = parts::build(progress).await?;
    if requirements::raise_watcher_limit()? {
        progress.line("raised fs.inotify.max_user_instances to 1024");
    }
    let _lock = Lock::cluster(&options.name)?;
    let directory = ClusterDirectory::of(&options.name);
    let running = directory
        .record()?
        .filter(|record| record.phase == Phase::Running);
    if let Some(record) = running.filter(|_| control_plane_is_alive(&directory)) {
        progress.line(format!("cluster {} is already up", record.name));
        return Ok(record);
    }
    if clean(&options.name, &Progress::quiet()).await? {
        progress.line("removed what an earlier cluster of this name had left");
    }
    let started = unless_interrupted(start(options, built, progress)).await;
    if started.is_err() {
        keep_logs(&directory, progress);
        clean(&options.name, progress).await?;
    }
    started
}

async fn start(
    options: &UpOptions,
    built: BuiltParts,
    progress: &Progress,
) -> Result<ClusterRecord> {
    let directory = ClusterDirectory::of(&options.name);
    let record = claim(options, built, &directory).await?;
    let start = Start {
        directory: &directory,
        record: &record,
        groups: ControlGroups::of(&options.name)?,
        progress,
    };
    start.everything(options).await?;
    let record = ClusterRecord {
        phase: Phase::Running,
        ..record
    };
    directory.write_record(&record)?;
    progress.line(format!("cluster {} is up", record.name));
    Ok(record)
}

/// Chooses addresses and writes down what will be started, before anything is.
async fn claim(
    options: &UpOptions,
    parts: BuiltParts,
    directory: &ClusterDirectory,
) -> Result<ClusterRecord> {
    let _lock = Lock::all_clusters()?;
    let routes = network::host_routes().await?;
    let record = ClusterRecord {
        name: options.name.clone(),
        addresses: free_addresses(|plan| network::in_use(plan, &routes))?,
        nodes: options.nodes,
        w_node: options.w_node,
        phase: Phase::Starting,
        parts,
    };
    directory.write_record(&record)?;
    Ok(record)
}

/// A cluster being started.
struct Start<'a> {
    directory: &'a ClusterDirectory,
    record: &'a ClusterRecord,
    groups: ControlGroups,
    progress: &'a Progress,
}

impl Start<'_> {
    async fn everything(&self, options: &UpOptions) -> Result<()> {
        let agent = self.copy_agent(&options.agent)?;
        let trust = Trust::create(self.directory, self.record)?;
        control_plane::write_files(self.directory)?;
        self.create_groups()?;
        self.create_network().await?;
        self.progress
            .line("certificates, control groups and networks are made");
        let (client, images) =
            futures::try_join!(self.start_api_server(&trust), self.start_registry())?;
        self.progress
            .line(format!("API server is ready at {}", self.api_server()));
        let group = self.groups.control_plane();
        self.process(&control_plane::controller_manager(
            self.directory,
            self.record,
            &trust,
            group.clone(),
        ))?;
        self.process(&control_plane::scheduler(
            self.directory,
            self.record,
            &trust,
            group.clone(),
        ))?;
        system_objects::apply(self.directory, self.record, &images.dns).await?;
        self.process(&self.local_volumes(&agent, group))?;
        for number in self.record.node_numbers() {
            self.start_node(number, &trust, &agent, &images.pause)
                .await?;
        }
        self.progress.line("controllers and nodes are started");
        self.wait_for_nodes(&client).await?;
        if self.record.w_node {
            system_objects::dedicate_to_w(&client, &self.record.name.node(1)).await?;
        }
        self.wait_for_dns(&client).await
    }

    /// A copy, so that building the command anew does not pull it from under a living cluster.
    fn copy_agent(&self, agent: &Path) -> Result<PathBuf> {
        let copy = self.directory.root().join("bin/cluster");
        create_folder(&self.directory.root().join("bin"))?;
        std::fs::copy(agent, &copy).map_err(Error::file("copy", agent))?;
        Ok(copy)
    }

    fn create_groups(&self) -> Result<()> {
        self.groups.create(&self.groups.control_plane())?;
        for number in self.record.node_numbers() {
            self.groups.create(&self.groups.node_services(number))?;
            self.groups.create(&self.groups.node_pods(number))?;
        }
        Ok(())
    }

    async fn create_network(&self) -> Result<()> {
        network::create_bridge(self.record.addresses).await?;
        for number in self.record.node_numbers() {
            network::create_node(self.record, number).await?;
        }
        Ok(())
    }

    fn api_server(&self) -> String {
        self.record.addresses.api_server_url()
    }

    fn process(&self, spec: &ProcessSpec) -> Result<ProcessRecord> {
        processes::start(self.directory, &self.groups, spec)
    }

    async fn start_api_server(&self, trust: &Trust) -> Result<Client> {
        let group = self.groups.control_plane();
        let etcd = control_plane::etcd(self.directory, self.record, trust, group.clone());
        let api_server = control_plane::api_server(self.directory, self.record, trust, group);
        let processes = [self.process(&etcd)?, self.process(&api_server)?];
        let client = client_from(&self.directory.admin_kubeconfig()).await?;
        let ask = || async { readiness::api_server(&client).await };
        until_ready(
            self.directory,
            "the API server",
            Duration::from_secs(90),
            &processes,
            ask,
        )
        .await?;
        Ok(client)
    }

    async fn start_registry(&self) -> Result<SystemImages> {
        let group = self.groups.control_plane();
        let process = self.process(&control_plane::registry(self.directory, self.record, group))?;
        let address = self.record.addresses.registry();
        let connect = || async {
            tokio::net::TcpStream::connect(&address)
                .await
                .map(drop)
                .map_err(|e| e.to_string())
        };
        until_ready(
            self.directory,
            "the registry",
            Duration::from_secs(30),
            &[process],
            connect,
        )
        .await?;
        let dns = self.record.executable("coredns", "coredns");
        let pause = self.record.executable("pause", "pause");
        Ok(SystemImages {
            dns: self
                .push(&ImageSpec::of_program("triptych/coredns", &dns, "/coredns"))
                .await?,
            pause: self
                .push(&ImageSpec::of_program("triptych/pause", &pause, "/pause"))
                .await?,
        })
    }

    async fn push(&self, spec: &ImageSpec) -> Result<ImageReference> {
        let crane = self.record.executable("registry", "crane");
        build_and_push(&crane, &self.record.addresses.registry(), spec).await
    }

    fn local_volumes(&self, agent: &Path, group: String) -> ProcessSpec {
        let kubeconfig = self.directory.kubeconfig("local-volumes");
        ProcessSpec {
            name: "local-volumes".to_owned(),
            program: agent.to_owned(),
            arguments: vec![
                "provide-local-volumes".to_owned(),
                format!("--kubeconfig={}", kubeconfig.display()),
                format!(
                    "--folder={}",
                    self.directory.root().join("volumes").display()
                ),
            ],
            environment: Vec::new(),
            network_namespace: None,
            control_group: group,
        }
    }

    async fn start_node(
        &self,
        number: u8,
        trust: &Trust,
        agent: &Path,
        pause: &ImageReference,
    ) -> Result<()> {
        let node = Node::new(self.directory, self.record, &self.groups, number);
        node.write_files(trust, &pause.to_string(), agent)?;
        for spec in node.processes(agent) {
            let socket = DevicePluginSocket::now();
            let process = self.process(&spec)?;
            if spec.name == node.process("containerd") {
                runtime_answers(self.directory, number, process).await?;
            } else if spec.name == node.process("kubelet") {
                socket.until_taken(self.directory, process).await?;
            }
        }
        Ok(())
    }

    async fn wait_for_nodes(&self, client: &Client) -> Result<()> {
        let nodes: Api<NodeObject> = Api::all(client.clone());
        let processes = processes::recorded(self.directory);
        let ask = || async {
            let list = nodes
                .list(&ListParams::default())
                .await
                .map_err(|e| e.to_string())?;
            let ready = list.items.iter().filter(|node| node_is_ready(node)).count();
            if ready == usize::from(self.record.nodes) {
                Ok(())
            } else {
                Err(format!("{ready} of {} nodes are ready", self.record.nodes))
            }
        };
        until_ready(
            self.directory,
            "every node",
            Duration::from_mins(2),
            &processes,
            ask,
        )
        .await?;
        self.progress
            .line(format!("{} nodes are ready", self.record.nodes));
        Ok(())
    }

    async fn wait_for_dns(&self, client: &Client) -> Result<()> {
        let sets: Api<DaemonSet> = Api::namespaced(client.clone(), "kube-system");
        let processes = processes::recorded(self.directory);
        let ask = || async {
            let set = sets.get("coredns").await.map_err(|e| e.to_string())?;
            let ready = set.status.map_or(0, |status| status.number_ready);
            if ready == i32::from(self.record.nodes) {
                Ok(())
            } else {
                Err(format!(
                    "{ready} of {} DNS pods are ready",
                    self.record.nodes
                ))
            }
        };
        until_ready(
            self.directory,
            "the cluster's DNS",
            Duration::from_mins(2),
            &processes,
            ask,
        )
        .await?;
        self.progress.line("the cluster's DNS is ready");
        Ok(())
    }
}

/// Images that the cluster itself runs.
struct SystemImages {
    dns: ImageReference,
    pause: ImageReference,
}

async fn unless_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut terminated =
        signal(SignalKind::terminate()).map_err(Error::io("listen for signals"))?;
    tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted),
        _ = terminated.recv() => Err(Error::Interrupted),
    }
}

fn control_plane_is_alive(directory: &ClusterDirectory) -> bool {
    [
        "etcd",
        "apiserver",
        "controller-manager",
        "scheduler",
        "registry",
    ]
    .iter()
    .all(|name| processes::record_of(directory, name).is_ok_and(|process| process.is_alive()))
}

/// Logs of a start that failed, which the clean-up would remove.
fn keep_logs(directory: &ClusterDirectory, progress: &Progress) {
    let kept = clusters_root()
        .join(".failed")
        .join(directory.name().as_str());
    let _ = std::fs::remove_dir_all(&kept);
    let moved = create_folder(&clusters_root().join(".failed")).is_ok()
        && std::fs::rename(directory.logs(), &kept).is_ok();
    if moved {
        progress.line(format!("the logs are kept in {}", kept.display()));
    }
}
