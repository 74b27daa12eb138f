//! Starting W past its gates needs a right of its own, and lasts a day at most.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::Actor::{OnCall, TeamEditor},
    attack::{Attack, attempt, policy::BREAK_GLASS},
    declared::{BROKEN_IN, FREE, WRITER, break_glass, in_hours, instance, instances, writer},
    lab::Lab,
    legitimate::Row,
    pods::altered,
    request::Request,
};

#[tokio::test]
async fn m2_who_may_edit_breaks_no_glass_and_nobody_for_longer_than_a_day() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

#[tokio::test]
async fn who_may_break_glass_does_and_everything_beside_it_needs_no_such_right() -> Result<()> {
    let rows: Vec<Row> = vec![
        (
            "break glass for an hour",
            OnCall,
            set(WRITER, &break_glass(&in_hours(1))),
        ),
        (
            "break glass for all but a day",
            OnCall,
            set(WRITER, &break_glass(&in_hours(23))),
        ),
        (
            "break glass anew",
            OnCall,
            set(BROKEN_IN, &break_glass(&in_hours(1))),
        ),
        (
            "take a break-glass away",
            TeamEditor,
            set(BROKEN_IN, &Value::Null),
        ),
        (
            "lower the ratio of a W whose glass is broken",
            TeamEditor,
            Request::patch(
                instance(BROKEN_IN),
                json!({ "spec": { "liveRatio": "0.05" } }),
            ),
        ),
        (
            "change another gate of a W whose glass is broken",
            TeamEditor,
            Request::patch(
                instance(BROKEN_IN),
                json!({ "spec": { "promotion": { "minimumReadySeconds": 600 } } }),
            ),
        ),
        (
            "delete a W whose glass is broken",
            TeamEditor,
            Request::delete(instance(BROKEN_IN)),
        ),
    ];
    Lab::get().admits(rows).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    let asks = "ask the platform team for the verb break-glass on it";
    let bounded = "must be within 24 hours of now";
    let born_broken = altered(
        writer("mine", FREE),
        &[("/spec/promotion/breakGlass", break_glass(&in_hours(1)))],
    );
    let another = |field: &str, value: Value| set(BROKEN_IN, &json!({ field: value }));
    let forged = altered(
        json!({}),
        &[
            ("/metadata/managedFields", json!([{}])),
            ("/spec/promotion/breakGlass", break_glass(&in_hours(1))),
        ],
    );
    let rows = [
        (
            "declare a W with its glass broken",
            TeamEditor,
            Request::create(instances(), born_broken),
            asks,
        ),
        (
            "break glass with edit alone",
            TeamEditor,
            set(WRITER, &break_glass(&in_hours(1))),
            asks,
        ),
        (
            "break glass longer than somebody else did",
            TeamEditor,
            another("expiresAt", json!(in_hours(1))),
            asks,
        ),
        (
            "break glass for another configuration than somebody else did",
            TeamEditor,
            another("configHash", json!("b".repeat(64))),
            asks,
        ),
        (
            "break glass for longer than a day",
            OnCall,
            set(WRITER, &break_glass(&in_hours(25))),
            bounded,
        ),
        (
            "break glass until yesterday",
            OnCall,
            set(WRITER, &break_glass(&in_hours(-24))),
            bounded,
        ),
        (
            "break glass while the times of writes are taken away",
            OnCall,
            Request::patch(instance(WRITER), forged),
            "send the object without managedFields",
        ),
    ];
    rows.map(|(what, actor, request, saying)| {
        attempt(what, actor, request).refused_by(&[BREAK_GLASS], saying)
    })
    .into()
}

fn set(name: &str, break_glass: &Value) -> Request {
    Request::patch(
        instance(name),
        json!({ "spec": { "promotion": { "breakGlass": break_glass } } }),
    )
}
