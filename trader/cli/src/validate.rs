//! `trader validate`.

use serde::Serialize;
use serde_json::Value;
use triptych_crds::validate::validate;
use triptych_engine::strategies::custom::Algorithms;

use crate::arguments::ValidateArguments;
use crate::build_check::engine_of;
use crate::failure::Failure;
use crate::manifests;
use crate::output;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// Kind, namespace and name.
    object: String,
    /// Whether it was looked at: kinds of other API groups are passed over.
    checked: bool,
    /// What the API server would refuse.
    refused: Vec<String>,
    /// What this build does not implement.
    not_implemented: Vec<String>,
    /// The hash of a ConfigRevision.
    hash: Option<String>,
}

/// Checks every document of a file.
pub(crate) fn run(arguments: &ValidateArguments, algorithms: &Algorithms) -> Result<(), Failure> {
    let documents = manifests::read(&arguments.file)?;
    let reports: Vec<_> = documents
        .iter()
        .map(|document| check(document, algorithms))
        .collect();
    output::print(arguments.output, &reports, |reports| {
        reports.iter().map(text).collect()
    })?;
    let wrong = reports.iter().filter(|report| !report.is_well()).count();
    if wrong > 0 {
        return Err(Failure::InvalidConfiguration(format!(
            "{}: {wrong} of {} documents cannot be used",
            arguments.file.display(),
            reports.len()
        )));
    }
    if reports.iter().all(|report| !report.checked) {
        return Err(Failure::InvalidConfiguration(format!(
            "{}: nothing of the API group {} in it",
            arguments.file.display(),
            triptych_crds::GROUP
        )));
    }
    Ok(())
}

fn check(document: &Value, algorithms: &Algorithms) -> Report {
    let mut report = Report {
        object: manifests::title(document),
        checked: is_ours(document),
        refused: Vec::new(),
        not_implemented: Vec::new(),
        hash: None,
    };
    if !report.checked {
        return report;
    }
    report.refused = validate(document, None)
        .iter()
        .map(ToString::to_string)
        .collect();
    if report.refused.is_empty() && manifests::is_config_revision(document) {
        match engine_of(document, algorithms) {
            Ok(engine) => report.hash = Some(engine.config_hash().to_string()),
            Err(problems) => report.not_implemented = problems,
        }
    }
    report
}

/// Whether a document is one of ours, or means to be one.
fn is_ours(document: &Value) -> bool {
    let api_version = document["apiVersion"].as_str().unwrap_or_default();
    let (group, _) = api_version.split_once('/').unwrap_or_default();
    group == triptych_crds::GROUP
        || document["kind"].is_null()
        || manifests::is_config_revision(document)
}

impl Report {
    fn is_well(&self) -> bool {
        self.refused.is_empty() && self.not_implemented.is_empty()
    }
}

fn text(report: &Report) -> String {
    let Report { object, hash, .. } = report;
    if !report.checked {
        return format!("{object}: passed over, not of {}\n", triptych_crds::GROUP);
    }
    if report.is_well() {
        return match hash {
            Some(hash) => format!("{object}: valid, hash {hash}\n"),
            None => format!("{object}: valid\n"),
        };
    }
    let refused = report
        .refused
        .iter()
        .map(|problem| format!("  refused: {problem}\n"));
    let missing = report
        .not_implemented
        .iter()
        .map(|problem| format!("  cannot run: {problem}\n"));
    format!(
        "{object}: cannot be used\n{}",
        refused.chain(missing).collect::<String>()
    )
}
