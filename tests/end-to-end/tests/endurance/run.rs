//! The run: what goes wrong is done, mended, and in the end everything is compared.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use http::Request;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use triptych_cluster::cluster::NodeFailure;
use triptych_end_to_end::conditions::says;
use triptych_end_to_end::installation::NAMESPACE;
use triptych_end_to_end::lab::Lab;
use triptych_end_to_end::namespace::TestNamespace;
use triptych_end_to_end::trader_connection::TraderConnection;
use triptych_end_to_end::trading_system::{MIRROR, TradingSystem, WRITER};
use triptych_end_to_end::{manifests, wait};

use crate::books::{Books, exact, fills_as_in_datasets, fills_of_dataset, of_ledger, of_venue};
use crate::disturbance::{Deck, Disturbance, Post, Side, kinds};

/// Longest time until everything trades again after a disturbance.
const LINE: Duration = Duration::from_mins(1);

pub(crate) async fn run(length: Duration, seed: u64) -> Result<()> {
    let lab = Lab::get();
    let long_run = LongRun::start(lab).await?;
    let end = Instant::now() + length;
    let mut told = Instant::now();
    let mut deck = Deck::new(seed);
    let mut happened = 0;
    while Instant::now() < end {
        let (pause, disturbance) = deck.draw();
        sleep(pause.min(end.saturating_duration_since(Instant::now()))).await;
        let done = long_run.disturb(&disturbance).await;
        done.with_context(|| format!("disturbance {happened}: {disturbance:?}"))?;
        happened += 1;
        if told.elapsed() > LINE {
            told = Instant::now();
            println!("{happened} disturbances; {}", long_run.tell()?);
        }
    }
    println!(
        "{happened} disturbances, of {} kinds and sides; {}",
        kinds(),
        long_run.tell()?
    );
    long_run.mend().await?;
    for side in Side::BOTH {
        let compared = long_run.compare(side).await;
        println!(
            "{}",
            compared.with_context(|| format!("the books of {}", side.name()))?
        );
    }
    long_run.system.remove().await
}

struct LongRun {
    lab: &'static Lab,
    system: TradingSystem,
    client: Client,
}

impl LongRun {
    /// W and R trade. The venue's node is theirs alone: what the venue remembers is the measure of everything.
    async fn start(lab: &'static Lab) -> Result<Self> {
        let system = TradingSystem::prepare_at_venue(lab, "endurance").await?;
        let team = &system.account.team;
        let venue = node_of_venue(team).await?;
        lab.kubectl(&["cordon", &venue])?;
        team.apply(&trading_revision(&lab.images().trader)).await?;
        system.declare("steady").await?;
        let in_sync = system.until_in_sync().await;
        lab.kubectl(&["uncordon", &venue])?;
        in_sync?;
        let client = lab.client().await?;
        let long_run = Self {
            lab,
            system,
            client,
        };
        long_run.until_all_trade().await?;
        Ok(long_run)
    }

    async fn disturb(&self, disturbance: &Disturbance) -> Result<()> {
        match disturbance {
            Disturbance::Venue { side, post, mended } => {
                self.post(*side, post).await?;
                if let Some((after, mending)) = mended {
                    sleep(*after).await;
                    self.post(*side, mending).await?;
                }
                return Ok(());
            }
            Disturbance::TraderKilled(side) => {
                let pods = self.system.pods(side.name());
                pods.delete("trader-0", &DeleteParams::default().grace_period(0))
                    .await?;
            }
            Disturbance::OperatorKilled => {
                let leader = self.lab.leader().await?;
                let pods: Api<Pod> = Api::namespaced(self.client.clone(), NAMESPACE);
                pods.delete(&leader, &DeleteParams::default().grace_period(0))
                    .await?;
            }
            Disturbance::NodeLost(side, how, back) => {
                self.lose_node(*side, *how, *back).await?;
            }
        }
        self.until_all_trade().await
    }

