//! S1: how long a halt takes by each path until nothing more reaches the venue, with the operator up and away.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use triptych_crds::TradingInstance;
use triptych_end_to_end::{
    installation::{NAMESPACE, OPERATOR_PODS},
    lab::Lab,
    manifests,
    namespace::is_ready,
    trader_connection::TraderConnection,
    trading_system::{HALT_TOKEN, TradingSystem, WRITER},
    wait,
};

/// Halts by each path, each of them resumed by its id.
const TIMES: usize = 25;
/// What S1 promises.
const PROMISED: Duration = Duration::from_secs(1);

/// How a halt is asked for. A breaker is no request: it halts in the round of the event that broke its limit.
#[derive(Clone, Copy, Debug)]
enum Path {
    Spec,
    Annotation,
    Endpoint,
}

/// A W that runs, and the console of its node.
struct Trader {
    system: TradingSystem,
    /// Looks at the state all the time.
    observer: TraderConnection,
    /// Asks for halts.
    console: TraderConnection,
    /// The longest pause between two looks while a halt was awaited.
    blind: Duration,
}

/// Time from the request to each step of a halt.
struct Took {
    in_force: Duration,
    latched: Duration,
    /// To the last order that reached the venue; nothing where none did after the request.
    last_order: Duration,
}

#[tokio::test]
async fn s1_a_halt_is_in_force_within_a_second_by_each_path_with_the_operator_up_and_away()
-> Result<()> {
    let lab = Lab::get();
    let system = TradingSystem::start_at_venue(lab, "stop").await?;
    let image = &lab.images().trader;
    system.account.team.apply(&busy_revision(image)).await?;
    system.commit("busy").await?;
    system.until_in_sync().await?;
    let pod = system.pod("live").await?;
    let mut trader = Trader {
        observer: TraderConnection::open(&pod)?,
        console: TraderConnection::open(&pod)?,
        system,
        blind: Duration::ZERO,
    };
    let mut lines = Vec::new();
    for (operator, replicas) in [("up", 2), ("away", 0)] {
        scale_operator(lab, replicas).await?;
        for path in [Path::Spec, Path::Annotation, Path::Endpoint] {
            let mut all = Vec::new();
            for number in 0..TIMES {
                trader.until_it_trades().await?;
                let took = trader.halt(path, number).await;
                all.push(took.with_context(|| format!("{path:?}, operator {operator}"))?);
                trader.resume().await?;
            }
            lines.push(line(path, operator, &all)?);
        }
    }
    scale_operator(lab, 2).await?;
    println!(
        "S1 in milliseconds, {TIMES} halts each (median, worst); the state is looked at every {:.1} ms at worst",
        milliseconds(trader.blind)
    );
    println!(
        "{:<12}{:<10}{:>18}{:>18}{:>18}{:>12}",
        "path", "operator", "in force", "latched", "last order", "of halts"
    );
    for line in lines {
        println!("{line}");
    }
    println!(
        "last order: until it reached the venue, of the halts after whose request one did; 0 where none did"
    );
    trader.system.remove().await
}

impl Trader {
    /// Halts, and returns how long it took from before the request was sent.
    async fn halt(&mut self, path: Path, number: usize) -> Result<Took> {
        let reason = format!("halt {number} of a test");
        let (start, started) = (Instant::now(), milliseconds_since_1970()?);
        let instances = self.system.account.team.instances();
        let ask = async {
            match path {
                Path::Spec => {
                    merge(&instances, json!({ "spec": { "tradingState": "Halted" } })).await
                }
                Path::Annotation => {
                    let annotations = json!({ "triptych.trading/halt": reason });
                    merge(
                        &instances,
                        json!({ "metadata": { "annotations": annotations } }),
                    )
                    .await
                }
                Path::Endpoint => self.console.halt(HALT_TOKEN, &reason).await.map(|_| ()),
            }
        };
        let look = async {
            let mut in_force = None;
            let mut last = start;
            while last - start < wait::PATIENCE {
                let status = self.observer.status().await?;
                let now = Instant::now();
                self.blind = self.blind.max(now - last);
                last = now;
                if in_force.is_none() && status["state"] == "Halted" {
                    in_force = Some(now - start);
                }
                if let Some(in_force) = in_force.filter(|_| id(&status).is_some()) {
                    return Ok((in_force, now - start));
                }
            }
            anyhow::bail!("not halted within {:?}", wait::PATIENCE)
        };
        let (asked, took) = tokio::join!(ask, look);
        let (in_force, latched) = asked.and(took)?;
        let last_order = self.last_order_at_the_venue().await? - started;
        Ok(Took {
            in_force,
            latched,
            last_order: Duration::from_millis(u64::try_from(last_order).unwrap_or_default()),
        })
    }

