//! What teams and the platform declared before the attacks began: accounts, and instances on them.

use anyhow::{Result, bail};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use serde_json::{Value, json};
use triptych_end_to_end::wait;

use crate::{
    ground::{TEAM_SPACE, create},
    request::{Answer, Request, collection, object},
};

/// The group and version of the project's own kinds.
pub(crate) const GROUP: &str = "triptych.trading/v1alpha1";
/// An account whose live side the instance `WRITER` holds.
pub(crate) const HELD: &str = "alpha";
/// An account that nobody holds, and that the team's editors may use.
pub(crate) const FREE: &str = "beta";
/// A W on the account that is held.
pub(crate) const WRITER: &str = "writer";
/// A W whose glass is broken.
pub(crate) const BROKEN_IN: &str = "broken-in";

/// Declares all of it, where it is not there already, as soon as the API server knows the kinds.
pub(crate) async fn declare(administrator: &Client) -> Result<()> {
    for name in [HELD, FREE] {
        let account = json!({
            "apiVersion": GROUP, "kind": "TradingAccount", "metadata": { "name": name },
            "spec": { "venue": "BinanceSpot", "live": {}, "demo": {}, "allowedNamespaces": [TEAM_SPACE] }
        });
        let request = Request::create(accounts(), account).in_earnest();
        wait::until_answer(
            &format!("account {name} is declared"),
            async || match request.send(administrator).await? {
                Answer::Done(_) => Ok(Some(())),
                Answer::Failed(why) if why.starts_with("409") => Ok(Some(())),
                Answer::Refused(why) | Answer::Failed(why) => bail!("{why}"),
            },
        )
        .await?;
    }
    create(administrator, instances(), writer(WRITER, HELD)).await?;
    let mut broken_in = writer(BROKEN_IN, HELD);
    broken_in["spec"]["promotion"] = json!({ "breakGlass": break_glass(&in_hours(12)) });
    create(administrator, instances(), broken_in).await?;
    record_writer(administrator).await
}

/// Notes down on the account who holds its live side, as the operator does.
async fn record_writer(administrator: &Client) -> Result<()> {
    let found = Request::read(instance(WRITER)).send(administrator).await?;
    let Answer::Done(found) = found else {
        bail!("read the writer: {found:?}");
    };
    let writer =
        json!({ "namespace": TEAM_SPACE, "name": WRITER, "uid": found["metadata"]["uid"] });
    let status = json!({ "status": {
        "live": { "namespace": format!("trading-live-{HELD}"), "writer": writer }
    } });
    let recorded = Request::patch(format!("{}/status", account(HELD)), status)
        .in_earnest()
        .send(administrator)
        .await?;
    match recorded {
        Answer::Done(_) => Ok(()),
        other => bail!("record who holds {HELD}: {other:?}"),
    }
}

/// A W on an account.
pub(crate) fn writer(name: &str, account: &str) -> Value {
    json!({
        "apiVersion": GROUP, "kind": "TradingInstance", "metadata": { "name": name },
        "spec": { "tier": "W", "account": account, "configRevision": "first", "liveRatio": "0.1" }
    })
}

/// A break-glass until some time.
pub(crate) fn break_glass(expires_at: &str) -> Value {
    json!({ "configHash": "a".repeat(64), "reason": "the venue changed a filter", "expiresAt": expires_at })
}

/// A time as manifests have it.
pub(crate) fn in_hours(hours: i64) -> String {
    let time = Timestamp::now() + SignedDuration::from_hours(hours);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Path of the accounts.
pub(crate) fn accounts() -> String {
    format!("/apis/{GROUP}/tradingaccounts")
}

/// Path of an account.
pub(crate) fn account(name: &str) -> String {
    format!("{}/{name}", accounts())
}

/// Path of the team's instances.
pub(crate) fn instances() -> String {
    collection(GROUP, TEAM_SPACE, "tradinginstances")
}

/// Path of one of the team's instances.
pub(crate) fn instance(name: &str) -> String {
    object(GROUP, TEAM_SPACE, "tradinginstances", name)
}
