//! An API server of a few objects: enough for helm to look them up, without a cluster.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use serde_json::{Value, json};

use crate::manifests::{kind, name};

/// What it knows: group and version, kind, plural, whether it lives in a namespace.
const KINDS: [(&str, &str, &str, bool); 15] = [
    ("v1", "Namespace", "namespaces", false),
    ("v1", "Pod", "pods", true),
    ("v1", "ResourceQuota", "resourcequotas", true),
    ("v1", "ServiceAccount", "serviceaccounts", true),
    ("apps/v1", "StatefulSet", "statefulsets", true),
    (
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "networkpolicies",
        true,
    ),
    ("coordination.k8s.io/v1", "Lease", "leases", true),
    (
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        "clusterroles",
        false,
    ),
    (
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        false,
    ),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", true),
    (
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "rolebindings",
        true,
    ),
    (
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        false,
    ),
    (
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        false,
    ),
    (
        "triptych.trading/v1alpha1",
        "TradingAccount",
        "tradingaccounts",
        false,
    ),
    (
        "triptych.trading/v1alpha1",
        "TradingInstance",
        "tradinginstances",
        true,
    ),
];

/// Answers what helm reads, until the process ends.
#[derive(Clone, Debug)]
pub struct ApiServer {
    address: SocketAddr,
}

impl ApiServer {
    /// A server with these objects and no others. It does not know a group of which
    /// `without_group` is the name.
    ///
    /// # Panics
    /// When it cannot listen on this machine.
    pub fn with(objects: Vec<Value>, without_group: Option<&'static str>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port of this machine");
        let address = listener.local_addr().expect("a bound port has an address");
        let catalogue = Catalogue {
            objects,
            without_group,
        };
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // Whoever hangs up early asks again.
                let _ = catalogue.serve(&connection);
            }
        });
        Self { address }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

struct Catalogue {
    objects: Vec<Value>,
    without_group: Option<&'static str>,
}

impl Catalogue {
    /// Answers one request and ends the connection.
    fn serve(&self, mut connection: &TcpStream) -> io::Result<()> {
        let mut lines = BufReader::new(connection).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        for header in lines {
            if header?.is_empty() {
                break;
            }
        }
        let target = request.split(' ').nth(1).unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let (status, body) = match self.answer(path) {
            Some(body) => ("200 OK", body),
            None => ("404 Not Found", not_found(path)),
        };
        let body = body.to_string();
        write!(
            connection,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        )
    }

    fn answer(&self, path: &str) -> Option<Value> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match segments.as_slice() {
            ["version"] => Some(json!({ "major": "1", "minor": "36", "gitVersion": "v1.36.0" })),
            ["api"] => Some(json!({ "kind": "APIVersions", "versions": ["v1"] })),
            ["apis"] => Some(self.groups()),
            ["api", version, rest @ ..] => self.of_group(version, rest),
            ["apis", group, version, rest @ ..] => {
                self.of_group(&format!("{group}/{version}"), rest)
            }
            _ => None,
        }
    }

    fn kinds(&self) -> impl Iterator<Item = (&str, &str, &str, bool)> {
        KINDS.into_iter().filter(|(group_version, ..)| {
            !self
                .without_group
                .is_some_and(|group| group_version.starts_with(group))
        })
    }

    fn groups(&self) -> Value {
        let mut named: Vec<(&str, &str)> = self
            .kinds()
            .filter_map(|(group_version, ..)| Some((group_version, group_version.split_once('/')?)))
            .map(|(group_version, (group, _))| (group, group_version))
            .collect();
        named.dedup();
        let groups: Vec<Value> = named
            .iter()
            .map(|(group, group_version)| {
                let version = group_version.rsplit('/').next();
                let version = json!({ "groupVersion": group_version, "version": version });
                json!({ "name": group, "versions": [version], "preferredVersion": version })
            })
            .collect();
        json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
    }

    fn of_group(&self, group_version: &str, rest: &[&str]) -> Option<Value> {
        match rest {
            [] => Some(self.resources(group_version)),
            ["namespaces", namespace, plural, name @ ..] => {
                self.objects(group_version, plural, Some(namespace), name)
            }
            [plural, name @ ..] => self.objects(group_version, plural, None, name),
        }
    }

    fn resources(&self, group_version: &str) -> Value {
        let resources: Vec<Value> = self
            .kinds()
            .filter(|(of, ..)| *of == group_version)
            .map(|(_, kind, plural, namespaced)| {
                json!({ "name": plural, "kind": kind, "namespaced": namespaced, "verbs": ["get", "list"] })
            })
            .collect();
        json!({ "kind": "APIResourceList", "groupVersion": group_version, "resources": resources })
    }

    fn objects(
        &self,
        group_version: &str,
        plural: &str,
        namespace: Option<&str>,
        wanted: &[&str],
    ) -> Option<Value> {
        let (_, of_kind, ..) = self
            .kinds()
            .find(|(of, _, named, _)| *of == group_version && *named == plural)?;
        let mut found = self.objects.iter().filter(|object| {
            kind(object) == of_kind
                && namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
        });
        match wanted {
            [] => Some(json!({
                "kind": format!("{of_kind}List"),
                "apiVersion": group_version,
                "metadata": {},
                "items": found.collect::<Vec<_>>()
            })),
            [wanted] => found.find(|object| name(object) == *wanted).cloned(),
            _ => None,
        }
    }
}

fn not_found(path: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound",
        "code": 404, "message": format!("{path} is not here")
    })
}
