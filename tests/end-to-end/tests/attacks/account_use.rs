//! Naming an account needs the verb `use` on it, beside the right to write TradingInstances.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::Actor::{Delivery, TeamEditor},
    attack::{Attack, attempt, policy::ACCOUNT_USE},
    declared::{FREE, HELD, WRITER, instance, instances, writer},
    lab::Lab,
    legitimate::Row,
    pods::altered,
    request::Request,
};

#[tokio::test]
async fn k1_who_may_not_use_an_account_names_it_in_no_instance() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

#[tokio::test]
async fn who_may_use_an_account_names_it_and_who_changes_something_else_is_not_asked() -> Result<()>
{
    let rows: Vec<Row> = vec![
        (
            "declare a W on an account that the team may use",
            TeamEditor,
            Request::create(instances(), writer("mine", FREE)),
        ),
        (
            "declare an R on an account that the team may use",
            TeamEditor,
            Request::create(instances(), mirror(FREE)),
        ),
        (
            "declare a W as an administrator, who may use every account",
            Delivery,
            Request::create(instances(), writer("mine", HELD)),
        ),
        (
            "halt a W on an account that one may not use",
            TeamEditor,
            Request::patch(
                instance(WRITER),
                json!({ "spec": { "tradingState": "Halted" } }),
            ),
        ),
        (
            "delete a W on an account that one may not use",
            TeamEditor,
            Request::delete(instance(WRITER)),
        ),
    ];
    Lab::get().admits(rows).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    let asks = "ask the platform team for the verb use on it";
    [
        (
            "declare a W on somebody else's account",
            writer("mine", HELD),
        ),
        ("declare an R on somebody else's account", mirror(HELD)),
        (
            "declare a W on an account that is not there yet",
            writer("mine", "tomorrow"),
        ),
    ]
    .map(|(what, manifest)| {
        attempt(what, TeamEditor, Request::create(instances(), manifest))
            .refused_by(&[ACCOUNT_USE], asks)
    })
    .into()
}

fn mirror(account: &str) -> Value {
    let changes = [
        ("/spec/tier", json!("R")),
        ("/spec/liveRatio", Value::Null),
        ("/spec/mirrorOf", json!(WRITER)),
    ];
    altered(writer("mine", account), &changes)
}
