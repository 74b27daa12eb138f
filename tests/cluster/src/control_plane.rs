//! etcd, the API server, the controller manager and the scheduler, as processes on the host.

use std::path::Path;

use crate::certificates::{Authority, CredentialFiles, Subject, service_account_key};
use crate::directory::{ClusterDirectory, ClusterRecord, create_folder, write_file, write_secret};
use crate::error::{Error, Result};
use crate::kubeconfig;
use crate::processes::ProcessSpec;

/// Seconds without a sign of life after which a node counts as lost.
pub(crate) const NODE_GRACE_SECONDS: u32 = 16;

/// Name of the authority that everything in the cluster trusts.
const CLUSTER_AUTHORITY: &str = "cluster-authority";

const AUDIT_POLICY: &str = include_str!("../manifests/audit-policy.yaml");

/// Every certificate of the control plane.
#[derive(Debug)]
pub(crate) struct Trust {
    cluster: Authority,
    etcd: Authority,
    front_proxy: Authority,
    etcd_server: CredentialFiles,
    etcd_client: CredentialFiles,
    api_server: CredentialFiles,
    kubelet_client: CredentialFiles,
    front_proxy_client: CredentialFiles,
    service_accounts: CredentialFiles,
}

impl Trust {
    /// Makes all authorities, certificates and kubeconfigs of the control plane.
    pub(crate) fn create(directory: &ClusterDirectory, record: &ClusterRecord) -> Result<Self> {
        let folder = directory.pki();
        let cluster = Authority::create(&folder, CLUSTER_AUTHORITY)?;
        let etcd = Authority::create(&folder, "etcd-authority")?;
        let front_proxy = Authority::create(&folder, "front-proxy-authority")?;
        let address = record.addresses.control_plane().to_string();
        let local = vec![
            address.clone(),
            "127.0.0.1".to_owned(),
            "localhost".to_owned(),
        ];
        let etcd_server = etcd.issue_files("etcd", &Subject::server("etcd", local))?;
        let etcd_client =
            etcd.issue_files("etcd-client", &Subject::client("kube-apiserver", &[]))?;
        let api_hosts = api_server_hosts(record);
        let api_server =
            cluster.issue_files("apiserver", &Subject::server("kube-apiserver", api_hosts))?;
        let kubelet_client = cluster.issue_files(
            "apiserver-kubelet-client",
            &Subject::client("kube-apiserver-kubelet-client", &[]),
        )?;
        let front_proxy_client = front_proxy.issue_files(
            "front-proxy-client",
            &Subject::client("front-proxy-client", &[]),
        )?;
        let service_accounts = service_account_key(&folder)?;
        let trust = Self {
            cluster,
            etcd,
            front_proxy,
            etcd_server,
            etcd_client,
            api_server,
            kubelet_client,
            front_proxy_client,
            service_accounts,
        };
        let users = [
            (
                "admin",
                Subject::client("kubernetes-admin", &["system:masters"]),
            ),
            (
                "controller-manager",
                Subject::client("system:kube-controller-manager", &[]),
            ),
            ("scheduler", Subject::client("system:kube-scheduler", &[])),
            ("kube-proxy", Subject::client("system:kube-proxy", &[])),
            (
                "network-policy",
                Subject::client("triptych:network-policy", &[]),
            ),
            (
                "local-volumes",
                Subject::client("triptych:local-volumes", &[]),
            ),
        ];
        for (file, subject) in users {
            trust.write_kubeconfig(directory, record, file, &subject)?;
        }
        Ok(trust)
    }

    /// Writes the kubeconfig of a user.
    pub(crate) fn write_kubeconfig(
        &self,
        directory: &ClusterDirectory,
        record: &ClusterRecord,
        file: &str,
        subject: &Subject,
    ) -> Result<()> {
        let text = user_kubeconfig(&self.cluster, record, subject)?;
        write_secret(&directory.kubeconfig(file), text)
    }

    /// Issues the certificate with which a node's kubelet serves.
    pub(crate) fn kubelet_server(&self, node: &str, address: &str) -> Result<CredentialFiles> {
        let hosts = vec![node.to_owned(), address.to_owned()];
        let subject = Subject::server(format!("system:node:{node}"), hosts);
        self.cluster
            .issue_files(&format!("{node}-kubelet"), &subject)
    }

