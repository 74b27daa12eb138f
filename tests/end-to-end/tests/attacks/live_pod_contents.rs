//! What a live trader's pod runs, and which files it has.

use serde_json::{Value, json};

use crate::{live_pods::Alteration, pods};

/// The container and what it runs.
pub(crate) fn process() -> Vec<Alteration> {
    let second = pods::ordinary("second")["spec"]["containers"][0].clone();
    let variable = |name: &str, value: &str| json!({ "name": name, "value": value });
    let from_secret = json!({ "name": "TRIPTYCH_KEY", "valueFrom": { "secretKeyRef": { "name": "live-gamma", "key": "api-key" } } });
    vec![
        (
            "with a second container",
            vec![("/spec/containers/-", second.clone())],
            "one container",
        ),
        (
            "with an init container",
            vec![("/spec/initContainers", json!([second]))],
            "initContainers",
        ),
        (
            "with an image by tag",
            vec![(
                "/spec/containers/0/image",
                json!("registry.example/trader:latest"),
            )],
            "by its digest",
        ),
        (
            "with another command",
            vec![("/spec/containers/0/command", json!(["/bin/sh"]))],
            "/usr/local/bin/trader run",
        ),
        (
            "with arguments",
            vec![("/spec/containers/0/args", json!(["--help"]))],
            "and nothing else",
        ),
        (
            "with a hook after its start",
            vec![(
                "/spec/containers/0/lifecycle",
                json!({ "postStart": { "exec": { "command": ["/bin/sh"] } } }),
            )],
            "and nothing else",
        ),
        (
            "with a probe that runs a program",
            vec![(
                "/spec/containers/0/livenessProbe",
                json!({ "exec": { "command": ["/bin/sh"] } }),
            )],
            "by httpGet",
        ),
        (
            "with the key in its environment",
            vec![("/spec/containers/0/env/-", from_secret)],
            "never as environment",
        ),
        (
            "with all of the key's Secret in its environment",
            vec![(
                "/spec/containers/0/envFrom",
                json!([{ "secretRef": { "name": "live-gamma" } }]),
            )],
            "and nothing else",
        ),
        (
            "with a variable that is not the operator's",
            vec![(
                "/spec/containers/0/env/-",
                variable("LD_PRELOAD", "/tmp/mine.so"),
            )],
            "TRIPTYCH_*",
        ),
        (
            "that says tier R to its trader",
            vec![("/spec/containers/0/env/TRIPTYCH_TIER/value", json!("R"))],
            "TRIPTYCH_TIER=W",
        ),
        (
            "that says tier W and then R",
            vec![("/spec/containers/0/env/-", variable("TRIPTYCH_TIER", "R"))],
            "each once",
        ),
        (
            "for another account",
            vec![(
                "/spec/containers/0/env/TRIPTYCH_ACCOUNT/value",
                json!("alpha"),
            )],
            "TRIPTYCH_ACCOUNT=gamma",
        ),
        (
            "for another configuration",
            vec![(
                "/spec/containers/0/env/TRIPTYCH_CONFIG_HASH/value",
                json!("b".repeat(64)),
            )],
            "TRIPTYCH_CONFIG_HASH",
        ),
        (
            "with a file system that can be written",
            vec![(
                "/spec/containers/0/securityContext/readOnlyRootFilesystem",
                json!(false),
            )],
            "readOnlyRootFilesystem",
        ),
    ]
}

/// Volumes and where they are mounted.
pub(crate) fn files() -> Vec<Alteration> {
    let keys = "/spec/volumes/keys";
    let further = |source: Value| {
        let mut volume = source;
        volume["name"] = json!("further");
        vec![("/spec/volumes/-", volume)]
    };
    let nothing_else = "and nothing else";
    vec![
        (
            "with the key of another account",
            vec![("/spec/volumes/keys/secret/secretName", json!("live-alpha"))],
            nothing_else,
        ),
        (
            "with an innocent Secret for its key",
            vec![("/spec/volumes/keys/secret/secretName", json!("innocent"))],
            nothing_else,
        ),
        (
            "with a key that may be missing",
            vec![("/spec/volumes/keys/secret/optional", json!(true))],
            "not optional",
        ),
        (
            "with a key that everybody may read",
            vec![("/spec/volumes/keys/secret/defaultMode", json!(0o444))],
            "mode 0440",
        ),
        (
            "with the key in a projected volume",
            vec![(
                keys,
                json!({ "name": "keys", "projected": { "sources": [{ "secret": { "name": "live-gamma" } }] } }),
            )],
            nothing_else,
        ),
        (
            "with a configuration that is not of its hash",
            vec![("/spec/volumes/config/configMap/name", json!("mine"))],
            nothing_else,
        ),
        (
            "without a configuration hash",
            vec![
                ("/metadata/annotations", Value::Null),
                (
                    "/spec/containers/0/env/TRIPTYCH_CONFIG_HASH/value",
                    json!(""),
                ),
            ],
            nothing_else,
        ),
        (
            "with another journal",
            vec![(
                "/spec/volumes/journal/persistentVolumeClaim/claimName",
                json!("journal-alpha"),
            )],
            nothing_else,
        ),
        (
            "with a journal that is forgotten",
            vec![(
                "/spec/volumes/journal",
                json!({ "name": "journal", "emptyDir": {} }),
            )],
            nothing_else,
        ),
        (
            "with a further Secret",
            further(json!({ "secret": { "secretName": "live-gamma" } })),
            nothing_else,
        ),
        (
            "with a further claim",
            further(json!({ "persistentVolumeClaim": { "claimName": "mine" } })),
            nothing_else,
        ),
        (
            "with a further volume of its own",
            further(json!({ "emptyDir": {} })),
            nothing_else,
        ),
        (
            "with a further ephemeral claim",
            further(ephemeral_claim()),
            nothing_else,
        ),
        (
            "with a further volume of a driver",
            further(json!({ "csi": { "driver": "secrets-store.csi.k8s.io" } })),
            nothing_else,
        ),
        (
            "with a further volume from an image",
            further(json!({ "image": { "reference": "registry.example/files" } })),
            nothing_else,
        ),
        (
            "with the key at another path",
            vec![(
                "/spec/containers/0/volumeMounts/keys/mountPath",
                json!("/var/lib/keys"),
            )],
            "keys at /etc/triptych/keys",
        ),
        (
            "with a key that can be written",
            vec![("/spec/containers/0/volumeMounts/keys/readOnly", Value::Null)],
            "both read-only",
        ),
        (
            "with a part of a volume",
            vec![(
                "/spec/containers/0/volumeMounts/journal/subPath",
                json!("part"),
            )],
            "journal at /var/lib/triptych",
        ),
    ]
}

fn ephemeral_claim() -> Value {
    json!({ "ephemeral": { "volumeClaimTemplate": { "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } }
    } } } })
}
