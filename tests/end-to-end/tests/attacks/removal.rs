//! Neither an account nor a sealed namespace is taken from under a trader by an oversight.

use anyhow::Result;
use serde_json::json;

use crate::{
    actor::Actor::{Controller, Delivery, Platform},
    attack::{
        Attack, attempt,
        policy::{ACCOUNTS_IN_USE, SEALED_NAMESPACES},
    },
    declared::{FREE, HELD, account, accounts},
    ground::{DEMO, LIVE, LIVE_LEAVING},
    lab::Lab,
    legitimate::Row,
    request::{Request, cluster_wide},
};

#[tokio::test]
async fn what_a_trader_stands_on_is_not_deleted_under_it() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

#[tokio::test]
async fn the_platform_removes_what_no_trader_holds_and_what_it_said_it_would() -> Result<()> {
    let rows: Vec<Row> = vec![
        (
            "delete an account that nobody holds",
            Platform,
            Request::delete(account(FREE)),
        ),
        (
            "say that a live namespace goes",
            Platform,
            Request::patch(
                namespace(LIVE),
                json!({ "metadata": { "annotations": { "triptych.trading/decommission": HELD } } }),
            ),
        ),
        (
            "delete a live namespace that was said to go",
            Platform,
            Request::delete(namespace(LIVE_LEAVING)),
        ),
    ];
    Lab::get().admits(rows).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    let holds = "holds the account alpha: delete it first";
    let of_accounts = [
        (
            "delete an account whose W is there",
            Platform,
            Request::delete(account(HELD)),
        ),
        (
            "delete an account as an administrator",
            Delivery,
            Request::delete(account(HELD)),
        ),
        (
            "delete all accounts at once",
            Platform,
            Request::delete(accounts()),
        ),
        (
            "have an account collected as garbage",
            Controller("generic-garbage-collector"),
            Request::delete(account(HELD)),
        ),
    ]
    .map(|(what, actor, request)| {
        attempt(what, actor, request).refused_by(&[ACCOUNTS_IN_USE], holds)
    });
    let of_namespaces = [
        ("delete a live namespace in passing", LIVE),
        ("delete a demo namespace in passing", DEMO),
    ]
    .map(|(what, name)| {
        attempt(what, Platform, Request::delete(namespace(name)))
            .refused_by(&[SEALED_NAMESPACES], "say that you mean it")
    });
    [Vec::from(of_accounts), of_namespaces.into()].concat()
}

fn namespace(name: &str) -> String {
    cluster_wide("core", &format!("namespaces/{name}"))
}