    async fn lose_node(&self, side: Side, how: NodeFailure, back: Duration) -> Result<()> {
        let pod = self.system.pod(side.name()).await?;
        let node = pod.spec.and_then(|spec| spec.node_name);
        let node = node.context("a trader without a node")?;
        self.lab.cluster().fail_node(&node, how).await?;
        sleep(back).await;
        self.lab.cluster().heal_node(&node).await?;
        Ok(())
    }

    /// Waits until W and R are in sync and connected. A halt would be a finding: nothing here is a reason for one.
    async fn until_all_trade(&self) -> Result<()> {
        for name in [MIRROR, WRITER] {
            let connected = self
                .system
                .until(name, "connected, or halted", |status| {
                    status.halt.is_some() || says(status, "Execution") == "True Connected"
                })
                .await?;
            if let Some(halt) = connected.status.and_then(|status| status.halt) {
                bail!("{name} was halted: {halt:?}");
            }
        }
        Ok(())
    }

    /// Ends every disturbance.
    async fn mend(&self) -> Result<()> {
        for side in Side::BOTH {
            for (path, body) in [
                ("/clock", json!({ "skewMilliseconds": 0 })),
                ("/maintenance", json!({ "on": false })),
                ("/symbols/BTCUSDT", json!({ "halted": false })),
            ] {
                self.post(side, &Post { path, body }).await?;
            }
            let faults = format!("{}/faults", self.persona(side));
            self.client
                .request_text(Request::delete(faults).body(Vec::new())?)
                .await?;
        }
        self.until_all_trade().await
    }

    /// Halts a side, waits until nothing is on its way, and compares all books of it.
    async fn compare(&self, side: Side) -> Result<String> {
        let instance = match side {
            Side::Live => WRITER,
            Side::Demo => MIRROR,
        };
        let team = &self.system.account.team;
        let halted = json!({ "tradingState": "Halted" });
        team.patch_spec(instance, halted).await?;
        self.system.shown_halt(instance).await?;
        let settled = wait::until_answer("all is settled and in the ledger", async || {
            let pod = self.system.pod(side.name()).await?;
            let status = TraderConnection::open(&pod)?.status().await?;
            let is_settled = status["orders"]["unsettled"] == 0 && status["ledgerLag"] == 0;
            ensure!(is_settled, "{status}");
            Ok(Some(status))
        });
        let status = settled.await?;

        let there = self.books_of_venue(side)?;
        let data = self.data_directory(side).await?;
        let ledger = of_ledger(&data.join("ledger.sqlite"))?;
        same("orders", &there.orders, &ledger.orders)?;
        same("fills", &there.fills, &ledger.fills)?;
        let positions = positions_of(&status)?;
        ensure!(
            there.positions == ledger.positions && ledger.positions == positions,
            "positions: the venue's fills make {:?}, the ledger has {:?}, the trader says {positions:?}",
            there.positions,
            ledger.positions
        );
        let wanted = fills_as_in_datasets(&ledger);
        let missing = wait::until_answer("the dataset has the last fills", async || {
            let published = fills_of_dataset(&data)?;
            for (line, times) in &published {
                let known = wanted.get(line).copied().unwrap_or_default();
                if *times > known {
                    bail!("the dataset has {times} of {line}, the ledger {known}");
                }
            }
            let missing: Vec<&String> = wanted
                .iter()
                .filter(|(line, times)| published.get(*line) != Some(times))
                .map(|(line, _)| line)
                .collect();
            ensure!(
                missing.is_empty(),
                "{} of {} fills are missing, such as {}",
                missing.len(),
                wanted.len(),
                missing[0]
            );
            Ok(Some(()))
        });
        missing.await?;
        Ok(format!(
            "{}: {} orders and {} fills are the same at the venue, in the ledger and in the dataset; positions {}",
            side.name(),
            there.orders.len(),
            there.fills.len(),
            status["positions"]
        ))
    }

    fn books_of_venue(&self, side: Side) -> Result<Books> {
        let team = &self.system.account.team;
        let account = team.venue_books(side.name())?["accounts"][0].clone();
        ensure!(account["openOrders"] == 0, "{account}");
        let path = format!("{}/records", self.persona(side));
        let records = self.lab.kubectl(&["get", "--raw", &path])?;
        of_venue(&serde_json::from_str(&records)?, &account["balances"])
    }

