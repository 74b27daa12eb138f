//! The inspector: looks at the seal of each side of each account, and writes what it found into the
//! account's status. It is a process and an identity of its own, because the operator has no verb on
//! namespaces, quotas, network policies and rights, and the inspector none on anything that runs.

mod pieces;
mod watches;

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, bail};
use axum::{Router, http::StatusCode, routing::get};
use kube::{
    Api, Client, Config,
    api::{Patch, PatchParams},
};
use serde_json::{Map, Value, json};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing::{info, warn};
use triptych_crds::{TradingAccount, trading_account::SealStatus};
use triptych_decide::{seal, side::SideName};

use crate::{client, command::InspectArguments, errors::Failure, telemetry};

use watches::Watches;

/// Field manager of what is found.
const MANAGER: &str = "triptych-inspector";
/// How long changes are gathered before everything is looked at.
const GATHER: Duration = Duration::from_millis(200);
/// When a write that failed is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or Ctrl-C.
pub async fn run(arguments: InspectArguments) -> anyhow::Result<()> {
    telemetry::start(&arguments.log)?;
    let config = Config::infer()
        .await
        .context("no cluster: set KUBECONFIG, or run in a pod with a ServiceAccount")?;
    info!(version = env!("CARGO_PKG_VERSION"), server = %config.cluster_url, "inspecting");
    let client = client::for_inspector(config)?;
    let mut watches = Watches::start(&client);
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let looking = look(&client, &watches);
    let serving = serve(arguments.endpoints.listen, &watches);
    tokio::select! {
        _ = terminate.recv() => info!("SIGTERM: stopping"),
        _ = interrupt.recv() => info!("Ctrl-C: stopping"),
        () = looking => bail!("the inspection ended"),
        ended = serving => ended?,
    }
    watches.stop().await;
    Ok(())
}

/// Looks at everything whenever anything changed.
async fn look(client: &Client, watches: &Watches) {
    loop {
        watches.listed().await;
        let mut all_written = true;
        for account in watches.accounts() {
            if let Err(failure) = inspect(client, watches, &account).await {
                warn!(%failure, "what was found is not written; trying again");
                all_written = false;
            }
        }
        let wait = if all_written {
            Duration::MAX
        } else {
            TRY_AGAIN
        };
        tokio::select! {
            () = watches.changed() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Looks at the sides of an account and writes what was found where it is news.
async fn inspect(
    client: &Client,
    watches: &Watches,
    account: &TradingAccount,
) -> Result<(), Failure> {
    let name = account.metadata.name.as_deref().unwrap_or_default();
    let status = account.status.as_ref();
    let mut found = Map::new();
    let mut is_news = false;
    let declared = |side: &SideName| side.declared(&account.spec).is_some();
    for side in SideName::BOTH.into_iter().filter(declared) {
        let pieces = watches.pieces(&side.namespace(name));
        let seal = seal::inspect(name, side, &pieces);
        let known = status.and_then(|status| side.reported(status));
        if known.and_then(|known| known.seal.as_ref()) != Some(&seal) {
            info!(account = name, side = side.as_str(), whole = seal.whole, problems = ?seal.problems, "found");
            is_news = true;
        }
        found.insert(side.as_str().to_owned(), told(name, side, &seal));
    }
    if !is_news {
        return Ok(());
    }
    write(client, name, found).await
}

fn told(account: &str, side: SideName, seal: &SealStatus) -> Value {
    json!({ "namespace": side.namespace(account), "seal": seal })
}

async fn write(client: &Client, account: &str, found: Map<String, Value>) -> Result<(), Failure> {
    let api: Api<TradingAccount> = Api::all(client.clone());
    let patch = Patch::Apply(json!({
        "apiVersion": "triptych.trading/v1alpha1",
        "kind": "TradingAccount",
        "metadata": { "name": account },
        "status": found,
    }));
    let parameters = PatchParams::apply(MANAGER).force();
    let attempt = format!("write what was found into the status of TradingAccount {account}");
    match api.patch_status(account, &parameters, &patch).await {
        Ok(_) => Ok(()),
        Err(error) => match Failure::sort(attempt, &error) {
            Failure::Gone { .. } => Ok(()),
            failure => Err(failure),
        },
    }
}

async fn serve(address: SocketAddr, watches: &Watches) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("--listen {address}: the address cannot be used; choose a free one")
    })?;
    let state = watches.readiness();
    let ready = move || {
        let listed = state.is_listed();
        async move {
            if listed {
                (StatusCode::OK, "ready\n")
            } else {
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "not everything is listed yet\n",
                )
            }
        }
    };
    let routes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready));
    axum::serve(listener, routes)
        .await
        .context("the HTTP endpoints ended")
}
