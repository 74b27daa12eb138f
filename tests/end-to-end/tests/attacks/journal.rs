//! The journal outlives everything but a decision of the platform.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::Actor::{Controller, Delivery, Operator, TeamEditor},
    attack::{
        Attack, attempt,
        policy::{JOURNAL_CLAIMS, SEAL},
    },
    ground::{LIVE, journal_claim},
    lab::Lab,
    pods::altered,
    request::{Request, collection, object},
};

#[tokio::test]
async fn the_journal_outlives_everything_but_a_decision_of_the_platform() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    let journal = object("core", LIVE, "persistentvolumeclaims", "journal-alpha");
    let owned = json!({ "metadata": { "ownerReferences": [
        { "apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "00000000-0000-0000-0000-000000000000" }
    ] } });
    let other = altered(
        journal_claim(),
        &[
            ("/metadata/name", json!("journal-mine")),
            ("/spec/volumeName", Value::Null),
        ],
    );
    let claims = collection("core", LIVE, "persistentvolumeclaims");
    let gone = || Request::delete(journal.clone());
    let deletions = [
        ("delete the journal as an administrator", Delivery, gone()),
        ("delete the journal as a team", TeamEditor, gone()),
        (
            "delete the journal by the garbage collector",
            Controller("generic-garbage-collector"),
            gone(),
        ),
        (
            "delete all claims",
            Delivery,
            Request::delete(claims.clone()),
        ),
    ]
    .map(|(what, actor, request)| {
        attempt(what, actor, request).refused_by(&[JOURNAL_CLAIMS, SEAL], "may not")
    });
    let changes = [
        attempt(
            "give the journal an owner",
            Operator,
            Request::patch(journal.clone(), owned),
        )
        .refused_by(&[JOURNAL_CLAIMS], "may have no owner"),
        attempt(
            "make a second claim with the operator's token",
            Operator,
            Request::create(claims, other),
        )
        .refused_by(&[JOURNAL_CLAIMS], "the only claim here is journal-alpha"),
    ];
    deletions.into_iter().chain(changes).collect()
}
