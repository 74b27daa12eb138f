//! The operator's pods: restricted always, two of them in production, one in development.

use std::fs;

use serde_json::{Value, json};
use triptych_chart_tests::{
    Manifests, in_repository,
    manifests::{name, strings},
};

use crate::{DIGEST, PROFILES, rendered};

fn deployment(manifests: &Manifests) -> &Value {
    manifests.get("Deployment", "triptych-operator")
}

fn pod(manifests: &Manifests) -> &Value {
    &deployment(manifests)["spec"]["template"]["spec"]
}

fn container(manifests: &Manifests) -> &Value {
    let containers = pod(manifests)["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    &containers[0]
}

fn environment<'a>(manifests: &'a Manifests, variable: &str) -> &'a Value {
    let variables = container(manifests)["env"].as_array().unwrap();
    variables
        .iter()
        .find(|found| found["name"] == variable)
        .unwrap_or(&Value::Null)
}

/// Every field that Pod Security "restricted" looks at, and what it must be.
#[test]
fn every_pod_satisfies_the_restricted_pod_security_standard() {
    for values in PROFILES {
        let manifests = rendered(values);
        let pod = pod(&manifests);
        for field in ["hostNetwork", "hostPID", "hostIPC", "hostUsers", "volumes"] {
            assert_eq!(pod[field], Value::Null, "{values:?}: {field}");
        }
        for field in ["initContainers", "ephemeralContainers"] {
            assert_eq!(pod[field], Value::Null, "{values:?}: {field}");
        }
        let of_the_pod = json!({
            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
            "seccompProfile": { "type": "RuntimeDefault" }
        });
        assert_eq!(pod["securityContext"], of_the_pod, "{values:?}");
        let of_the_container = json!({
            "allowPrivilegeEscalation": false, "privileged": false,
            "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] }
        });
        assert_eq!(
            container(&manifests)["securityContext"],
            of_the_container,
            "{values:?}"
        );
        let ports = container(&manifests)["ports"].as_array().unwrap();
        assert!(
            ports.iter().all(|port| port["hostPort"].is_null()),
            "{values:?}"
        );
    }
}

#[test]
fn only_the_operator_and_the_inspector_make_pods() {
    let makers = [
        "Pod",
        "Job",
        "CronJob",
        "DaemonSet",
        "StatefulSet",
        "ReplicaSet",
    ];
    for values in PROFILES {
        let manifests = rendered(values);
        for kind in makers {
            assert_eq!(manifests.of_kind(kind).count(), 0, "{values:?}: {kind}");
        }
        let deployments: Vec<&str> = manifests.of_kind("Deployment").map(name).collect();
        assert_eq!(deployments, ["triptych-inspector", "triptych-operator"]);
    }
}

#[test]
fn no_secret_reaches_the_pod() {
    for values in PROFILES {
        let manifests = rendered(values);
        assert_eq!(container(&manifests)["envFrom"], Value::Null);
        for variable in container(&manifests)["env"].as_array().unwrap() {
            let source = &variable["valueFrom"];
            assert!(
                source.is_null() || source["fieldRef"].is_object(),
                "{variable}"
            );
        }
    }
}

#[test]
fn the_token_is_mounted_by_the_pod_alone() {
    let manifests = rendered(&[]);
    let account = manifests.get("ServiceAccount", "triptych-operator");
    assert_eq!(account["automountServiceAccountToken"], false);
    assert_eq!(pod(&manifests)["automountServiceAccountToken"], true);
    assert_eq!(pod(&manifests)["serviceAccountName"], "triptych-operator");
}

#[test]
fn production_runs_two_spread_replicas_behind_a_disruption_budget() {
    let manifests = rendered(&[]);
    let spec = &deployment(&manifests)["spec"];
    assert_eq!(spec["replicas"], 2);
    assert_eq!(
        spec["strategy"]["rollingUpdate"],
        json!({ "maxUnavailable": 0, "maxSurge": 1 })
    );
    let spread = pod(&manifests)["topologySpreadConstraints"]
        .as_array()
        .unwrap();
    let keys: Vec<&str> = spread
        .iter()
        .map(|by| by["topologyKey"].as_str().unwrap())
        .collect();
    assert_eq!(
        keys,
        ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    );
    assert!(
        spread
            .iter()
            .all(|by| by["whenUnsatisfiable"] == "ScheduleAnyway")
    );

    let budget = &manifests.get("PodDisruptionBudget", "triptych-operator")["spec"];
    assert_eq!(budget["maxUnavailable"], 1);
    assert_eq!(budget["selector"], spec["selector"]);
}

#[test]
fn profile_dev_runs_one_replica_without_a_disruption_budget() {
    let manifests = rendered(&["profile=dev"]);
    assert_eq!(deployment(&manifests)["spec"]["replicas"], 1);
    assert_eq!(manifests.of_kind("PodDisruptionBudget").count(), 0);
    assert_eq!(pod(&manifests)["topologySpreadConstraints"], Value::Null);
}

#[test]
fn the_operator_is_told_the_profile() {
    for (values, profile) in [(&[][..], "production"), (&["profile=dev"], "dev")] {
        assert_eq!(
            environment(&rendered(values), "TRIPTYCH_PROFILE")["value"],
            profile
        );
    }
}

#[test]
fn declared_replicas_are_kept_and_one_replica_has_no_disruption_budget() {
    for (replicas, budgets) in [(1, 0), (2, 1), (5, 1)] {
        let manifests = rendered(&[&format!("operator.replicas={replicas}")]);
        assert_eq!(deployment(&manifests)["spec"]["replicas"], replicas);
        assert_eq!(manifests.of_kind("PodDisruptionBudget").count(), budgets);
    }
}

