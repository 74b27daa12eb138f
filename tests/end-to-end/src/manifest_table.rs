//! The table of manifests, held against a real API server and a real `kubectl`.

use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use http::{Method, Request};
use kube::Client;
use serde_json::Value;
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
pub fn check_files_against(kubectl: &Path) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for file in cases::files() {
        let Some(expected) = &file.reads_as else {
            continue;
        };
        let found = as_kubectl_reads(kubectl, &file)?;
        if found != *expected {
            wrong.push(format!("{}\n  expected {expected}\n  found {found}", file.name));
        }
    }
    Ok(wrong)
}

async fn found(client: &Client, namespace: &str, case: &Case) -> Result<BTreeSet<Problem>> {
    let collection = collection(case.kind, namespace);
    let answer = match &case.update {
        None => send(client, Method::POST, &collection, DRY_RUN, &case.manifest).await?,
        Some(update) => {
            let created = send(client, Method::POST, &collection, "", &case.manifest).await?;
            let created = created.map_err(|problems| anyhow::anyhow!("not created: {problems:?}"))?;
            let name = created["metadata"]["name"].as_str().context("no name")?;
            let object = format!("{collection}/{name}");
            let mut update = update.clone();
            update["metadata"]["resourceVersion"] = created["metadata"]["resourceVersion"].clone();
            let answer = send(client, Method::PUT, &object, DRY_RUN, &update).await;
            let deleted = send(client, Method::DELETE, &object, "", &Value::Null).await?;
            deleted.map_err(|problems| anyhow::anyhow!("not deleted: {problems:?}"))?;
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
) -> Result<Result<Value, BTreeSet<Problem>>> {
    let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
    let request = Request::builder()
        .method(method)
        .uri(format!("{path}{query}"))
        .header("content-type", "application/json")
        .body(bytes)?;
    match client.request::<Value>(request).await {
        Ok(object) => Ok(Ok(object)),
        Err(kube::Error::Api(status)) => Ok(Err(problems(&status)?)),
        Err(error) => Err(error.into()),
    }
}

/// The problems of an answer: its causes, or the fields that a strict decoder names.
fn problems(status: &kube::core::Status) -> Result<BTreeSet<Problem>> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut problems: BTreeSet<_> =
        causes.map(|cause| Problem::new(cause.field.clone(), cause.message.clone())).collect();
    for part in status.message.split("unknown field \"").skip(1) {
        let path = part.split('"').next().unwrap_or_default();
        problems.insert(Problem::new(path, format!("unknown field \"{path}\"")));
    }
    if problems.is_empty() {
        bail!("{} {}: {}", status.code, status.reason, status.message);
    }
    Ok(problems)
}

/// The hash of what the API server would store is the hash of the file.
fn check_hash(case: &Case, stored: &Value) -> Result<()> {
    if case.kind != "ConfigRevision" || case.update.is_some() || case.hash_refused.is_some() {
        return Ok(());
    }
    let of_file = config_of(&case.manifest).map_err(|problems| anyhow::anyhow!("no hash: {problems:?}"))?;
    let of_stored = canonical_config(&stored["spec"])?;
    anyhow::ensure!(
        of_file == of_stored,
        "the file's hash is {}, the stored object's {}",
        of_file.hash,
        of_stored.hash
    );
    Ok(())
}

fn as_kubectl_reads(kubectl: &Path, file: &FileCase) -> Result<Value> {
    let indented: String = file.text.lines().map(|line| format!("  {line}\n")).collect();
    let manifest = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: case }}\nread:\n{indented}"
    );
    let mut child = Command::new(kubectl)
        .args(["create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| kubectl.display().to_string())?;
    child.stdin.take().context("no standard input")?.write_all(manifest.as_bytes())?;
    let output = child.wait_with_output()?;
    anyhow::ensure!(output.status.success(), "{}: kubectl refused it", file.name);
    Ok(serde_json::from_slice::<Value>(&output.stdout)?["read"].take())
}
