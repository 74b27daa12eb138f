//! What a ConfigRevision needs next, and what is collected.

use triptych_decide::{
    revision,
    world::{Revision, RevisionWorld},
};

use crate::{
    cluster::Cluster,
    examples::{hash, in_short, reasons},
};

fn decide(world: &RevisionWorld) -> Vec<String> {
    in_short(&revision::decide(world).actions)
}

#[test]
fn a_revision_is_rendered_once_as_its_canonical_bytes() {
    let mut cluster = Cluster::new();
    assert_eq!(decide(&cluster.revision_world("r1")), ["apply ConfigMap"]);
    cluster.settle();
    let world = cluster.revision_world("r1");
    assert_eq!(decide(&world), Vec::<String>::new());
    let status = cluster.revisions["r1"]
        .status
        .clone()
        .expect("it was reported");
    assert_eq!(status.hash.as_deref(), Some(hash('a').as_str()));
    assert_eq!(status.short_hash.as_deref(), Some(hash('a').short()));
    assert_eq!(status.config_map, Some(hash('a').config_map_name()));
    assert_eq!(status.used_by, Some(1));
    let map = &cluster.config_maps[&hash('a').config_map_name()];
    let data = map.data.as_ref().expect("it has data");
    assert_eq!(data.len(), 1);
    let bytes = data["config.json"].as_bytes();
    assert_eq!(
        triptych_crds::ConfigHash::of_canonical_bytes(bytes),
        hash('a')
    );
}

#[test]
fn two_revisions_of_one_hash_share_a_config_map_and_do_not_fight_over_it() {
    let mut cluster = Cluster::running();
    cluster.create_revision("same", 'a');
    assert_eq!(
        decide(&cluster.revision_world("same")),
        Vec::<String>::new()
    );
    cluster.settle();
    assert_eq!(cluster.config_maps.len(), 2, "a and B");
}

#[test]
fn an_invalid_revision_names_the_field() {
    let cluster = Cluster::running();
    let mut world = cluster.revision_world("r1");
    let subject = world.revision.as_mut().expect("it is there");
    subject.content = Revision::Invalid {
        error: "spec.strategies[0].stopBasisPoints: null".into(),
    };
    let plan = revision::decide(&world);
    let report = plan.status.expect("it is reported");
    assert_eq!(report.conditions[0].reason, "Invalid");
    assert!(
        report.conditions[0]
            .message
            .starts_with("spec.strategies[0].stopBasisPoints")
    );
    assert_eq!((report.hash, report.config_map), (None, None));
    assert_eq!(reasons(&plan.events), ["Invalid"]);
}

#[test]
fn a_tampered_config_map_is_deleted_by_uid_and_a_mutable_one_is_sealed() {
    let mut cluster = Cluster::running();
    cluster
        .config_maps
        .get_mut(&hash('a').config_map_name())
        .expect("it is there")
        .immutable = None;
    assert_eq!(decide(&cluster.revision_world("r1")), ["apply ConfigMap"]);
    cluster.tamper_config_map(&hash('a'));
    let plan = revision::decide(&cluster.revision_world("r1"));
    assert_eq!(in_short(&plan.actions), ["delete ConfigMap: Tampered"]);
    assert_eq!(reasons(&plan.events), ["ConfigMapTampered"]);
}

/// A way in which something may still need the configuration of a revision that is gone.
type Need = fn(&mut RevisionWorld);

#[test]
fn a_config_map_is_collected_only_when_nothing_needs_it() {
    let table: [(&str, Need, bool); 6] = [
        ("nothing", |_| {}, true),
        (
            "a revision of the same hash",
            |world| {
                world.revision_hashes.insert(hash('B'));
            },
            false,
        ),
        (
            "a pod or a template mounts it",
            |world| {
                world.mounted.insert(hash('B').config_map_name());
            },
            false,
        ),
        (
            "an instance runs it",
            |world| {
                world.instances[0].running = Some(hash('B').to_string());
            },
            false,
        ),
        (
            "an instance may be on the way to it",
            |world| {
                world.instances[0].declares = "r2".into();
            },
            false,
        ),
        (
            "somebody else made it",
            |world| {
                world
                    .config_maps
                    .iter_mut()
                    .for_each(|map| map.managed = false);
            },
            false,
        ),
    ];
    for (name, need, collected) in table {
        let mut cluster = Cluster::running();
        cluster.revisions.remove("r2");
        let mut world = cluster.revision_world("r2");
        need(&mut world);
        let expected: &[&str] = if collected {
            &["delete ConfigMap: Unused"]
        } else {
            &[]
        };
        assert_eq!(decide(&world), expected, "{name}");
    }
}

#[test]
fn a_config_map_outlives_its_revision_while_a_halted_instance_would_come_back_with_it() {
    let mut cluster = Cluster::running();
    cluster.edit(|spec| spec.trading_state = Some(triptych_crds::TradingState::Halted));
    cluster.settle();
    cluster.revisions.remove("r1");
    cluster.settle();
    cluster.edit(|spec| spec.trading_state = None);
    cluster.settle();
    assert!(
        cluster.plan().status.running.is_some(),
        "what ran comes back"
    );
}
