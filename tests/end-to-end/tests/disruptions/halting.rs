//! S1: how long a halt takes by each path, with the operator up and away.

use std::time::{Duration, Instant};

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
    namespace::is_ready,
    trader_connection::TraderConnection,
    trading_system::{HALT_TOKEN, TradingSystem, WRITER},
    wait,
};

/// Halts by each path, each of them resumed by its id.
const TIMES: usize = 25;
/// What S1 promises.
const PROMISED: Duration = Duration::from_secs(1);

/// How a halt is asked for. There is no breaker as long as there are no orders, so that path is measured nowhere.
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
}

#[tokio::test]
async fn s1_a_halt_is_in_force_within_a_second_by_each_path_with_the_operator_up_and_away()
-> Result<()> {
    let lab = Lab::get();
    let system = TradingSystem::start(lab, "stop").await?;
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
        "{:<12}{:<10}{:>18}{:>18}",
        "path", "operator", "in force", "latched"
    );
    for line in lines {
        println!("{line}");
    }
    println!("Breaker: there is none as long as there are no orders");
    trader.system.remove().await
}

impl Trader {
    /// Halts, and returns how long it took from before the request was sent.
    async fn halt(&mut self, path: Path, number: usize) -> Result<Took> {
        let reason = format!("halt {number} of a test");
        let start = Instant::now();
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
                    return Ok(Took {
                        in_force,
                        latched: now - start,
                    });
                }
            }
            anyhow::bail!("not halted within {:?}", wait::PATIENCE)
        };
        let (asked, took) = tokio::join!(ask, look);
        asked.and(took)
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
    for step in [|took: &Took| took.in_force, |took: &Took| took.latched] {
        let mut times: Vec<Duration> = all.iter().map(step).collect();
        times.sort_unstable();
        let worst = *times.last().context("nothing was measured")?;
        ensure!(worst < PROMISED, "{path:?}, operator {operator}: {worst:?}");
        let median = times[times.len() / 2];
        let both = format!("{:.1}  {:.1}", milliseconds(median), milliseconds(worst));
        text.push_str(&format!("{both:>18}"));
    }
    Ok(text)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
