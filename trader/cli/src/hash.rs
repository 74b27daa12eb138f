//! `trader hash`.

use serde::Serialize;
use serde_json::Value;
use triptych_crds::validate::config_of;

use crate::arguments::HashArguments;
use crate::failure::Failure;
use crate::manifests;
use crate::output;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Hashed {
    name: String,
    namespace: Option<String>,
    hash: String,
    /// Size of the canonical form: what the mounted config.json has.
    bytes: usize,
}

/// Prints the hash of every ConfigRevision in a file.
pub(crate) fn run(arguments: &HashArguments) -> Result<(), Failure> {
    let documents = manifests::read(&arguments.file)?;
    let revisions: Vec<_> = documents
        .iter()
        .filter(|document| manifests::is_config_revision(document))
        .collect();
    if revisions.is_empty() {
        let found: Vec<_> = documents.iter().map(manifests::title).collect();
        return Err(Failure::InvalidConfiguration(format!(
            "{}: expected a ConfigRevision or its spec, found {}",
            arguments.file.display(),
            found.join(", ")
        )));
    }
    let hashed = revisions
        .into_iter()
        .map(hash)
        .collect::<Result<Vec<_>, _>>()?;
    output::print(arguments.output, &hashed, |hashed| {
        hashed
            .iter()
            .map(|one| format!("{}  {}\n", one.hash, one.name))
            .collect()
    })
}

fn hash(document: &Value) -> Result<Hashed, Failure> {
    let config = config_of(document).map_err(|problems| invalid(document, &problems))?;
    Ok(Hashed {
        name: manifests::name(document).to_owned(),
        namespace: document["metadata"]["namespace"]
            .as_str()
            .map(str::to_owned),
        hash: config.hash.to_string(),
        bytes: config.bytes.len(),
    })
}

/// A document with problems as a failure: one line a problem.
pub(crate) fn invalid(document: &Value, problems: &[impl ToString]) -> Failure {
    let lines: Vec<_> = problems
        .iter()
        .map(|problem| format!("\n  {}", problem.to_string()))
        .collect();
    Failure::InvalidConfiguration(format!("{}:{}", manifests::title(document), lines.concat()))
}
