//! The rendered objects as a whole.

use k8s_openapi::api::{
    admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
    apps::v1::Deployment,
    core::v1::{Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
    rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
};
use serde_json::Value;
use triptych_chart_tests::{
    Chart, golden,
    helm::NAMESPACE,
    manifests::{as_kubernetes_reads_it, first_difference, kind, name},
};

use crate::{PROFILES, rendered};

const CLUSTER_SCOPED: [&str; 5] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

#[test]
fn lint_passes_in_every_profile() {
    for values in PROFILES {
        let mut all = vec!["image.repository=example/triptych-operator"];
        all.extend_from_slice(values);
        let said = Chart::named("triptych")
            .lint(&all)
            .unwrap_or_else(|refusal| {
                panic!("lint fails with {values:?}: {}", refusal.0);
            });
        assert!(said.contains("0 chart(s) failed"), "{said}");
        assert!(!said.contains("[WARNING]"), "{said}");
    }
}

#[test]
fn kubernetes_knows_every_field_of_every_object() {
    for values in PROFILES {
        for object in rendered(values).all() {
            let read = match kind(object) {
                "ClusterRole" => as_kubernetes_reads_it::<ClusterRole>(object),
                "ClusterRoleBinding" => as_kubernetes_reads_it::<ClusterRoleBinding>(object),
                "Deployment" => as_kubernetes_reads_it::<Deployment>(object),
                "NetworkPolicy" => as_kubernetes_reads_it::<NetworkPolicy>(object),
                "PodDisruptionBudget" => as_kubernetes_reads_it::<PodDisruptionBudget>(object),
                "Role" => as_kubernetes_reads_it::<Role>(object),
                "RoleBinding" => as_kubernetes_reads_it::<RoleBinding>(object),
                "Service" => as_kubernetes_reads_it::<Service>(object),
                "ServiceAccount" => as_kubernetes_reads_it::<ServiceAccount>(object),
                "ValidatingAdmissionPolicy" => {
                    as_kubernetes_reads_it::<ValidatingAdmissionPolicy>(object)
                }
                "ValidatingAdmissionPolicyBinding" => {
                    as_kubernetes_reads_it::<ValidatingAdmissionPolicyBinding>(object)
                }
                // Tests of their own look at the fields of these two.
                "CustomResourceDefinition" | "ServiceMonitor" => continue,
                other => panic!("the chart renders a {other}, which this test does not know"),
            };
            let lost = first_difference(object, &read);
            assert_eq!(lost, None, "{} {}", kind(object), name(object));
        }
    }
}

#[test]
fn every_object_is_labelled_and_stays_in_the_releases_namespace() {
    for values in PROFILES {
        for object in rendered(values).all() {
            let described = format!("{} {}", kind(object), name(object));
            let metadata = &object["metadata"];
            for (label, value) in [
                ("app.kubernetes.io/instance", "triptych"),
                ("app.kubernetes.io/part-of", "triptych"),
                ("app.kubernetes.io/managed-by", "Helm"),
            ] {
                assert_eq!(metadata["labels"][label], value, "{described}");
            }
            let of = metadata["labels"]["app.kubernetes.io/name"].as_str();
            assert!(
                matches!(of, Some("triptych-operator" | "triptych-inspector")),
                "{described}"
            );
            if CLUSTER_SCOPED.contains(&kind(object)) {
                assert_eq!(metadata["namespace"], Value::Null, "{described}");
            } else {
                assert_eq!(metadata["namespace"], NAMESPACE, "{described}");
            }
        }
    }
}

/// The whole of what production installs, reviewed by a person. The definitions have tests of their
/// own.
#[test]
fn production_is_as_it_was_reviewed() {
    golden::hold_against(
        "triptych-production.yaml",
        &rendered(&["crds.install=false"]),
    );
}
