//! What befalls a system of W and R, chapter by chapter.

use anyhow::{Context, Result, ensure};
use kube::{Api, api::DeleteParams};
use serde_json::json;
use triptych_cluster::cluster::NodeFailure;
use triptych_crds::{
    TradingAccount, TradingState,
    trading_instance::{Phase, TradingInstanceStatus},
};
use triptych_end_to_end::{
    trading_system::{MIRROR, WRITER},
    wait,
};

use crate::desk::Desk;

/// The annotation by which a template says its configuration.
const REVISION: &str = "triptych.trading/revision";

/// One thing that befalls a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chapter {
    /// Both instances are declared, and nothing runs yet.
    FirstStart,
    /// One commit names the second revision on both.
    Roll,
    /// One commit names the first again, which W proved.
    Rollback,
    /// W is halted after its mirror took the second revision and before it did.
    HaltInMidRoll,
    /// The mirror is deleted while W runs.
    MirrorPruned,
    /// W is deleted, and its account as soon as that is let through.
    AccountDeleted,
    /// W's node is lost and comes back.
    NodeLost,
}

impl Chapter {
    /// How it begins: nobody operates meanwhile.
    pub(crate) async fn begin(self, desk: &Desk) -> Result<()> {
        let team = &desk.system.account.team;
        match self {
            Self::FirstStart | Self::Rollback => desk.commit("first").await,
            Self::Roll | Self::HaltInMidRoll => desk.commit("second").await,
            Self::MirrorPruned => team.delete(&team.instances(), MIRROR).await,
            Self::AccountDeleted => {
                let refused = delete_account(desk).await;
                ensure!(refused.is_err(), "an account was deleted while W held it");
                team.delete(&team.instances(), WRITER).await
            }
            Self::NodeLost => {
                let (cluster, node) = (desk.lab.lab().cluster(), w_node(desk)?);
                Ok(cluster.fail_node(node, NodeFailure::Agents).await?)
            }
        }
    }

    /// What happens then, to the end: operators come and go meanwhile.
    pub(crate) async fn go_on(self, desk: &Desk) -> Result<()> {
        match self {
            Self::FirstStart | Self::Rollback => desk.until_both_run("first").await?,
            Self::Roll => desk.until_both_run("second").await?,
            Self::HaltInMidRoll => halt_in_mid_roll(desk).await?,
            Self::MirrorPruned => {
                desk.until_gone("demo").await?;
                desk.until(WRITER, "to miss its mirror", |status| {
                    says(status, "MirrorInSync") == "False NoMirror"
                })
                .await?;
            }
            Self::AccountDeleted => {
                wait::until_answer("the account to be let go", async || {
                    delete_account(desk).await.map(Some)
                })
                .await?;
                desk.until_gone("live").await?;
            }
            Self::NodeLost => node_lost(desk).await?,
        }
        desk.until_quiet().await
    }
}

/// The one W node of this cluster.
fn w_node(desk: &Desk) -> Result<&str> {
    let node = desk.lab.lab().w_nodes().first();
    node.map(String::as_str).context("no W node")
}

async fn delete_account(desk: &Desk) -> Result<()> {
    let accounts: Api<TradingAccount> = Api::all(desk.system.account.team.client.clone());
    let name = &desk.system.account.name;
    let deleted = accounts.delete(name, &DeleteParams::default()).await;
    Ok(deleted.map(|_| ())?)
}

async fn halt_in_mid_roll(desk: &Desk) -> Result<()> {
    let second = |set: &k8s_openapi::api::apps::v1::StatefulSet| {
        let annotations = set.metadata.annotations.as_ref();
        let revision = annotations.and_then(|annotations| annotations.get(REVISION));
        revision.is_some_and(|revision| revision == "second")
    };
    let mirror = desk.system.traders("demo");
    wait::until_present(&mirror, "trader", "the mirror to roll", second).await?;
    desk.patch_writer(json!({ "tradingState": "Halted" }))
        .await?;
    desk.until_both_run("second").await?;
    desk.until(WRITER, "to be halted", |status| {
        status.halt.is_some() && status.trading_state == Some(TradingState::Halted)
    })
    .await
}

async fn node_lost(desk: &Desk) -> Result<()> {
    let is_ready = |status: &TradingInstanceStatus| says(status, "Ready").starts_with("True");
    let told = desk
        .system
        .until(WRITER, "to be ready no more", |status| !is_ready(status));
    let told = told.await;
    // The node comes back in any case: others need it.
    let (cluster, node) = (desk.lab.lab().cluster(), w_node(desk)?);
    cluster.heal_node(node).await?;
    told?;
    desk.until(WRITER, "to be ready again", |status| {
        is_ready(status) && status.phase == Some(Phase::Running)
    })
    .await
}

fn says(status: &TradingInstanceStatus, kind: &str) -> String {
    let condition = status.conditions.iter().find(|one| one.type_ == kind);
    condition.map_or_else(String::new, |one| format!("{} {}", one.status, one.reason))
}
