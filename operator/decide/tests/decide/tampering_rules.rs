//! What is done about objects that somebody else changed, deleted, or put in the way.

use k8s_openapi::api::core::v1::{EnvVar, PersistentVolumeClaimStatus};
use triptych_crds::trading_instance::{Phase, WhenDeleted};
use triptych_decide::{
    names::{annotation, label},
    plan::{Action, InstancePlan},
};

use crate::{
    cluster::Cluster,
    examples::{hash, image, in_short, reasons, says},
};

fn reason_of(plan: &InstancePlan, kind: &str) -> String {
    says(plan, kind)
        .split(' ')
        .next_back()
        .unwrap_or_default()
        .to_owned()
}

fn pod_uid(cluster: &Cluster) -> Option<String> {
    cluster
        .pod
        .as_ref()
        .and_then(|pod| pod.object.metadata.uid.clone())
}

#[test]
fn a_tampered_config_map_is_deleted_and_rendered_anew_around_the_running_pod() {
    let mut cluster = Cluster::running();
    let pod = pod_uid(&cluster);
    cluster.tamper_config_map(&hash('a'));
    let plan = cluster.plan();
    assert_eq!(in_short(&plan.actions), ["delete ConfigMap: Tampered"]);
    assert_eq!(reasons(&plan.events), ["ConfigMapTampered"]);
    cluster.settle();
    let map = &cluster.config_maps[&hash('a').config_map_name()];
    let text = map.data.as_ref().expect("it has data")["config.json"].clone();
    assert_eq!(
        triptych_crds::ConfigHash::of_canonical_bytes(text.as_bytes()),
        hash('a')
    );
    assert_eq!(pod_uid(&cluster), pod, "the pod goes on");
}

#[test]
fn a_roll_waits_for_a_config_map_that_is_right() {
    let mut cluster = Cluster::running();
    cluster.tamper_config_map(&hash('B'));
    cluster.edit(|spec| spec.config_revision = "r2".into());
    let plan = cluster.plan();
    assert_eq!(
        in_short(&plan.actions),
        ["delete ConfigMap: Tampered"],
        "nothing rolls yet"
    );
    assert_eq!(
        plan.status.waiting_for.as_deref(),
        Some("its ConfigMap to be rendered anew")
    );
    cluster.settle();
    assert_eq!(
        cluster.plan().status.running.map(|running| running.hash),
        Some(hash('B').to_string())
    );
}

#[test]
fn a_pod_that_refused_a_tampered_file_is_replaced_once_the_file_is_right() {
    let mut cluster = Cluster::running();
    cluster.tamper_config_map(&hash('a'));
    // The pod is lost while the tampered file is there: the new one mounts that and refuses it.
    cluster.pod = None;
    let tampered = cluster.config_maps.clone();
    for _ in 0..3 {
        cluster.config_maps.clone_from(&tampered);
        cluster.let_others_work();
    }
    let refused = pod_uid(&cluster);
    assert!(
        cluster.plan().status.running.is_none(),
        "it refused to start"
    );
    cluster.settle();
    assert_ne!(pod_uid(&cluster), refused);
    assert_eq!(cluster.plan().status.phase, Phase::Running);
}

#[test]
fn m3_a_pod_with_another_image_is_replaced_by_uid() {
    let mut cluster = Cluster::running();
    let uid = pod_uid(&cluster);
    cluster
        .pod
        .as_mut()
        .expect("a pod runs")
        .swap_image(&image('f'));
    let plan = cluster.plan();
    assert_eq!(in_short(&plan.actions), ["delete pod: ImageMismatch"]);
    let Action::DeletePod { target, .. } = &plan.actions[0] else {
        panic!("a pod is deleted");
    };
    assert_eq!(Some(target.uid.clone()), uid);
    assert_eq!(reason_of(&plan, "Degraded"), "ImageMismatch");
    assert!(reasons(&plan.events).contains(&"ImageMismatch"));
    cluster.settle();
    assert_eq!(cluster.plan().status.phase, Phase::Running);
}

#[test]
fn m3_the_same_digest_from_a_mirror_registry_is_the_same_build() {
    let mut cluster = Cluster::running();
    let mirrored = image('a').replace("registry.example", "mirror.example:5000/cache");
    cluster
        .pod
        .as_mut()
        .expect("a pod runs")
        .swap_image(&mirrored);
    cluster.settle();
    assert_eq!(in_short(&cluster.plan().actions), Vec::<String>::new());
    assert_eq!(cluster.plan().status.phase, Phase::Running);
}