    /// The trader's volume, as its node has it on the disk.
    async fn data_directory(&self, side: Side) -> Result<PathBuf> {
        let namespace = self.system.account.sealed(side.name());
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), &namespace);
        let claim = claims
            .get(&format!("journal-{}", self.system.account.name))
            .await?;
        let volume = claim.spec.and_then(|spec| spec.volume_name);
        let volume = volume.context("a claim without a volume")?;
        let volumes = self.lab.local_cluster()?.directory().root().join("volumes");
        let found = Command::new("find")
            .arg(&volumes)
            .args(["-path", &format!("*{volume}*"), "-name", "ledger.sqlite"])
            .output()?;
        let found = String::from_utf8(found.stdout)?;
        let ledger = found.lines().next().map(PathBuf::from);
        let directory = ledger.as_ref().and_then(|file| file.parent());
        let directory = directory.with_context(|| format!("no ledger in {volume}"))?;
        Ok(directory.to_owned())
    }

    fn persona(&self, side: Side) -> String {
        let namespace = self.system.account.team.name();
        let side = side.name();
        format!("/api/v1/namespaces/{namespace}/services/venue:admin/proxy/personas/{side}")
    }

    async fn post(&self, side: Side, post: &Post) -> Result<()> {
        let request = Request::post(format!("{}{}", self.persona(side), post.path))
            .header("Content-Type", "application/json")
            .body(serde_json::to_vec(&post.body)?)?;
        self.client.request_text(request).await?;
        Ok(())
    }

    /// How far both are, in a line.
    fn tell(&self) -> Result<String> {
        let mut parts = Vec::new();
        for side in Side::BOTH {
            let books = self.system.account.team.venue_books(side.name())?;
            let account = &books["accounts"][0];
            parts.push(format!(
                "{}: {} orders, {} fills",
                side.name(),
                account["orders"],
                account["fills"]
            ));
        }
        Ok(parts.join("; "))
    }
}

async fn node_of_venue(team: &TestNamespace) -> Result<String> {
    let selector = ListParams::default().labels("app.kubernetes.io/name=venue");
    let pods = team.pods().list(&selector).await?;
    let mut nodes = pods.into_iter().filter_map(|pod| pod.spec?.node_name);
    nodes.next().context("the venue runs on no node")
}

/// Market orders and limit orders that wait, a few in a second.
fn trading_revision(image: &str) -> Value {
    let mut revision = manifests::revision("steady", image, 0);
    let spec = &mut revision["spec"];
    let strategy = |name: &str, order_type: &str, cooldown: u32| {
        json!({
            "name": name,
            "instruments": ["BTCUSDT"],
            "orderQuantity": "0.01",
            "orderType": order_type,
            "algorithm": { "orderBookImbalance": {
                "levels": 5, "threshold": "0.1", "cooldownMilliseconds": cooldown
            } }
        })
    };
    spec["strategies"] = json!([
        strategy("takes", "Market", 1_500),
        strategy("waits", "Limit", 1_000)
    ]);
    spec["riskRules"] = json!([{ "precision": {} }]);
    revision
}

fn positions_of(status: &Value) -> Result<BTreeMap<String, i128>> {
    let positions = status["positions"].as_array().context("positions")?;
    let position = |one: &Value| -> Result<(String, i128)> {
        let symbol = one["symbol"].as_str().context("symbol")?;
        let quantity = one["quantity"].as_str().context("quantity")?;
        Ok((symbol.to_owned(), exact(quantity)?))
    };
    positions.iter().map(position).collect()
}

/// Names what only one of the two has.
fn same(
    what: &str,
    venue: &std::collections::BTreeSet<String>,
    ledger: &std::collections::BTreeSet<String>,
) -> Result<()> {
    let only_venue: Vec<_> = venue.difference(ledger).take(5).collect();
    let only_ledger: Vec<_> = ledger.difference(venue).take(5).collect();
    ensure!(
        only_venue.is_empty() && only_ledger.is_empty(),
        "{what} that only the venue has: {only_venue:#?}; that only the ledger has: {only_ledger:#?}"
    );
    Ok(())
}
