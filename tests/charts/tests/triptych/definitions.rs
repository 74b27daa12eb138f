//! The CustomResourceDefinitions: one source, upgraded with the release, kept when it goes.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};
use triptych_chart_tests::{
    Chart, in_repository,
    manifests::{first_difference, name},
};

use crate::rendered;

const DEFINITIONS: &str = "CustomResourceDefinition";

fn files_of(folder: &Path) -> BTreeMap<String, String> {
    fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn generated() -> Vec<Value> {
    files_of(&in_repository("crds/yaml"))
        .values()
        .map(|text| serde_yaml_ng::from_str(text).unwrap())
        .collect()
}

#[test]
fn the_charts_copy_of_the_definitions_is_the_generated_one() {
    let copies = files_of(&Chart::named("triptych").folder().join("files/crds"));
    let generated = files_of(&in_repository("crds/yaml"));
    assert_eq!(generated.len(), 3);
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&copies), names(&generated), "run `make generate`");
    for (name, text) in &generated {
        assert!(
            copies[name] == *text,
            "files/crds/{name} differs: run `make generate`"
        );
    }
}

#[test]
fn rendering_adds_labels_and_annotations_and_changes_nothing_else() {
    let manifests = rendered(&["crds.annotations.team=platform"]);
    for definition in generated() {
        let mut found = manifests.get(DEFINITIONS, name(&definition)).clone();
        let metadata = found["metadata"].as_object_mut().unwrap();
        let mut take = |key| metadata.remove(key).unwrap_or_default();
        let (annotations, labels) = (take("annotations"), take("labels"));
        assert_eq!(
            first_difference(&found, &definition),
            None,
            "{}",
            name(&definition)
        );
        assert_eq!(annotations["team"], "platform");
        assert_eq!(labels["app.kubernetes.io/part-of"], "triptych");
    }
    assert_eq!(manifests.of_kind(DEFINITIONS).count(), 3);
}

#[test]
fn definitions_are_kept_on_uninstall_whatever_is_asked_for() {
    let asked = r"crds.annotations.helm\.sh/resource-policy=delete";
    for values in [&[][..], &[asked], &["profile=dev"]] {
        for definition in rendered(values).of_kind(DEFINITIONS) {
            let annotations = &definition["metadata"]["annotations"];
            assert_eq!(annotations["helm.sh/resource-policy"], "keep", "{values:?}");
        }
    }
}

/// Helm installs what lies in `crds/` once and never upgrades it.
#[test]
fn definitions_are_templates_so_that_helm_upgrades_them() {
    assert!(!Chart::named("triptych").folder().join("crds").exists());
}

#[test]
fn definitions_can_be_left_out() {
    assert_eq!(
        rendered(&["crds.install=false"])
            .of_kind(DEFINITIONS)
            .count(),
        0
    );
}

#[test]
fn the_charts_metadata_lists_the_definitions() {
    let text = fs::read_to_string(Chart::named("triptych").folder().join("Chart.yaml")).unwrap();
    let chart: Value = serde_yaml_ng::from_str(&text).unwrap();
    let listed = chart["annotations"]["artifacthub.io/crds"]
        .as_str()
        .unwrap();
    let listed: Vec<Value> = serde_yaml_ng::from_str(listed).unwrap();
    let mut listed: Vec<Value> = listed
        .iter()
        .map(|entry| json!([entry["name"], entry["kind"], entry["version"]]))
        .collect();
    listed.sort_by_key(ToString::to_string);
    let mut expected: Vec<Value> = generated()
        .iter()
        .map(|definition| {
            let (spec, name) = (&definition["spec"], &definition["metadata"]["name"]);
            json!([name, spec["names"]["kind"], spec["versions"][0]["name"]])
        })
        .collect();
    expected.sort_by_key(ToString::to_string);
    assert_eq!(listed, expected);
}