#[test]
fn the_pod_knows_its_name_and_namespace_for_the_lease() {
    let manifests = rendered(&[]);
    for (variable, field) in [
        ("POD_NAME", "metadata.name"),
        ("POD_NAMESPACE", "metadata.namespace"),
    ] {
        let source = &environment(&manifests, variable)["valueFrom"];
        assert_eq!(
            *source,
            json!({ "fieldRef": { "apiVersion": "v1", "fieldPath": field } })
        );
    }
}

/// The operator's command line is the only place that reads the environment.
#[test]
fn the_operator_reads_every_variable_that_the_pod_sets() {
    let command_line = in_repository("operator/src/command.rs");
    let command_line = fs::read_to_string(command_line).unwrap();
    let manifests = rendered(&[]);
    let variables = container(&manifests)["env"].as_array().unwrap();
    assert_eq!(variables.len(), 6);
    for variable in variables {
        let read = format!("env = {}", variable["name"]);
        assert!(
            command_line.contains(&read),
            "no {read} in operator/src/command.rs"
        );
    }
}

#[test]
fn probes_ask_the_http_port_for_health_and_readiness() {
    let manifests = rendered(&[]);
    let container = container(&manifests);
    assert_eq!(
        container["ports"],
        json!([{ "name": "http", "containerPort": 8080, "protocol": "TCP" }])
    );
    assert_eq!(
        environment(&manifests, "TRIPTYCH_LISTEN")["value"],
        "0.0.0.0:8080"
    );
    for (probe, path) in [
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ] {
        assert_eq!(
            container[probe]["httpGet"],
            json!({ "path": path, "port": "http" }),
            "{probe}"
        );
    }
}

#[test]
fn the_container_has_requests_and_a_limit_of_memory() {
    let manifests = rendered(&[]);
    let resources = &container(&manifests)["resources"];
    for pointer in ["/requests/cpu", "/requests/memory", "/limits/memory"] {
        assert!(
            resources.pointer(pointer).is_some_and(Value::is_string),
            "{pointer}"
        );
    }
}

#[test]
fn a_digest_wins_over_a_tag_and_the_tag_defaults_to_the_charts_version() {
    let image = |values: &[&str]| {
        let rendered = rendered(values);
        container(&rendered)["image"].as_str().unwrap().to_owned()
    };
    let repository = "registry.example/triptych-operator";
    assert_eq!(image(&["image.tag=v9"]), format!("{repository}@{DIGEST}"));
    assert_eq!(
        image(&["image.digest=", "image.tag=v9"]),
        format!("{repository}:v9")
    );
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(image(&["image.digest="]), format!("{repository}:{version}"));
}

/// Whoever takes over a node has the tokens of its pods, so neither runs beside a team's pods.
#[test]
fn k1_operator_and_inspector_run_on_w_nodes_unless_the_values_place_them_anywhere() {
    let label = "node-restriction.kubernetes.io/trading-tier";
    let tolerations = json!(["NoSchedule", "NoExecute"].map(|effect| json!({
        "key": "triptych.trading/tier", "operator": "Equal", "value": "W", "effect": effect
    })));
    for (values, placed) in [
        (&[][..], true),
        (&["operator.onWNodes=true", "profile=dev"], true),
        (&["profile=dev"], false),
        (&["operator.onWNodes=false"], false),
    ] {
        let manifests = rendered(values);
        for deployment in ["triptych-operator", "triptych-inspector"] {
            let pod = &manifests.get("Deployment", deployment)["spec"]["template"]["spec"];
            if placed {
                assert_eq!(pod["nodeSelector"], json!({ label: "W" }), "{values:?}");
                assert_eq!(pod["tolerations"], tolerations, "{values:?}");
            } else {
                assert_eq!(pod["nodeSelector"], Value::Null, "{values:?}");
                assert_eq!(pod["tolerations"], Value::Null, "{values:?}");
            }
        }
    }
}

#[test]
fn placement_follows_the_values() {
    let manifests = rendered(&[
        "operator.onWNodes=false",
        "operator.nodeSelector.zone=a",
        "operator.tolerations[0].key=dedicated",
        "operator.tolerations[0].operator=Exists",
        "operator.priorityClassName=system-cluster-critical",
        "image.pullSecrets={registry}",
    ]);
    let pod = pod(&manifests);
    assert_eq!(pod["nodeSelector"], json!({ "zone": "a" }));
    assert_eq!(
        pod["tolerations"],
        json!([{ "key": "dedicated", "operator": "Exists" }])
    );
    assert_eq!(pod["priorityClassName"], "system-cluster-critical");
    assert_eq!(pod["imagePullSecrets"], json!([{ "name": "registry" }]));
}

#[test]
fn the_selector_is_a_part_of_the_pods_labels_that_no_upgrade_changes() {
    let manifests = rendered(&[]);
    let spec = &deployment(&manifests)["spec"];
    let selector = spec["selector"]["matchLabels"].as_object().unwrap();
    let mut keys: Vec<&str> = selector.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["app.kubernetes.io/instance", "app.kubernetes.io/name"]
    );
    for (label, value) in selector {
        assert_eq!(spec["template"]["metadata"]["labels"][label], *value);
    }
    assert_eq!(
        strings(&container(&manifests)["command"]),
        ["/usr/local/bin/triptych-operator"]
    );
}
