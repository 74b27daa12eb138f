//! The API server refuses what docs/errors.md says, in those words, and `kubectl` reads files as
//! `trader hash` does.

use anyhow::{Result, ensure};
use triptych_end_to_end::{lab::Lab, manifest_table, namespace::TestNamespace};

#[tokio::test]
async fn every_manifest_of_the_table_is_accepted_or_refused_by_the_api_server_in_its_words()
-> Result<()> {
    let namespace = TestNamespace::create(Lab::get(), "manifests").await?;
    let wrong = manifest_table::check_against(&namespace.client, namespace.name()).await?;
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    namespace.finish().await
}

#[test]
fn kubectl_reads_every_file_of_the_table_as_the_hash_does() -> Result<()> {
    let lab = Lab::get();
    let wrong = manifest_table::check_files_against(|words| lab.kubectl(words))?;
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
