//! A node: a network namespace with a containerd, a kubelet, a kube-proxy and a policy enforcer of
//! its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::certificates::{CredentialFiles, Subject};
use crate::cgroups::ControlGroups;
use crate::cni_plugin;
use crate::control_plane::{NODE_GRACE_SECONDS, Trust};
use crate::directory::{ClusterDirectory, ClusterRecord, create_folder, write_file, write_secret};
use crate::error::{Error, Result};
use crate::processes::{ProcessRecord, ProcessSpec};
use crate::readiness::until_ready;

/// Longest wait for a container runtime.
const RUNTIME_WITHIN: Duration = Duration::from_secs(30);

/// Most pods of one node: its network has 254 addresses.
const MAX_PODS: u32 = 240;

/// One node of a cluster.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    directory: &'a ClusterDirectory,
    record: &'a ClusterRecord,
    groups: &'a ControlGroups,
    number: u8,
    name: String,
}

impl<'a> Node<'a> {
    /// The node with this number.
    pub(crate) fn new(
        directory: &'a ClusterDirectory,
        record: &'a ClusterRecord,
        groups: &'a ControlGroups,
        number: u8,
    ) -> Self {
        Self {
            directory,
            record,
            groups,
            number,
            name: record.name.node(number),
        }
    }

    /// Name of one of its processes.
    pub(crate) fn process(&self, program: &str) -> String {
        process_name(self.number, program)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.node(self.number).join(name)
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.directory.node_sockets(self.number).join(name)
    }

    fn address(&self) -> String {
        self.record.addresses.node(self.number).to_string()
    }

    /// Writes every configuration file of the node.
    pub(crate) fn write_files(&self, trust: &Trust, pause_image: &str, agent: &Path) -> Result<()> {
        let server = trust.kubelet_server(&self.name, &self.address())?;
        let user = Subject::client(format!("system:node:{}", self.name), &["system:nodes"]);
        trust.write_kubeconfig(self.directory, self.record, &self.name, &user)?;
        for folder in ["pod-logs", "plugins", "cni-bin"] {
            create_folder(&self.file(folder))?;
        }
        create_folder(&self.socket("shims"))?;
        let plugin = self.file("cni-bin").join(cni_plugin::PLUGIN);
        std::os::unix::fs::symlink(agent, &plugin).map_err(Error::file("link", &plugin))?;
        create_folder(&self.directory.volumes(&self.name))?;
        write_file(
            &self.file("containerd.toml"),
            self.containerd_configuration(pause_image),
        )?;
        write_file(&self.registry_hosts(), self.registry_configuration())?;
        write_file(
            &self.file("cni/10-pods.conflist"),
            json_text(&self.cni_configuration()),
        )?;
        // Pods that ask for the node's own DNS get none, rather than this machine's.
        write_file(&self.file("resolv.conf"), "")?;
        let kubelet = self.kubelet_configuration(trust.cluster_certificate(), &server);
        write_secret(&self.file("kubelet.yaml"), yaml_text(&kubelet))?;
        write_file(
            &self.file("kube-proxy.yaml"),
            yaml_text(&self.kube_proxy_configuration()),
        )
    }

    /// The node's processes in the order in which they start.
    pub(crate) fn processes(&self, agent: &Path) -> [ProcessSpec; 4] {
        [
            self.policy_enforcer(agent),
            self.containerd(),
            self.kubelet(),
            self.kube_proxy(),
        ]
    }

    fn spec(&self, program: &str, path: PathBuf, arguments: Vec<String>) -> ProcessSpec {
        ProcessSpec {
            name: self.process(program),
            program: path,
            arguments,
            environment: Vec::new(),
            network_namespace: Some(self.name.clone()),
            control_group: self.groups.node_services(self.number),
        }
    }

    fn policy_enforcer(&self, agent: &Path) -> ProcessSpec {
        let arguments = vec![
            "enforce-network-policy".to_owned(),
            format!("--node={}", self.name),
            format!(
                "--kubeconfig={}",
                self.directory.kubeconfig("network-policy").display()
            ),
            format!("--socket={}", self.socket("network-policy.sock").display()),
        ];
        self.spec("network-policy", agent.to_owned(), arguments)
    }

    fn containerd(&self) -> ProcessSpec {
        let arguments = vec![format!(
            "--config={}",
            self.file("containerd.toml").display()
        )];
        self.spec(
            "containerd",
            self.record.executable("containerd", "containerd"),
            arguments,
        )
    }

    fn kubelet(&self) -> ProcessSpec {
        let arguments = vec![
            format!("--config={}", self.file("kubelet.yaml").display()),
            format!(
                "--kubeconfig={}",
                self.directory.kubeconfig(&self.name).display()
            ),
            format!("--hostname-override={}", self.name),
            format!("--node-ip={}", self.address()),
            format!("--root-dir={}", self.file("kubelet").display()),
        ];
        self.spec(
            "kubelet",
            self.record.executable("kubernetes", "kubelet"),
            arguments,
        )
    }

    fn kube_proxy(&self) -> ProcessSpec {
        let arguments = vec![format!(
            "--config={}",
            self.file("kube-proxy.yaml").display()
        )];
        self.spec(
            "kube-proxy",
            self.record.executable("kubernetes", "kube-proxy"),
            arguments,
        )
    }

