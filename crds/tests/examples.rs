//! Every example is accepted, and the examples fit together.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use triptych_crds::{manifest, validate};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    manifest::read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn is_ours(document: &Value) -> bool {
    document["apiVersion"]
        .as_str()
        .is_some_and(|version| version.starts_with(triptych_crds::GROUP))
}

#[test]
fn every_example_is_accepted() {
    let mut checked = 0;
    for path in yaml_files(&examples()) {
        for document in documents(&path).iter().filter(|document| is_ours(document)) {
            assert_eq!(validate::validate(document, None), [], "{}", path.display());
            checked += 1;
        }
    }
    assert!(checked >= 3, "{checked} examples");
}

#[test]
fn the_revisions_of_an_example_have_different_hashes() {
    let revisions = documents(&examples().join("quickstart/revisions.yaml"));
    let hashes: Vec<_> = revisions
        .iter()
        .map(|revision| validate::config_of(revision).unwrap().hash)
        .collect();
    assert_eq!(hashes.len(), 2);
    assert_ne!(hashes[0], hashes[1]);
}

#[test]
fn the_quickstart_kustomization_names_every_file_beside_it() {
    let folder = examples().join("quickstart");
    let kustomization = &documents(&folder.join("kustomization.yaml"))[0];
    let mut named: Vec<_> = kustomization["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    named.push("kustomization.yaml".into());
    named.sort();
    let beside: Vec<_> = yaml_files(&folder)
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(named, beside);
}

#[test]
fn the_quickstart_instance_runs_a_revision_of_its_own_and_follows_its_tape() {
    let folder = examples().join("quickstart");
    let instance = &documents(&folder.join("instance.yaml"))[0];
    let revisions = documents(&folder.join("revisions.yaml"));
    assert!(
        revisions
            .iter()
            .any(|revision| revision["metadata"]["name"] == instance["spec"]["configRevision"])
    );
    let tape = documents(&folder.join("tape.yaml"));
    let service = tape
        .iter()
        .find(|document| document["kind"] == "Service")
        .unwrap();
    let url = format!(
        "ws://{}.{}.svc:{}",
        service["metadata"]["name"].as_str().unwrap(),
        service["metadata"]["namespace"].as_str().unwrap(),
        service["spec"]["ports"][0]["port"]
    );
    assert_eq!(instance["spec"]["marketData"]["url"], url);
}

#[test]
fn the_three_tiers_load_one_revision_and_w_and_its_mirror_share_one_account() {
    let folder = examples().join("three-tiers");
    let read = |file: &str| documents(&folder.join(file)).remove(0);
    let revision = &read("revision.yaml")["metadata"];
    let account = &read("account.yaml")["account"];
    let writer = read("live.yaml");
    let mirror = read("demo.yaml");
    let observer = read("intelligence.yaml");
    for (instance, tier) in [(&writer, "W"), (&mirror, "R"), (&observer, "ABH")] {
        assert_eq!(instance["spec"]["tier"], tier);
        assert_eq!(instance["spec"]["configRevision"], revision["name"]);
        assert_eq!(instance["metadata"]["namespace"], revision["namespace"]);
    }
    assert_eq!(&writer["spec"]["account"], account);
    assert_eq!(&mirror["spec"]["account"], account);
    assert_eq!(mirror["spec"]["mirrorOf"], writer["metadata"]["name"]);
}

#[test]
fn the_keys_of_the_three_tiers_are_those_of_the_account_and_worth_nothing() {
    let folder = examples().join("three-tiers");
    let account = documents(&folder.join("account.yaml")).remove(0);
    let account = account["account"].as_str().unwrap();
    let keys = documents(&folder.join("keys.yaml"));
    assert_eq!(keys.len(), 2);
    for (key, (side, name)) in keys.iter().zip([("live", "Live"), ("demo", "Demo")]) {
        assert_eq!(key["metadata"]["name"], format!("{side}-{account}"));
        let sealed = format!("trading-{side}-{account}");
        assert_eq!(key["metadata"]["namespace"], sealed);
        assert_eq!(key["type"], format!("triptych.trading/{side}-key"));
        // Those that `venue-sim accounts` prints for everybody: one word again and again.
        let values = key["stringData"].as_object().unwrap();
        for (field, word) in [("api-key", "Key"), ("api-secret", "Secret")] {
            let documented = &format!("{name}{word}").repeat(16)[..64];
            assert_eq!(values[field], documented, "{side}: {field}");
        }
        assert_eq!(values.len(), 2);
    }
}
