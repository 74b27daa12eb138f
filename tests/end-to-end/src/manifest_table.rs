//! The table of manifests, held against a real API server and a real `kubectl`.

use std::{collections::BTreeSet, io::Write};

use anyhow::{Context, Result, anyhow, bail};
use http::{Method, Request};
use k8s_openapi::jiff::{SignedDuration, Timestamp, Unit};
use kube::Client;
use serde_json::Value;
use tempfile::NamedTempFile;
use triptych_crds::{
    GROUP, VERSION,
    cases::{self, Case, FileCase},
    hash::canonical_config,
    problem::Problem,
    validate::config_of,
};

/// Holds every case of the table against the API server; answers with those that came out otherwise.
/// Nothing stays behind.
pub async fn check_against(client: &Client, namespace: &str) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for case in cases::all() {
        let found = found(client, namespace, &case)
            .await
            .with_context(|| format!("{} / {}", case.kind, case.name))?;
        let expected: BTreeSet<_> = case.refused.iter().cloned().collect();
        if found != expected {
            wrong.push(format!(
                "{} / {}\n  expected {expected:#?}\n  found {found:#?}",
                case.kind, case.name
            ));
        }
    }
    Ok(wrong)
}

/// Holds every file of the table that is read against what `kubectl` makes of it.
/// `kubectl` runs the program with some arguments and answers with what it prints.
pub fn check_files_against(kubectl: impl Fn(&[&str]) -> Result<String>) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for file in cases::files() {
        let Some(expected) = &file.reads_as else {
            continue;
        };
        let found = as_kubectl_reads(&kubectl, &file)?;
        if found != *expected {
            wrong.push(format!(
                "{}\n  expected {expected}\n  found {found}",
                file.name
            ));
        }
    }
    Ok(wrong)
}

async fn found(client: &Client, namespace: &str, case: &Case) -> Result<BTreeSet<Problem>> {
    let collection = collection(case.kind, namespace);
    let answer = match &case.update {
        None => {
            let manifest = in_time(case)?;
            send(client, Method::POST, &collection, DRY_RUN, &manifest).await?
        }
        Some(update) => {
            let created = send(client, Method::POST, &collection, "", &case.manifest).await?;
            let created = created.map_err(|problems| anyhow!("not created: {problems:?}"))?;
            let name = created["metadata"]["name"].as_str().context("no name")?;
            let object = format!("{collection}/{name}");
            let answer = update_in_place(client, &object, update).await;
            let deleted = send(client, Method::DELETE, &object, "", &Value::Null).await?;
            deleted.map_err(|problems| anyhow!("not deleted: {problems:?}"))?;
            answer?
        }
    };
    match answer {
        Ok(stored) => {
            check_hash(case, &stored)?;
            Ok(BTreeSet::new())
        }
        Err(problems) => Ok(problems),
    }
}

/// The manifest of a case. A policy lets glass be broken for a day at most, which no table can name: where
/// the schema accepts the manifest, it ends in an hour.
fn in_time(case: &Case) -> Result<Value> {
    let mut manifest = case.manifest.clone();
    let ends = manifest.pointer_mut("/spec/promotion/breakGlass/expiresAt");
    if let Some(ends) = ends.filter(|_| case.refused.is_empty()) {
        let in_an_hour = Timestamp::now().checked_add(SignedDuration::from_hours(1))?;
        *ends = in_an_hour.round(Unit::Second)?.to_string().into();
    }
    Ok(manifest)
}

/// Updates an object whose status the operator may be writing at the same time.
async fn update_in_place(client: &Client, object: &str, update: &Value) -> Result<Answer> {
    let mut update = update.clone();
    for _ in 0..ATTEMPTS {
        let current = send(client, Method::GET, object, "", &Value::Null).await?;
        let current = current.map_err(|problems| anyhow!("not read: {problems:?}"))?;
        update["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"].clone();
        match send(client, Method::PUT, object, DRY_RUN, &update).await {
            Err(error) if is_conflict(&error) => {}
            answer => return answer,
        }
    }
    bail!("{object}: changed {ATTEMPTS} times between reading and writing")
}

fn is_conflict(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(kube::Error::Api(status)) if status.code == 409)
}

/// What the API server stored, or what it found wrong.
type Answer = Result<Value, BTreeSet<Problem>>;

const ATTEMPTS: usize = 20;
const DRY_RUN: &str = "?dryRun=All&fieldValidation=Strict";

fn collection(kind: &str, namespace: &str) -> String {
    let plural = format!("{}s", kind.to_lowercase());
    match kind {
        "TradingAccount" => format!("/apis/{GROUP}/{VERSION}/{plural}"),
        _ => format!("/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{plural}"),
    }
}

async fn send(
    client: &Client,
    method: Method,
    path: &str,
    query: &str,
    body: &Value,
) -> Result<Answer> {
    let bytes = if body.is_null() {
        Vec::new()
    } else {
        serde_json::to_vec(body)?
    };
    let request = Request::builder()
        .method(method)
        .uri(format!("{path}{query}"))
        .header("content-type", "application/json")
        .body(bytes)?;
    match client.request::<Value>(request).await {
        Ok(object) => Ok(Ok(object)),
        Err(kube::Error::Api(status)) => match problems(&status) {
            problems if problems.is_empty() => Err(kube::Error::Api(status).into()),
            problems => Ok(Err(problems)),
        },
        Err(error) => Err(error.into()),
    }
}

/// The problems of an answer: its causes, or the fields that a strict decoder names.
fn problems(status: &kube::core::Status) -> BTreeSet<Problem> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut problems: BTreeSet<_> = causes
        .map(|cause| Problem::new(cause.field.clone(), cause.message.clone()))
        .collect();
    for part in status.message.split("unknown field \"").skip(1) {
        let path = part.split('"').next().unwrap_or_default();
        problems.insert(Problem::new(path, format!("unknown field \"{path}\"")));
    }
    problems
}

/// The hash of what the API server would store is the hash of the file.
fn check_hash(case: &Case, stored: &Value) -> Result<()> {
    if case.kind != "ConfigRevision" || case.update.is_some() || case.hash_refused.is_some() {
        return Ok(());
    }
    let of_file = config_of(&case.manifest).map_err(|problems| anyhow!("no hash: {problems:?}"))?;
    let of_stored = canonical_config(&stored["spec"])?;
    anyhow::ensure!(
        of_file == of_stored,
        "the file's hash is {}, the stored object's {}",
        of_file.hash,
        of_stored.hash
    );
    Ok(())
}

fn as_kubectl_reads(
    kubectl: &impl Fn(&[&str]) -> Result<String>,
    file: &FileCase,
) -> Result<Value> {
    let mut manifest = NamedTempFile::with_suffix(".yaml")?;
    write!(
        manifest,
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: case }}\nread:\n"
    )?;
    for line in file.text.lines() {
        writeln!(manifest, "  {line}")?;
    }
    let path = manifest.path().to_str().context("a path that is no text")?;
    let words = [
        "create",
        "--dry-run=client",
        "--validate=false",
        "-o",
        "json",
        "-f",
        path,
    ];
    let printed = kubectl(&words).with_context(|| file.name.clone())?;
    Ok(serde_json::from_str::<Value>(&printed)?["read"].take())
}