    /// Certificate of the authority that signs clients and kubelets.
    pub(crate) fn cluster_certificate(&self) -> &Path {
        self.cluster.certificate()
    }
}

/// A kubeconfig for any user and groups, issued by the cluster's own authority.
pub(crate) fn issue_kubeconfig(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    subject: &Subject,
) -> Result<String> {
    let authority = Authority::open(&directory.pki(), CLUSTER_AUTHORITY)?;
    user_kubeconfig(&authority, record, subject)
}

fn user_kubeconfig(
    authority: &Authority,
    record: &ClusterRecord,
    subject: &Subject,
) -> Result<String> {
    let path = authority.certificate();
    let certificate = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
    Ok(kubeconfig::render(
        record.name.as_str(),
        &record.addresses.api_server_url(),
        &certificate,
        &subject.name,
        &authority.issue(subject)?,
    ))
}

fn api_server_hosts(record: &ClusterRecord) -> Vec<String> {
    let service = "kubernetes.default.svc";
    vec![
        record.addresses.control_plane().to_string(),
        record.addresses.api_service().to_string(),
        "kubernetes".to_owned(),
        "kubernetes.default".to_owned(),
        service.to_owned(),
        format!("{service}.cluster.local"),
    ]
}

/// Writes what the control plane's processes read beside their certificates.
pub(crate) fn write_files(directory: &ClusterDirectory) -> Result<()> {
    write_file(&audit_policy(directory), AUDIT_POLICY)?;
    for folder in [
        directory.audit_log().parent(),
        Some(&directory.root().join("registry")),
    ] {
        folder.map_or(Ok(()), create_folder)?;
    }
    Ok(())
}

fn audit_policy(directory: &ClusterDirectory) -> std::path::PathBuf {
    directory.root().join("audit").join("policy.yaml")
}

/// The image registry.
pub(crate) fn registry(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    group: String,
) -> ProcessSpec {
    ProcessSpec {
        name: "registry".to_owned(),
        program: record.executable("registry", "crane"),
        arguments: vec![
            "registry".to_owned(),
            "serve".to_owned(),
            format!("--address={}", record.addresses.registry()),
            format!("--disk={}", directory.root().join("registry").display()),
        ],
        environment: Vec::new(),
        network_namespace: None,
        control_group: group,
    }
}