    fn containerd_configuration(&self, pause_image: &str) -> String {
        let runc = self.record.executable("runc", "runc");
        let plugins = self.record.executable("cni-plugins", "");
        let runtime = "io.containerd.cri.v1.runtime";
        format!(
            r#"version = 3
root = "{root}"
state = "{state}"

[grpc]
address = "{socket}"

[ttrpc]
address = "{socket}.ttrpc"

[plugins."io.containerd.shim.v1.manager"]
socket_dir = "{shims}"

[plugins."{runtime}"]
# The machine may not let us lower it.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[plugins."{runtime}".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."{runtime}".containerd.runtimes.runc.options]
BinaryName = "{runc}"
SystemdCgroup = false

[plugins."{runtime}".cni]
bin_dirs = ["{plugins}", "{own_plugins}"]
conf_dir = "{cni}"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause_image}"

[plugins."io.containerd.cri.v1.images".registry]
config_path = "{registries}"
"#,
            root = self.file("containerd").display(),
            state = self.socket("containerd").display(),
            socket = self.socket("containerd.sock").display(),
            shims = self.socket("shims").display(),
            runc = runc.display(),
            plugins = plugins.display(),
            own_plugins = self.file("cni-bin").display(),
            cni = self.file("cni").display(),
            registries = self.file("registries").display(),
        )
    }

    fn registry_hosts(&self) -> PathBuf {
        self.file("registries")
            .join(self.record.addresses.registry())
            .join("hosts.toml")
    }

    /// The cluster's registry speaks plain HTTP.
    fn registry_configuration(&self) -> String {
        let registry = self.record.addresses.registry();
        format!(
            "server = \"http://{registry}\"\n\n[host.\"http://{registry}\"]\n\
             capabilities = [\"pull\", \"resolve\"]\n"
        )
    }

    fn cni_configuration(&self) -> Value {
        json!({
            "cniVersion": "1.0.0",
            "name": "pods",
            "plugins": [
                {
                    "type": "ptp",
                    "ipMasq": false,
                    "ipam": {
                        "type": "host-local",
                        "dataDir": self.file("addresses"),
                        "ranges": [[{
                            "subnet": self.record.addresses.node_pod_network(self.number),
                        }]],
                        "routes": [{ "dst": "0.0.0.0/0" }],
                    },
                },
                {
                    "type": "portmap",
                    "backend": "nftables",
                    "capabilities": { "portMappings": true },
                },
                { "type": cni_plugin::PLUGIN, cni_plugin::SOCKET: self.socket("network-policy.sock") },
            ],
        })
    }

    fn kubelet_configuration(&self, authority: &Path, server: &CredentialFiles) -> Value {
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": format!("unix://{}", self.socket("containerd.sock").display()),
            "address": self.address(),
            "tlsCertFile": server.certificate,
            "tlsPrivateKeyFile": server.key,
            "authentication": {
                "anonymous": { "enabled": false },
                "webhook": { "enabled": true },
                "x509": { "clientCAFile": authority },
            },
            "authorization": { "mode": "Webhook" },
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": format!("/{}", self.groups.node_pods(self.number)),
            "failCgroupV1": false,
            "failSwapOn": false,
            "clusterDNS": [self.record.addresses.dns_service().to_string()],
            "clusterDomain": "cluster.local",
            "resolvConf": self.file("resolv.conf"),
            "podLogsDir": self.file("pod-logs"),
            "volumePluginDir": self.file("plugins"),
            "maxPods": MAX_PODS,
            "serializeImagePulls": false,
            "registryPullQPS": 0,
            "eventRecordQPS": 0,
            // The disk is the machine's, shared with everything else on it.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {
                "memory.available": "64Mi",
                "nodefs.available": "1%",
                "imagefs.available": "1%",
            },
            "nodeLeaseDurationSeconds": NODE_GRACE_SECONDS,
            "nodeStatusUpdateFrequency": "4s",
        })
    }

    fn kube_proxy_configuration(&self) -> Value {
        json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "hostnameOverride": self.name,
            "clientConnection": { "kubeconfig": self.directory.kubeconfig("kube-proxy") },
            "clusterCIDR": self.record.addresses.pod_network(),
            "healthzBindAddress": format!("{}:10256", self.address()),
            "metricsBindAddress": "127.0.0.1:10249",
            // The machine's limit on connections is not this node's to set.
            "conntrack": { "maxPerCore": 0 },
        })
    }
}

/// Waits until a node's container runtime answers: a kubelet that finds none gives up.
pub(crate) async fn runtime_answers(
    directory: &ClusterDirectory,
    number: u8,
    process: ProcessRecord,
) -> Result<()> {
    let socket = directory.node_sockets(number).join("containerd.sock");
    let connect = || async {
        let connected = tokio::net::UnixStream::connect(&socket).await;
        connected.map(drop).map_err(|error| error.to_string())
    };
    until_ready(directory, "containerd", RUNTIME_WITHIN, &[process], connect).await
}

/// Name of a process of the node with this number.
pub(crate) fn process_name(number: u8, program: &str) -> String {
    format!("node-{number}-{program}")
}

fn json_text(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn yaml_text(value: &Value) -> String {
    serde_yaml_ng::to_string(value).unwrap_or_default()
}