#[test]
fn u1_an_edited_stateful_set_is_put_back_and_restarts_nothing() {
    type Edit = fn(&mut k8s_openapi::api::apps::v1::StatefulSet);
    let table: [(&str, Edit); 6] = [
        ("replicas", |set| spec(set).replicas = Some(3)),
        ("image", |set| trader(set).image = Some(image('f'))),
        ("host network", |set| {
            pod_spec(set).host_network = Some(true);
        }),
        ("token", |set| {
            pod_spec(set).automount_service_account_token = Some(true);
        }),
        ("update strategy", |set| {
            spec(set)
                .update_strategy
                .as_mut()
                .expect("it has one")
                .type_ = Some("RollingUpdate".into());
        }),
        ("kept template", |set| {
            set.metadata
                .annotations
                .as_mut()
                .expect("it has some")
                .remove(annotation::RENDERED_TEMPLATE);
        }),
    ];
    for (name, edit) in table {
        let mut cluster = Cluster::running();
        let (pod, settled) = (pod_uid(&cluster), cluster.stateful_set.clone());
        edit(cluster.stateful_set.as_mut().expect("it is there"));
        let plan = cluster.plan();
        assert_eq!(in_short(&plan.actions), ["apply StatefulSet"], "{name}");
        assert_eq!(reasons(&plan.events), ["StatefulSetRestored"], "{name}");
        cluster.settle();
        assert_eq!(cluster.stateful_set, settled, "{name}");
        assert_eq!(pod_uid(&cluster), pod, "{name}");
    }
}

#[test]
fn a1_a_kept_template_that_was_edited_beyond_an_abh_is_not_kept() {
    type Edit = fn(&mut k8s_openapi::api::core::v1::PodTemplateSpec);
    let table: [(&str, Edit); 3] = [
        ("secret", |template| {
            let source = serde_json::json!({ "secretKeyRef": { "name": "live-main", "key": "k" } });
            let trader = &mut template.spec.as_mut().expect("it has a spec").containers[0];
            trader.env.as_mut().expect("it has variables").push(EnvVar {
                name: "KEY".into(),
                value: None,
                value_from: serde_json::from_value(source).expect("a source of the tests is valid"),
            });
        }),
        ("command", |template| {
            let trader = &mut template.spec.as_mut().expect("it has a spec").containers[0];
            trader.command = Some(vec!["/usr/local/bin/trader".into()]);
        }),
        ("image", |template| {
            template.spec.as_mut().expect("it has a spec").containers[0].image = Some(image('f'));
        }),
    ];
    for (name, edit) in table {
        let mut cluster = Cluster::running();
        let settled = cluster.stateful_set.clone();
        let set = cluster.stateful_set.as_mut().expect("it is there");
        let kept = set.metadata.annotations.as_mut().expect("it has some");
        let kept = kept
            .get_mut(annotation::RENDERED_TEMPLATE)
            .expect("it has a template");
        let mut template = serde_json::from_str(kept).expect("the kept template is valid");
        edit(&mut template);
        *kept = serde_json::to_string(&template).expect("a template is plain data");
        spec(set).template = template;
        cluster.settle();
        assert_eq!(cluster.stateful_set, settled, "{name}");
    }
}

#[test]
fn additions_of_others_are_left_alone() {
    let mut cluster = Cluster::running();
    let set = cluster.stateful_set.as_mut().expect("it is there");
    let metadata = spec(set)
        .template
        .metadata
        .as_mut()
        .expect("it has metadata");
    let annotations = metadata.annotations.as_mut().expect("it has some");
    annotations.insert(
        "kubectl.kubernetes.io/restartedAt".into(),
        "2026-01-01".into(),
    );
    assert_eq!(in_short(&cluster.plan().actions), Vec::<String>::new());
}

#[test]
fn objects_of_others_are_not_taken_over() {
    let mut cluster = Cluster::running();
    let foreign_claim = {
        let mut cluster = cluster.clone();
        let claim = cluster.claim.as_mut().expect("it is there");
        claim
            .metadata
            .labels
            .as_mut()
            .expect("it has labels")
            .remove(label::MANAGED_BY);
        cluster
    };
    let set = cluster.stateful_set.as_mut().expect("it is there");
    set.metadata
        .owner_references
        .as_mut()
        .expect("it has an owner")[0]
        .uid = "another".into();
    for cluster in [&cluster, &foreign_claim] {
        let plan = cluster.plan();
        assert_eq!(in_short(&plan.actions), Vec::<String>::new());
        assert_eq!(reason_of(&plan, "Degraded"), "NameTaken");
    }
}

