//! Manifests that the suite and the demonstration apply, as values.

use serde_json::{Value, json};

/// Image references by digest, as the cluster pulls them.
#[derive(Clone, Debug)]
pub struct Images {
    /// The operator.
    pub operator: String,
    /// The trader: `trader` and `trader-observe`.
    pub trader: String,
    /// The simulated venue.
    pub venue: String,
}

/// A revision that trades BTCUSDT with both strategies. `variant` makes its hash its own.
pub fn revision(name: &str, image: &str, variant: u32) -> Value {
    json!({
        "apiVersion": "triptych.trading/v1alpha1",
        "kind": "ConfigRevision",
        "metadata": { "name": name },
        "spec": {
            "image": image,
            "venue": "BinanceSpot",
            "instruments": [{ "symbol": "BTCUSDT", "priceIncrement": "0.01", "quantityIncrement": "0.00001" }],
            "strategies": [
                {
                    "name": "ema",
                    "instruments": ["BTCUSDT"],
                    "orderQuantity": "0.01",
                    "orderType": "Limit",
                    "algorithm": { "movingAverageCrossover": {
                        "fastPeriod": 2, "slowPeriod": 5 + variant, "sampleIntervalMilliseconds": 50, "price": "Mid"
                    } }
                },
                {
                    "name": "imbalance",
                    "instruments": ["BTCUSDT"],
                    "orderQuantity": "0.02",
                    "orderType": "Limit",
                    "algorithm": { "orderBookImbalance": {
                        "levels": 5, "threshold": "0.3", "cooldownMilliseconds": 100
                    } }
                }
            ],
            "riskRules": [
                { "precision": {} },
                { "quantityLimits": { "minimum": "0.0001", "maximum": "0.015" } },
                { "notionalLimits": { "minimum": "10", "maximum": "100000" } },
                { "priceCollar": { "basisPoints": "50" } },
                { "maxSpread": { "basisPoints": "5" } },
                { "staleData": { "maxAgeMilliseconds": 2000 } },
                { "duplicateIntent": { "windowMilliseconds": 500 } }
            ]
        }
    })
}

/// An ABH instance that follows the tape of its own namespace.
pub fn observer(name: &str, revision: &str) -> Value {
    observer_of(name, revision, "ws://tape:9443")
}

/// An ABH instance that follows the market at an address.
pub fn observer_of(name: &str, revision: &str, market_data: &str) -> Value {
    json!({
        "apiVersion": "triptych.trading/v1alpha1",
        "kind": "TradingInstance",
        "metadata": { "name": name },
        "spec": {
            "tier": "ABH",
            "configRevision": revision,
            "storage": { "size": "128Mi", "whenDeleted": "Delete" },
            "marketData": { "url": market_data },
            "resources": { "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "memory": "256Mi" } }
        }
    })
}

/// The tape as a pod and a Service: the generator's market as the venue's public endpoints.
pub fn tape(image: &str) -> [Value; 2] {
    let server = Server {
        name: "tape",
        image,
        program: "trader",
        arguments: &[
            "tape",
            "serve",
            "--listen",
            "0.0.0.0:9443",
            "--generate",
            "7",
        ],
        ports: &[("stream", 9443)],
        ready: ("/readyz", "stream"),
    };
    server.manifests()
}

/// The simulated venue as a pod and a Service: the generator's market, and accounts that trade in it.
pub fn venue(image: &str) -> [Value; 2] {
    let server = Server {
        name: "venue",
        image,
        program: "venue-sim",
        arguments: &[
            "serve",
            "--live",
            "0.0.0.0:9001",
            "--demo",
            "0.0.0.0:9002",
            "--admin",
            "0.0.0.0:9003",
            "--generate",
            "7",
        ],
        ports: &[("live", 9001), ("demo", 9002), ("admin", 9003)],
        ready: ("/healthz", "admin"),
    };
    server.manifests()
}

/// A server beside the traders: one pod under the restricted standard, reached by a Service of its name.
struct Server<'a> {
    name: &'a str,
    image: &'a str,
    program: &'a str,
    arguments: &'a [&'a str],
    ports: &'a [(&'a str, u16)],
    ready: (&'a str, &'a str),
}

impl Server<'_> {
    fn manifests(&self) -> [Value; 2] {
        let name = self.name;
        let labels = json!({ "app.kubernetes.io/name": name });
        let deployment = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": name, "labels": labels },
            "spec": {
                "replicas": 1,
                "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": {
                        "automountServiceAccountToken": false,
                        "securityContext": {
                            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                            "seccompProfile": { "type": "RuntimeDefault" }
                        },
                        "containers": [self.container()]
                    }
                }
            }
        });
        let ports = self.ports.iter();
        let ports: Vec<Value> = ports
            .map(|(name, port)| json!({ "name": name, "port": port, "targetPort": name }))
            .collect();
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": name },
            "spec": { "selector": labels, "ports": ports }
        });
        [deployment, service]
    }

    fn container(&self) -> Value {
        let (path, port) = self.ready;
        let ports = self.ports.iter();
        let ports: Vec<Value> = ports
            .map(|(name, port)| json!({ "name": name, "containerPort": port }))
            .collect();
        json!({
            "name": self.name,
            "image": self.image,
            "command": [format!("/usr/local/bin/{}", self.program)],
            "args": self.arguments,
            "ports": ports,
            "readinessProbe": { "httpGet": { "path": path, "port": port }, "periodSeconds": 1 },
            "resources": { "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "memory": "256Mi" } },
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] }
            }
        })
    }
}
