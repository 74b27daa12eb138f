//! K, M, S and L1 on W and R: operators that are killed at every write come to the same end as one that
//! is not, and break none of the invariants on the way.
//!
//! An operator that is killed at its first write leaves what it wrote and nothing else: what decides is
//! in the store alone. So a chain of operators, each killed at its first write, is killed behind every
//! write there is, and each of them starts from such a state. A second chain, each killed at its second
//! write, comes past what follows a first one at once, as the events do.

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use tokio::sync::RwLock;

use crate::{
    chain,
    desk::Desk,
    ends::{self, End},
    story::Chapter,
};

/// The chains: at which of its writes each operator is killed.
const AT_WRITES: [u32; 2] = [1, 2];
/// Writes of the operator that one roll of R and W may cost, with its events.
const MOST_WRITES_OF_A_ROLL: usize = 40;
/// Whose systems are on the W node: it can be lost only to those that expect it.
static W_NODE: RwLock<()> = RwLock::const_new(());

#[tokio::test]
async fn l1_k_m_s_hold_when_killed_at_every_write_of_a_first_start_a_roll_and_a_rollback()
-> Result<()> {
    let _shared = W_NODE.read().await;
    killed_at_every_write(
        "roll",
        &[],
        &[Chapter::FirstStart, Chapter::Roll, Chapter::Rollback],
    )
    .await
}

#[tokio::test]
async fn l1_k_m_s_hold_when_killed_at_every_write_of_a_halt_in_mid_roll() -> Result<()> {
    let _shared = W_NODE.read().await;
    killed_at_every_write("halt", &[Chapter::FirstStart], &[Chapter::HaltInMidRoll]).await
}

#[tokio::test]
async fn l1_k_m_s_hold_when_killed_at_every_write_while_mirror_account_and_writer_go() -> Result<()>
{
    let _shared = W_NODE.read().await;
    let chapters = [Chapter::MirrorPruned, Chapter::AccountDeleted];
    killed_at_every_write("gone", &[Chapter::FirstStart], &chapters).await
}

#[tokio::test]
async fn l1_k_m_s_hold_when_killed_at_every_write_after_the_node_of_w_is_lost() -> Result<()> {
    let _alone = W_NODE.write().await;
    killed_at_every_write("lost", &[Chapter::FirstStart], &[Chapter::NodeLost]).await
}

/// Tells a story on systems side by side: to one operator, and to each chain of operators.
async fn killed_at_every_write(
    purpose: &str,
    before: &[Chapter],
    chapters: &[Chapter],
) -> Result<()> {
    let calm = tell(purpose, before, chapters, None);
    let chains = AT_WRITES.map(|number| tell(purpose, before, chapters, Some(number)));
    let (expected, found) = tokio::try_join!(calm, try_join_all(chains))?;
    for (number, ends) in AT_WRITES.into_iter().zip(found) {
        for ((chapter, expected), found) in chapters.iter().zip(&expected).zip(&ends) {
            ensure!(
                expected.end == found.end,
                "{chapter:?}, killed at each write {number}: another end\n{}",
                ends::difference(&expected.end, &found.end)
            );
            println!(
                "{chapter:?}: {} operators killed, each at its write {number}; the same end, and K, M and S held",
                found.killed
            );
        }
    }
    for (chapter, ended) in chapters.iter().zip(&expected) {
        println!("writes of one operator for {chapter:?}: {}", ended.writes);
    }
    if let Some(at) = chapters.iter().position(|&one| one == Chapter::Roll) {
        let writes = expected[at].writes;
        println!("writes of the operator for one roll of R and W: {writes}");
        ensure!(
            writes <= MOST_WRITES_OF_A_ROLL,
            "more than {MOST_WRITES_OF_A_ROLL}"
        );
    }
    Ok(())
}

/// How a chapter ended.
struct Ended {
    end: End,
    /// Operators that were killed on the way.
    killed: u32,
    /// Writes of the operators.
    writes: usize,
}

/// Tells a story to one system, and returns the end of each of its chapters.
async fn tell(
    purpose: &str,
    before: &[Chapter],
    chapters: &[Chapter],
    at_write: Option<u32>,
) -> Result<Vec<Ended>> {
    let desk = Desk::prepare(purpose).await?;
    for &chapter in before {
        undisturbed(&desk, chapter).await?;
    }
    let mut ends = Vec::new();
    for &chapter in chapters {
        let ended = match at_write {
            None => undisturbed(&desk, chapter).await,
            Some(number) => disturbed(&desk, chapter, number).await,
        };
        let ended = ended.with_context(|| format!("{chapter:?}, killed at writes {at_write:?}"))?;
        let breaches = desk.breaches()?;
        ensure!(
            breaches.is_empty(),
            "{chapter:?}, killed at writes {at_write:?}:\n{}",
            breaches.join("\n")
        );
        ends.push(ended);
    }
    desk.remove().await?;
    Ok(ends)
}

async fn undisturbed(desk: &Desk, chapter: Chapter) -> Result<Ended> {
    let writes = desk.writes()?;
    chapter.begin(desk).await?;
    let operator = desk.start_operator(None).await?;
    chapter.go_on(desk).await?;
    operator.stop().await?;
    Ok(Ended {
        end: desk.end().await?,
        killed: 0,
        writes: desk.writes()? - writes,
    })
}

async fn disturbed(desk: &Desk, chapter: Chapter, at_write: u32) -> Result<Ended> {
    let writes = desk.writes()?;
    chapter.begin(desk).await?;
    let killed = chain::of_operators(desk, at_write, chapter.go_on(desk)).await?;
    ensure!(killed > 0, "there was no write to be killed at");
    Ok(Ended {
        end: desk.end().await?,
        killed,
        writes: desk.writes()? - writes,
    })
}