#[test]
fn a_claim_is_grown_and_never_shrunk() {
    let table = [
        ("20Gi", vec!["apply claim"], "20Gi", "NothingWrong"),
        ("10240Mi", vec![], "10Gi", "NothingWrong"),
        ("5Gi", vec![], "10Gi", "StorageCannotShrink"),
    ];
    for (declared, actions, size, reason) in table {
        let mut cluster = Cluster::running();
        cluster.edit(|spec| spec.storage.as_mut().expect("it is there").size = declared.into());
        let plan = cluster.plan();
        assert_eq!(in_short(&plan.actions), actions, "{declared}");
        assert_eq!(reason_of(&plan, "Degraded"), reason, "{declared}");
        cluster.settle();
        let claim = cluster.claim.as_ref().expect("it is there");
        let has = triptych_decide::objects::claim::requested_size(claim);
        assert_eq!(has, Some(size), "{declared}");
    }
}

#[test]
fn a_claim_belongs_to_the_instance_only_where_it_goes_with_it() {
    let owned = |cluster: &Cluster| {
        let claim = cluster.claim.as_ref().expect("it is there");
        claim.metadata.owner_references.is_some()
    };
    let mut cluster = Cluster::running();
    assert!(!owned(&cluster), "Retain is the default");
    for (when_deleted, expected) in [(WhenDeleted::Delete, true), (WhenDeleted::Retain, false)] {
        cluster.edit(|spec| {
            spec.storage.as_mut().expect("it is there").when_deleted = Some(when_deleted);
        });
        assert_eq!(in_short(&cluster.plan().actions), ["apply claim"]);
        cluster.settle();
        assert_eq!(owned(&cluster), expected);
    }
}

#[test]
fn a_claim_that_was_left_behind_is_taken_up_as_it_is() {
    let cluster = Cluster::running();
    let left_behind = cluster.claim.clone();
    let mut cluster = Cluster::new();
    cluster.claim = left_behind;
    cluster.edit(|spec| {
        spec.storage
            .as_mut()
            .expect("it is there")
            .storage_class_name = Some("fast".into());
    });
    cluster.settle();
    let plan = cluster.plan();
    assert_eq!(reason_of(&plan, "Degraded"), "StorageClassDiffers");
    assert!(
        plan.status.running.is_some(),
        "it runs on the claim that is there"
    );
}

#[test]
fn a_claim_that_is_being_deleted_or_lost_is_reported() {
    let mut cluster = Cluster::running();
    let now = cluster.now();
    let mut lost = cluster.clone();
    lost.claim.as_mut().expect("it is there").status = Some(PersistentVolumeClaimStatus {
        phase: Some("Lost".into()),
        ..Default::default()
    });
    cluster
        .claim
        .as_mut()
        .expect("it is there")
        .metadata
        .deletion_timestamp = Some(now);
    for (cluster, reason) in [(&cluster, "ClaimDeleting"), (&lost, "ClaimLost")] {
        let plan = cluster.plan();
        assert_eq!(in_short(&plan.actions), Vec::<String>::new());
        assert_eq!(reason_of(&plan, "Degraded"), reason);
    }
}

#[test]
fn l1_a_deleted_stateful_set_is_made_anew_around_its_pod() {
    for (orphan, same_pod) in [(true, true), (false, false)] {
        let mut cluster = Cluster::running();
        let pod = pod_uid(&cluster);
        cluster.delete_stateful_set(orphan);
        assert_eq!(in_short(&cluster.plan().actions), ["apply StatefulSet"]);
        cluster.settle();
        assert_eq!(pod_uid(&cluster) == pod, same_pod);
        assert_eq!(cluster.plan().status.phase, Phase::Running);
    }
}

fn spec(
    set: &mut k8s_openapi::api::apps::v1::StatefulSet,
) -> &mut k8s_openapi::api::apps::v1::StatefulSetSpec {
    set.spec.as_mut().expect("a StatefulSet has a spec")
}

fn pod_spec(
    set: &mut k8s_openapi::api::apps::v1::StatefulSet,
) -> &mut k8s_openapi::api::core::v1::PodSpec {
    spec(set)
        .template
        .spec
        .as_mut()
        .expect("a template has a spec")
}

fn trader(
    set: &mut k8s_openapi::api::apps::v1::StatefulSet,
) -> &mut k8s_openapi::api::core::v1::Container {
    &mut pod_spec(set).containers[0]
}