/// etcd; its data need not survive the machine, so it does not wait for the disk.
pub(crate) fn etcd(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    trust: &Trust,
    group: String,
) -> ProcessSpec {
    let url = record.addresses.etcd_url();
    let peer = format!("https://{}:2380", record.addresses.control_plane());
    let arguments = [
        "--name=default".to_owned(),
        path_flag("--data-dir", &directory.root().join("etcd")),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        path_flag("--trusted-ca-file", trust.etcd.certificate()),
        path_flag("--cert-file", &trust.etcd_server.certificate),
        path_flag("--key-file", &trust.etcd_server.key),
        "--client-cert-auth".to_owned(),
        path_flag("--peer-trusted-ca-file", trust.etcd.certificate()),
        path_flag("--peer-cert-file", &trust.etcd_server.certificate),
        path_flag("--peer-key-file", &trust.etcd_server.key),
        "--peer-client-cert-auth".to_owned(),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    control_plane_process(
        "etcd",
        record.executable("etcd", "server"),
        &arguments,
        group,
    )
}

/// The API server.
pub(crate) fn api_server(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    trust: &Trust,
    group: String,
) -> ProcessSpec {
    let address = record.addresses.control_plane();
    let arguments = [
        format!("--advertise-address={address}"),
        format!("--bind-address={address}"),
        "--secure-port=6443".to_owned(),
        format!("--etcd-servers={}", record.addresses.etcd_url()),
        path_flag("--etcd-cafile", trust.etcd.certificate()),
        path_flag("--etcd-certfile", &trust.etcd_client.certificate),
        path_flag("--etcd-keyfile", &trust.etcd_client.key),
        path_flag("--client-ca-file", trust.cluster.certificate()),
        path_flag("--tls-cert-file", &trust.api_server.certificate),
        path_flag("--tls-private-key-file", &trust.api_server.key),
        path_flag(
            "--kubelet-certificate-authority",
            trust.cluster.certificate(),
        ),
        path_flag(
            "--kubelet-client-certificate",
            &trust.kubelet_client.certificate,
        ),
        path_flag("--kubelet-client-key", &trust.kubelet_client.key),
        // Else exec and logs would try to resolve the names of nodes.
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        path_flag(
            "--requestheader-client-ca-file",
            trust.front_proxy.certificate(),
        ),
        "--requestheader-allowed-names=front-proxy-client".to_owned(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        path_flag(
            "--proxy-client-cert-file",
            &trust.front_proxy_client.certificate,
        ),
        path_flag("--proxy-client-key-file", &trust.front_proxy_client.key),
        // The host has no kube-proxy: webhooks and aggregated APIs are asked at their pods.
        "--enable-aggregator-routing=true".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
        path_flag(
            "--service-account-key-file",
            &trust.service_accounts.certificate,
        ),
        path_flag(
            "--service-account-signing-key-file",
            &trust.service_accounts.key,
        ),
        format!(
            "--service-cluster-ip-range={}",
            record.addresses.service_network()
        ),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--allow-privileged=true".to_owned(),
        path_flag("--audit-policy-file", &audit_policy(directory)),
        path_flag("--audit-log-path", &directory.audit_log()),
        "--audit-log-maxsize=1000".to_owned(),
        "--audit-log-maxbackup=1".to_owned(),
    ];
    let program = record.executable("kubernetes", "kube-apiserver");
    control_plane_process("apiserver", program, &arguments, group)
}

/// The controller manager.
pub(crate) fn controller_manager(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    trust: &Trust,
    group: String,
) -> ProcessSpec {
    let kubeconfig = directory.kubeconfig("controller-manager");
    let arguments = [
        format!("--bind-address={}", record.addresses.control_plane()),
        path_flag("--kubeconfig", &kubeconfig),
        path_flag("--authentication-kubeconfig", &kubeconfig),
        path_flag("--authorization-kubeconfig", &kubeconfig),
        path_flag("--client-ca-file", trust.cluster.certificate()),
        path_flag("--root-ca-file", trust.cluster.certificate()),
        path_flag("--cluster-signing-cert-file", trust.cluster.certificate()),
        path_flag("--cluster-signing-key-file", trust.cluster.key()),
        path_flag(
            "--service-account-private-key-file",
            &trust.service_accounts.key,
        ),
        "--use-service-account-credentials=true".to_owned(),
        "--leader-elect=false".to_owned(),
        format!("--node-monitor-grace-period={NODE_GRACE_SECONDS}s"),
    ];
    let program = record.executable("kubernetes", "kube-controller-manager");
    control_plane_process("controller-manager", program, &arguments, group)
}

/// The scheduler.
pub(crate) fn scheduler(
    directory: &ClusterDirectory,
    record: &ClusterRecord,
    trust: &Trust,
    group: String,
) -> ProcessSpec {
    let kubeconfig = directory.kubeconfig("scheduler");
    let arguments = [
        format!("--bind-address={}", record.addresses.control_plane()),
        path_flag("--kubeconfig", &kubeconfig),
        path_flag("--authentication-kubeconfig", &kubeconfig),
        path_flag("--authorization-kubeconfig", &kubeconfig),
        path_flag("--client-ca-file", trust.cluster.certificate()),
        "--leader-elect=false".to_owned(),
    ];
    let program = record.executable("kubernetes", "kube-scheduler");
    control_plane_process("scheduler", program, &arguments, group)
}

fn control_plane_process(
    name: &str,
    program: std::path::PathBuf,
    arguments: &[String],
    group: String,
) -> ProcessSpec {
    ProcessSpec {
        name: name.to_owned(),
        program,
        arguments: arguments.to_vec(),
        environment: Vec::new(),
        network_namespace: None,
        control_group: group,
    }
}

fn path_flag(flag: &str, path: &Path) -> String {
    format!("{flag}={}", path.display())
}
