//! Manifests that the suite and the demonstration apply, as values.

use serde_json::{Value, json};

/// Image references by digest, as the cluster pulls them.
#[derive(Clone, Debug)]
pub struct Images {
    /// The operator.
    pub operator: String,
    /// The trader: `trader` and `trader-observe`.
    pub trader: String,
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
    json!({
        "apiVersion": "triptych.trading/v1alpha1",
        "kind": "TradingInstance",
        "metadata": { "name": name },
        "spec": {
            "tier": "ABH",
            "configRevision": revision,
            "storage": { "size": "128Mi", "whenDeleted": "Delete" },
            "marketData": { "url": "ws://tape:9443" },
            "resources": { "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "memory": "256Mi" } }
        }
    })
}

/// The tape as a pod and a Service: the generator's market as the venue's public endpoints.
pub fn tape(image: &str) -> Vec<Value> {
    let labels = json!({ "app.kubernetes.io/name": "tape" });
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "tape", "labels": labels },
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
                    "containers": [{
                        "name": "tape",
                        "image": image,
                        "command": ["/usr/local/bin/trader"],
                        "args": ["tape", "serve", "--listen", "0.0.0.0:9443", "--generate", "7"],
                        "ports": [{ "name": "stream", "containerPort": 9443 }],
                        "readinessProbe": { "httpGet": { "path": "/readyz", "port": "stream" }, "periodSeconds": 1 },
                        "resources": { "requests": { "cpu": "10m", "memory": "32Mi" }, "limits": { "memory": "256Mi" } },
                        "securityContext": {
                            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                            "capabilities": { "drop": ["ALL"] }
                        }
                    }]
                }
            }
        }
    });
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": "tape" },
        "spec": { "selector": labels, "ports": [{ "name": "stream", "port": 9443, "targetPort": "stream" }] }
    });
    vec![deployment, service]
}
