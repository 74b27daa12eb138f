//! Reads manifests from a file or from standard input.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use serde_json::{Value, json};
use triptych_crds::manifest;

use crate::failure::Failure;

/// The documents of a file. A bare spec becomes a ConfigRevision without a name of its own.
pub(crate) fn read(path: &Path) -> Result<Vec<Value>, Failure> {
    let text = read_text(path).map_err(|source| Failure::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let documents = manifest::read(&text)
        .map_err(|error| Failure::InvalidConfiguration(format!("{}: {error}", path.display())))?;
    if documents.is_empty() {
        let message = format!("{}: no document in it", path.display());
        return Err(Failure::InvalidConfiguration(message));
    }
    Ok(documents.into_iter().flat_map(items).map(whole).collect())
}

fn read_text(path: &Path) -> io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(path)
}

/// `kubectl get -o json` wraps several objects in a `List`.
fn items(mut document: Value) -> Vec<Value> {
    if document["kind"] == "List"
        && let Value::Array(items) = document["items"].take()
    {
        return items;
    }
    vec![document]
}

/// A document with fields of a spec and without a kind is a spec.
fn whole(document: Value) -> Value {
    let has = |field| document.get(field).is_some();
    if has("kind") || has("apiVersion") || !(has("strategies") || has("riskRules")) {
        return document;
    }
    json!({
        "apiVersion": format!("{}/{}", triptych_crds::GROUP, triptych_crds::VERSION),
        "kind": "ConfigRevision",
        "metadata": { "name": "bare-spec" },
        "spec": document,
    })
}

/// Whether a document is a ConfigRevision.
pub(crate) fn is_config_revision(document: &Value) -> bool {
    document["kind"] == "ConfigRevision"
}

/// Kind, namespace and name of a document, for people: `ConfigRevision trading/momentum-7`.
pub(crate) fn title(document: &Value) -> String {
    let kind = document["kind"]
        .as_str()
        .unwrap_or("document without a kind");
    let metadata = &document["metadata"];
    let name = metadata["name"].as_str().unwrap_or("without a name");
    match metadata["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

/// The name of a document.
pub(crate) fn name(document: &Value) -> &str {
    document["metadata"]["name"].as_str().unwrap_or_default()
}
