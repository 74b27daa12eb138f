//! One operator after the other, each killed at one of its first writes.

use std::{future::Future, pin::pin, process::ExitStatus};

use anyhow::{Context, Result, bail, ensure};
use triptych_end_to_end::host_operator::ENDED_AT_WRITE;

use crate::desk::Desk;

/// No chapter needs more operators than this.
const MOST_OPERATORS: u32 = 120;

/// Lets operators follow one another until a story is over. Each is killed right after its write with the
/// number `at_write` was carried out, and sees no answer; the next starts from what is stored. Returns
/// how many were killed.
pub(crate) async fn of_operators(
    desk: &Desk,
    at_write: u32,
    story: impl Future<Output = Result<()>>,
) -> Result<u32> {
    let mut story = pin!(story);
    for killed in 0..MOST_OPERATORS {
        let mut operator = desk.start_operator(Some(at_write)).await?;
        tokio::select! {
            status = operator.wait_for_end() => ended_at_write(status?)?,
            told = &mut story => {
                told.with_context(|| format!("after {killed} operators"))?;
                let status = operator.stopped().await?;
                if status.success() {
                    return Ok(killed);
                }
                ended_at_write(status)?;
                // Its fatal write came while it stopped: what it left behind is the next one's.
                let last = desk.start_operator(None).await?;
                desk.until_quiet().await?;
                last.stop().await?;
                return Ok(killed + 1);
            }
        }
    }
    bail!("the story is not over after {MOST_OPERATORS} operators")
}

fn ended_at_write(status: ExitStatus) -> Result<()> {
    let code = status.code();
    ensure!(
        code == Some(ENDED_AT_WRITE),
        "an operator ended with {code:?} instead of {ENDED_AT_WRITE}"
    );
    Ok(())
}
