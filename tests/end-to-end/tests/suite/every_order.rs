//! L1: the documents of a whole system, applied in another order, end in the same system. Every order of what
//! the operator sees is gone through where it decides (operator/decide/tests/decide/trading/every_order.rs);
//! here stands a sample: the order of docs/accounts.md, its reverse, and each document that others wait for last.

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use triptych_end_to_end::{
    conditions,
    lab::Lab,
    manifests,
    trading_system::{MIRROR, TradingSystem, WRITER},
};

use Document::{Abh, Account, DemoKey, LiveKey, Mirror, Revision, Writer};

/// Name of the ABH.
const OBSERVER: &str = "observer";

#[derive(Clone, Copy, Debug)]
enum Document {
    Account,
    LiveKey,
    DemoKey,
    Revision,
    Writer,
    Mirror,
    Abh,
}

/// A key comes after its account: before, it has no namespace, and the API server says so.
const ORDERS: [[Document; 7]; 4] = [
    [Account, LiveKey, DemoKey, Revision, Writer, Mirror, Abh],
    [Abh, Mirror, Writer, Revision, Account, DemoKey, LiveKey],
    [Writer, Abh, Account, Mirror, DemoKey, LiveKey, Revision],
    [Revision, Mirror, Account, LiveKey, Writer, Abh, DemoKey],
];

#[tokio::test]
async fn l1_a_whole_system_applied_in_another_order_is_the_same_system() -> Result<()> {
    let applied = ORDERS.iter().enumerate().map(async |(number, order)| {
        let end = end_of(number, order).await;
        end.with_context(|| format!("applied in the order {order:?}"))
    });
    let ends = try_join_all(applied).await?;
    for (end, order) in ends.iter().zip(ORDERS) {
        ensure!(
            *end == ends[0],
            "{order:?} ends as {end:#?}\ninstead of {:#?}",
            ends[0]
        );
    }
    Ok(())
}

/// What the three instances say once all of them run.
async fn end_of(number: usize, order: &[Document]) -> Result<Vec<String>> {
    let system = TradingSystem::empty(Lab::get(), &format!("order-{number}")).await?;
    system.account.team.start_tape().await?;
    for document in order {
        apply(&system, *document).await?;
    }
    let mut end = Vec::new();
    for name in [MIRROR, WRITER, OBSERVER] {
        let settled = system.until(name, "settled", |status| {
            let settled = |kind, wanted: &str| {
                let found = conditions::find(status, kind);
                found.is_some_and(|one| one.status == wanted)
            };
            settled("Ready", "True") && settled("Progressing", "False")
        });
        let status = settled.await?.status.context("a status")?;
        end.push(format!("{name}: {:?} {:?}", status.phase, status.in_sync));
        end.push(status.running.context("nothing runs")?.hash);
        let said = status.conditions.iter();
        end.extend(said.map(|one| format!("{} {} {}", one.type_, one.status, one.reason)));
    }
    let team = &system.account.team;
    team.delete(&team.instances(), OBSERVER).await?;
    system.remove().await?;
    Ok(end)
}

async fn apply(system: &TradingSystem, document: Document) -> Result<()> {
    let [writer, mirror] = system.instances("first");
    let image = &system.account.team.lab.images().trader;
    let manifest = match document {
        Account => return system.apply_account(&[]),
        LiveKey => return system.bring_key("live"),
        DemoKey => return system.bring_key("demo"),
        Revision => manifests::revision("first", image, 0),
        Writer => writer,
        Mirror => mirror,
        Abh => manifests::observer(OBSERVER, "first"),
    };
    system.account.team.apply(&manifest).await
}
