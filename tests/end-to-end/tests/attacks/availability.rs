//! The policies stand in nobody's way: not after a restart of the API server, and not without our kinds.

use anyhow::{Result, bail, ensure};
use triptych_end_to_end::wait;

use crate::{
    actor::{
        Actor::{Delivery, TeamEditor},
        administrator,
    },
    declared,
    ground::{LIVE_EMPTY, TEAM_SPACE},
    lab::Lab,
    pods,
    request::{Answer, Request, cluster_wide, collection},
};

const DEFINITIONS: [&str; 3] = ["tradingaccounts", "configrevisions", "tradinginstances"];

/// From the first answer on: an unrelated pod is refused by no policy, a planted one is let through never.
#[tokio::test]
async fn an_unrelated_pod_is_created_right_after_a_restart_of_the_api_server_and_without_our_kinds()
-> Result<()> {
    let lab = Lab::get();
    let administrator = administrator(lab.cluster()).await?;
    for plural in DEFINITIONS {
        let path = format!("customresourcedefinitions/{plural}.triptych.trading");
        let gone = Request::delete(cluster_wide("apiextensions.k8s.io/v1", &path))
            .in_earnest()
            .send(&administrator)
            .await?;
        ensure!(
            matches!(gone, Answer::Done(_)),
            "delete the definition of {plural}: {gone:?}"
        );
    }
    lab.cluster().restart_api_server().await?;

    let mut clients = lab.clients();
    let (team, delivery) = (clients.of(TeamEditor).await?, clients.of(Delivery).await?);
    let unrelated = Request::create(
        collection("core", TEAM_SPACE, "pods"),
        pods::ordinary("unrelated"),
    );
    let planted = Request::create(collection("core", LIVE_EMPTY, "pods"), pods::live("gamma"));
    let mut let_through = None;
    let mut refused_by_policy = None;
    wait::until_answer(
        "an unrelated pod is created and a planted one refused",
        async || {
            let planted = planted.send(&delivery).await?;
            if matches!(planted, Answer::Done(_)) {
                let_through = Some(planted.clone());
            }
            match unrelated.send(&team).await? {
                Answer::Done(_) => Ok(planted.refusal().map(|_| ())),
                Answer::Failed(why) | Answer::Refused(why) => {
                    if why.contains("triptych-") {
                        refused_by_policy = Some(why.clone());
                    }
                    bail!("{why}")
                }
            }
        },
    )
    .await?;
    lab.upgrade_as_platform()?;
    declared::declare(&administrator).await?;
    ensure!(
        refused_by_policy.is_none(),
        "an unrelated pod was refused by a policy: {refused_by_policy:?}"
    );
    ensure!(
        let_through.is_none(),
        "a planted pod was let through: {let_through:?}"
    );
    Ok(())
}
