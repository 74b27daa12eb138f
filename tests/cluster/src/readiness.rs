//! Whether the API server, the nodes and the processes are ready, and waiting until they are.

use std::future::Future;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::GetParams;
use kube::core::Request;

use crate::directory::{ClusterDirectory, log_tail};
use crate::error::{Error, Result};
use crate::processes::ProcessRecord;

/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks the API server; the error says why it is not ready.
pub(crate) async fn api_server(client: &Client) -> std::result::Result<(), String> {
    let request = Request::new("")
        .get("readyz", &GetParams::default())
        .map_err(|error| error.to_string())?;
    match client.request_text(request).await {
        Ok(text) if text == "ok" => Ok(()),
        Ok(text) => Err(text),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether a node says that it is ready.
pub fn node_is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Asks until the answer is good; if one of the processes ends, so does the wait.
pub(crate) async fn until_ready<F, A>(
    directory: &ClusterDirectory,
    what: &str,
    within: Duration,
    processes: &[ProcessRecord],
    ask: F,
) -> Result<()>
where
    F: Fn() -> A,
    A: Future<Output = std::result::Result<(), String>>,
{
    let started = Instant::now();
    loop {
        let Err(reason) = ask().await else {
            return Ok(());
        };
        let ended = processes.iter().find(|process| !process.is_alive());
        if ended.is_some() || started.elapsed() > within {
            let told = ended.or_else(|| most_telling(processes));
            return Err(Error::NotReady {
                what: what.to_owned(),
                waited: started.elapsed(),
                reason: ended.map_or(reason, |ended| format!("{} ended", ended.spec.name)),
                log: told.map_or_else(String::new, |process| {
                    log_tail(&directory.log(&process.spec.name))
                }),
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Where nothing has ended: a kubelet, else the process started last.
fn most_telling(processes: &[ProcessRecord]) -> Option<&ProcessRecord> {
    let is_kubelet = |process: &&ProcessRecord| process.spec.name.ends_with("kubelet");
    processes.iter().find(is_kubelet).or(processes.last())
}
