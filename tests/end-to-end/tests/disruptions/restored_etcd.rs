//! etcd goes back to an older backup, and the revision numbers with it, under a running operator.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use kube::{ResourceExt, api::ListParams};
use triptych_crds::trading_instance::TradingInstanceStatus;
use triptych_end_to_end::{
    lab::Lab,
    trader_connection::TraderConnection,
    trading_system::{TradingSystem, WRITER},
    wait,
};

#[tokio::test]
async fn s1_m2_after_a_restore_of_etcd_a_halt_holds_and_nobody_rolls_but_through_the_gates()
-> Result<()> {
    let lab = Lab::get();
    let (halted, rolled) = tokio::try_join!(
        TradingSystem::start(lab, "halted-after-backup"),
        TradingSystem::start(lab, "rolled-after-backup"),
    )?;
    let first = running_hash(&rolled.status(WRITER).await?)?;
    let cluster = lab.local_cluster()?;
    let folder = tempfile::tempdir()?;
    let backup = folder.path().join("etcd");
    cluster.back_up_etcd(&backup).await?;
    until_api_answers(&halted).await?;

    let halt = halted.halt().await?;
    rolled.commit("second").await?;
    rolled.until_in_sync().await?;

    let before = halted.pod("live").await?;
    let watch = HaltWatch::start(TraderConnection::open(&before)?, halt.id.to_string());
    let writes = lab.operator_writes()?.len();
    let start = Instant::now();
    cluster.restore_etcd(&backup).await?;
    until_api_answers(&halted).await?;
    println!(
        "the API server answers {:.1} s after the restore began",
        start.elapsed().as_secs_f64()
    );

    // The restored instance asks for no halt, and its status knows none.
    let shown = halted
        .until(WRITER, "its halt is shown", |status| status.halt.is_some())
        .await?;
    ensure!(
        shown.spec.trading_state.is_none(),
        "{:?}",
        shown.spec.trading_state
    );
    let shown = shown.status.and_then(|status| status.halt);
    ensure!(
        shown.as_ref() == Some(&halt),
        "{shown:?} instead of {halt:?}"
    );
    let looks = watch.end().await?;
    ensure!(looks > 0, "nobody looked at the trader during the restore");
    ensure!(
        halted.pod("live").await?.uid() == before.uid(),
        "the halted W was replaced"
    );

    // The kubelets go back to the pods of the backup; the operator has no part in it.
    rolled
        .until(
            WRITER,
            "back on the configuration of the backup",
            |status| {
                status.in_sync.as_deref() == Some("True")
                    && running_hash(status).is_ok_and(|hash| hash == first)
            },
        )
        .await?;
    let namespaces =
        ["live", "demo"].map(|side| [&halted, &rolled].map(|system| system.account.sealed(side)));
    let rolls: Vec<String> = lab.operator_writes()?[writes..]
        .iter()
        .filter(|write| namespaces.as_flattened().contains(&write.namespace))
        .filter(|write| ["pods", "statefulsets"].contains(&write.resource.as_str()))
        .map(ToString::to_string)
        .collect();
    ensure!(
        rolls.is_empty(),
        "after the restore the operator wrote {rolls:?}"
    );

    // What was rolled is rolled again from Git, the mirror first.
    rolled.commit("second").await?;
    rolled.until_in_sync().await?;
    let created =
        [rolled.pod("demo").await?, rolled.pod("live").await?].map(|pod| pod.creation_timestamp());
    ensure!(created[0] < created[1], "R first: {created:?}");

    halted.resume(WRITER, &halt).await?;
    halted.remove().await?;
    rolled.remove().await
}

/// Looks at a trader without pause, and finds the same halt in force each time.
struct HaltWatch {
    ended: Arc<AtomicBool>,
    looks: Arc<AtomicUsize>,
    looking: tokio::task::JoinHandle<Result<()>>,
}

impl HaltWatch {
    fn start(mut trader: TraderConnection, id: String) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let looks = Arc::new(AtomicUsize::new(0));
        let (stop, count) = (Arc::clone(&ended), Arc::clone(&looks));
        let looking = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
            while !stop.load(Ordering::Relaxed) {
                ticks.tick().await;
                let status = trader.status().await?;
                let holds = status["state"] == "Halted" && status["halt"]["id"] == *id;
                ensure!(holds, "{id} does not hold: {status}");
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        Self {
            ended,
            looks,
            looking,
        }
    }

    /// How often it looked.
    async fn end(self) -> Result<usize> {
        self.ended.store(true, Ordering::Relaxed);
        self.looking.await??;
        Ok(self.looks.load(Ordering::Relaxed))
    }
}

async fn until_api_answers(system: &TradingSystem) -> Result<()> {
    let instances = system.account.team.instances();
    wait::until_answer("the API server answers", async || {
        let listed = instances.list(&ListParams::default()).await?;
        Ok((!listed.items.is_empty()).then_some(()))
    })
    .await
}

fn running_hash(status: &TradingInstanceStatus) -> Result<String> {
    let running = status.running.as_ref();
    Ok(running.context("nothing runs")?.hash.clone())
}
