//! What `make demo` does once a cluster with Triptych is there.

mod follow;
pub mod market;
mod overlay;

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use triptych_cluster::progress::Progress;
use triptych_crds::TradingInstance;

use crate::{
    lab::{self, Tools},
    objects, wait,
};
use market::Market;

/// Namespace of the quickstart example.
pub const NAMESPACE: &str = "trading";
/// Its instance.
pub const INSTANCE: &str = "intelligence";
/// Where the trader's pod has its dataset.
const DATASET: &str = "/var/lib/triptych";
/// Its second revision.
const SECOND_REVISION: &str = "quickstart-2";
/// Rows that are waited for before the dataset is shown.
const ROWS: u64 = 12;

/// Everything that the demonstration needs.
pub struct Demonstration {
    /// Client of an administrator.
    pub client: Client,
    /// Kubeconfig of the administrator.
    pub kubeconfig: PathBuf,
    /// The cluster's command-line programs.
    pub tools: Tools,
    /// The trader's image by digest.
    pub trader: String,
    /// The tape's image by digest.
    pub tape: String,
    /// Where progress is told.
    pub progress: Progress,
}

impl Demonstration {
    /// Applies the quickstart, follows it to its first candidates, rolls it to the second revision, and
    /// says how to go on.
    pub async fn run(&self, market: &Market) -> Result<()> {
        self.progress
            .line("applying examples/quickstart, with the digests of the images just built");
        for manifest in overlay::quickstart(&self.trader, &self.tape, market)? {
            objects::apply(&self.client, NAMESPACE, &manifest).await?;
            let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
            self.progress.line(format!(
                "  {}/{name} applied",
                manifest["kind"].as_str().unwrap_or_default()
            ));
        }

        let first = follow::until_running(self, None).await?;
        self.wait_for_rows(0).await?;
        self.show_candidates()?;

        self.progress.line(format!(
            "rolling to {SECOND_REVISION}: a new hash replaces the pod"
        ));
        let patch = json!({ "spec": { "configRevision": SECOND_REVISION } });
        let instances: Api<TradingInstance> = Api::namespaced(self.client.clone(), NAMESPACE);
        instances
            .patch(INSTANCE, &PatchParams::default(), &Patch::Merge(&patch))
            .await?;
        let second = follow::until_running(self, Some(&first)).await?;
        let before = self.rows()?;
        self.wait_for_rows(before).await?;

        self.progress
            .line("both configurations are in the data, each under its hash:");
        self.show_hashes()?;
        println!("\n{}", self.in_pod(&["dataset", "summary", DATASET])?);
        println!("{}", self.kubectl(&["get", "ti,cr", "-n", NAMESPACE])?);
        self.progress.line(format!(
            "{} ran first, {} runs now",
            short(&first),
            short(&second)
        ));
        self.say_how_to_go_on();
        Ok(())
    }

    async fn wait_for_rows(&self, already: u64) -> Result<()> {
        let mut told = already;
        wait::until_answer("the dataset grows", async || {
            let rows = self.rows()?;
            if rows > told {
                self.progress
                    .line(format!("  {rows} candidate trades in the dataset"));
                told = rows;
            }
            Ok((rows >= already + ROWS).then_some(()))
        })
        .await
    }

    fn rows(&self) -> Result<u64> {
        let printed = self.in_pod(&["dataset", "verify", DATASET, "-o", "json"])?;
        let verified: serde_json::Value = serde_json::from_str(&printed)?;
        verified["rows"]
            .as_u64()
            .with_context(|| format!("no rows in {verified}"))
    }

    fn show_candidates(&self) -> Result<()> {
        self.progress
            .line("the first candidates, each with the verdict of every rule:");
        println!(
            "\n{}",
            self.in_pod(&["dataset", "show", DATASET, "--limit", "8"])?
        );
        Ok(())
    }

    fn show_hashes(&self) -> Result<()> {
        let all = u32::MAX.to_string();
        let printed = self.in_pod(&["dataset", "show", DATASET, "-n", &all, "-o", "json"])?;
        let candidates: Vec<serde_json::Value> = serde_json::from_str(&printed)?;
        let mut by_hash: BTreeMap<&str, usize> = BTreeMap::new();
        for candidate in &candidates {
            let hash = candidate["config_hash"].as_str();
            *by_hash
                .entry(hash.context("a candidate without a hash")?)
                .or_default() += 1;
        }
        println!("\nCONFIGURATION  CANDIDATES");
        for (hash, count) in by_hash {
            println!("{:<13}  {count:>10}", short(hash));
        }
        Ok(())
    }

    /// Runs the trader's command inside the trader's pod.
    fn in_pod(&self, words: &[&str]) -> Result<String> {
        let pod = format!("{INSTANCE}-0");
        let mut all = vec!["exec", "-n", NAMESPACE, &pod, "--", "/usr/local/bin/trader"];
        all.extend(words);
        self.kubectl(&all)
    }

    fn kubectl(&self, words: &[&str]) -> Result<String> {
        lab::kubectl(&self.tools, &self.kubeconfig, words)
    }

    fn say_how_to_go_on(&self) {
        println!(
            "\nIt stays up. Look around:\n\n  \
             export KUBECONFIG={kubeconfig}\n  \
             alias kubectl={kubectl}\n  \
             kubectl get ti,cr,pods,pvc -n {NAMESPACE} -o wide\n  \
             kubectl describe ti {INSTANCE} -n {NAMESPACE}\n  \
             kubectl explain ti.spec\n  \
             kubectl exec -n {NAMESPACE} {INSTANCE}-0 -- /usr/local/bin/trader dataset show /var/lib/triptych\n  \
             kubectl patch ti {INSTANCE} -n {NAMESPACE} --type merge -p '{{\"spec\":{{\"tradingState\":\"Halted\"}}}}'\n\n\
             Take it down with: make demo-down",
            kubeconfig = self.kubeconfig.display(),
            kubectl = self.tools.kubectl.display(),
        );
    }
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
