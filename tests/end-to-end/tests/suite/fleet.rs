//! Many instances at once.

use anyhow::Result;
use futures::future::try_join_all;
use triptych_end_to_end::{lab::Lab, manifests, namespace::TestNamespace};

const INSTANCES: usize = 50;

#[tokio::test]
async fn fifty_instances_at_once_all_run_in_sync() -> Result<()> {
    let lab = Lab::get();
    let namespace = TestNamespace::create(lab, "fleet").await?;
    namespace.start_tape().await?;
    namespace
        .apply(&manifests::revision("first", &lab.images().trader, 0))
        .await?;
    let names: Vec<String> = (0..INSTANCES)
        .map(|number| format!("observer-{number}"))
        .collect();
    let start = std::time::Instant::now();
    for name in &names {
        namespace.apply(&manifests::observer(name, "first")).await?;
    }
    try_join_all(names.iter().map(|name| namespace.until_running(name))).await?;
    println!(
        "{INSTANCES} instances Running and in sync {:.1} s after the first was applied",
        start.elapsed().as_secs_f64()
    );
    namespace.finish().await
}
