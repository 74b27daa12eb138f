//! Tests of real clusters: two are brought up side by side, tested in parallel and ended.
//!
//! Needs root. Words after `--` choose the tests whose names hold one of them.

mod faults;
mod isolation;
mod leftovers;
mod network_policies;
mod pods;
mod storage;
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};

use support::{Clusters, Outcome};

/// Longest time for one test.
const TEST_WITHIN: Duration = Duration::from_mins(4);

type Test = (
    &'static str,
    for<'a> fn(&'a Clusters) -> BoxFuture<'a, Outcome>,
);

macro_rules! tests {
    ($($module:ident :: $name:ident),* $(,)?) => {
        &[$((stringify!($name), |clusters| Box::pin($module::$name(clusters)))),*]
    };
}

/// Run at the same time, each in a namespace of its own.
const TOGETHER: &[Test] = tests![
    pods::a_pod_of_the_restricted_standard_runs_and_answers_exec_and_logs,
    pods::a_new_pod_resolves_names_at_once,
    pods::a_service_reaches_its_pod_across_nodes,
    pods::an_image_is_pulled_by_the_digest_that_was_built,
    pods::a_loaded_layout_keeps_the_digest_it_was_written_with,
    storage::a_claim_is_writable_by_its_pods_group_and_outlives_the_pod,
    storage::a_deleted_claim_leaves_no_data,
    network_policies::default_deny_lets_nothing_in,
    network_policies::allowed_peers_get_in_by_pod_namespace_block_and_port,
    network_policies::default_deny_lets_nothing_out_but_what_is_allowed,
    network_policies::a_policy_ends_a_live_connection,
    network_policies::a_changed_label_changes_what_is_allowed,
    isolation::who_wrote_what_is_in_the_audit_log,
    isolation::a_user_has_the_rights_that_were_granted_and_no_others,
    isolation::a_node_of_tier_w_takes_only_pods_that_tolerate_it,
    isolation::two_clusters_live_side_by_side,
];

/// Run one after the other, because they change nodes or clusters.
const ALONE: &[Test] = tests![
    faults::a_node_without_its_agents_is_lost_and_comes_back_with_its_containers,
    faults::a_partitioned_node_is_lost_and_comes_back_with_its_containers,
    faults::a_node_without_power_loses_its_containers_and_runs_pods_again,
    leftovers::what_a_killed_up_leaves_is_removed_by_down,
    leftovers::an_interrupted_up_leaves_nothing,
];

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let chosen = |tests: &'static [Test]| -> Vec<&Test> {
        let wanted = |name: &str| words.is_empty() || words.iter().any(|w| name.contains(w));
        tests.iter().filter(|(name, _)| wanted(name)).collect()
    };
    let mut failures = 0;
    match Clusters::up().await {
        Ok(clusters) => {
            let together = chosen(TOGETHER)
                .into_iter()
                .map(|test| run(test, &clusters));
            failures += join_all(together)
                .await
                .into_iter()
                .filter(|passed| !passed)
                .count();
            for test in chosen(ALONE) {
                failures += usize::from(!run(test, &clusters).await);
            }
        }
        Err(reason) => {
            println!("clusters could not be brought up: {reason}");
            failures += 1;
        }
    }
    let ended = Instant::now();
    failures += usize::from(!report(
        "nothing_is_left_after_down",
        ended,
        leftovers::end_all().await,
    ));
    println!("{failures} failed");
    if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run((name, test): &Test, clusters: &Clusters) -> bool {
    let started = Instant::now();
    let outcome = tokio::time::timeout(TEST_WITHIN, test(clusters)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(format!("not done after {TEST_WITHIN:?}")));
    report(name, started, outcome)
}

fn report(name: &str, started: Instant, outcome: Outcome) -> bool {
    let seconds = started.elapsed().as_secs_f64();
    match outcome {
        Ok(()) => {
            println!("test {name} ... ok ({seconds:.1} s)");
            true
        }
        Err(reason) => {
            println!("test {name} ... FAILED ({seconds:.1} s)\n{reason}");
            false
        }
    }
}