    /// Waits until an order more is on its way than when this was called.
    async fn until_it_trades(&mut self) -> Result<()> {
        let intended = |status: &Value| status["orders"]["intended"].as_u64();
        let before = intended(&self.observer.status().await?);
        wait::until_answer("the trader sends orders", async || {
            let now = intended(&self.observer.status().await?);
            Ok((now > before).then_some(()))
        })
        .await
    }

    /// When the last order of W reached the venue, in milliseconds since 1970; asked once nothing is on its way any more.
    async fn last_order_at_the_venue(&mut self) -> Result<i64> {
        wait::until_answer("every order is settled", async || {
            let status = self.observer.status().await?;
            Ok((status["orders"]["unsettled"] == 0).then_some(()))
        })
        .await?;
        let books = self.system.account.team.venue_books("live")?;
        let last = books["accounts"][0]["lastOrderAt"].as_i64();
        last.with_context(|| format!("no order is at the venue: {books}"))
    }

    /// Clears the halt by its id, and waits until it trades again.
    async fn resume(&mut self) -> Result<()> {
        let status = self.observer.status().await?;
        let id = id(&status).context("no halt is latched")?;
        let instances = self.system.account.team.instances();
        let resume = json!({
            "metadata": { "annotations": { "triptych.trading/halt": null } },
            "spec": { "tradingState": null, "resume": id }
        });
        merge(&instances, resume).await?;
        wait::until_answer("the trader trades again", async || {
            let status = self.observer.status().await?;
            Ok((status["state"] == "Active").then_some(()))
        })
        .await
    }
}

/// A configuration that sends a market order about every tenth of a second, so that some are on their way whenever a
/// halt comes.
fn busy_revision(image: &str) -> Value {
    let mut revision = manifests::revision("busy", image, 0);
    let spec = &mut revision["spec"];
    spec["strategies"] = json!([{
        "name": "busy",
        "instruments": ["BTCUSDT"],
        "orderQuantity": "0.01",
        "orderType": "Market",
        "algorithm": { "orderBookImbalance": {
            "levels": 1, "threshold": "0.01", "cooldownMilliseconds": 100
        } }
    }]);
    spec["riskRules"] = json!([{ "precision": {} }]);
    revision
}

fn milliseconds_since_1970() -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(now.as_millis())?)
}

fn id(status: &Value) -> Option<&str> {
    status["halt"]["id"].as_str().filter(|id| !id.is_empty())
}

async fn merge(instances: &Api<TradingInstance>, patch: Value) -> Result<()> {
    let merged = Patch::Merge(&patch);
    let patched = instances
        .patch(WRITER, &PatchParams::default(), &merged)
        .await;
    patched.map(|_| ()).with_context(|| patch.to_string())
}

/// Scales the operator, and waits until it has exactly so many pods.
async fn scale_operator(lab: &Lab, replicas: usize) -> Result<()> {
    let words = [
        "scale",
        "deployment/triptych-operator",
        "--namespace",
        NAMESPACE,
    ];
    lab.kubectl(&[&words[..], &[&format!("--replicas={replicas}")]].concat())?;
    let pods: Api<Pod> = Api::namespaced(lab.client().await?, NAMESPACE);
    let scaled = |pods: &[Pod]| pods.len() == replicas && pods.iter().all(is_ready);
    wait::until_all(&pods, OPERATOR_PODS, "the operator is scaled", scaled).await?;
    Ok(())
}

/// One line of the table, once the promise is kept.
fn line(path: Path, operator: &str, all: &[Took]) -> Result<String> {
    let mut text = format!("{:<12}{operator:<10}", format!("{path:?}"));
    let in_flight = |took: &&Took| !took.last_order.is_zero();
    let late: Vec<Duration> = all
        .iter()
        .filter(in_flight)
        .map(|took| took.last_order)
        .collect();
    let number = late.len();
    for mut times in [
        all.iter().map(|took| took.in_force).collect(),
        all.iter().map(|took| took.latched).collect(),
        if late.is_empty() {
            vec![Duration::ZERO]
        } else {
            late
        },
    ] {
        times.sort_unstable();
        let worst = *times.last().context("nothing was measured")?;
        ensure!(worst < PROMISED, "{path:?}, operator {operator}: {worst:?}");
        let median = times[times.len() / 2];
        let both = format!("{:.1}  {:.1}", milliseconds(median), milliseconds(worst));
        text.push_str(&format!("{both:>18}"));
    }
    text.push_str(&format!("{number:>12}"));
    Ok(text)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
