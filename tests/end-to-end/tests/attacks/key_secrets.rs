//! Keys are Secrets of known types under known names, immutable and without annotations, in their
//! account's namespace and nowhere else.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    actor::Actor::{Custodian, Delivery, TeamEditor},
    attack::{Attack, attempt, policy::KEY_SECRETS},
    ground::{DEMO_EMPTY, LIVE, LIVE_KEYLESS, TEAM_SPACE, key_secret},
    lab::Lab,
    pods::altered,
    request::{Request, collection, object},
};

#[tokio::test]
async fn k1_keys_have_known_types_and_names_in_sealed_namespaces_and_nowhere_else() -> Result<()> {
    Lab::get().refuses(attacks()).await
}

pub(crate) fn attacks() -> Vec<Attack> {
    in_sealed_namespaces()
        .into_iter()
        .chain(elsewhere())
        .collect()
}

/// Asked for by a custodian, whom the seal lets write Secrets.
fn in_sealed_namespaces() -> Vec<Attack> {
    let fresh = || key_secret("live", "zeta");
    let renamed = || altered(fresh(), &[("/metadata/name", json!("live-other"))]);
    let token_secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": { "name": "mine", "annotations": { "kubernetes.io/service-account.name": "trader" } }
    });
    let rows: Vec<(&str, &str, Value, &str)> = vec![
        (
            "a token of the trader",
            LIVE_KEYLESS,
            token_secret,
            "not kubernetes.io/service-account-token",
        ),
        (
            "a key under another name",
            LIVE_KEYLESS,
            renamed(),
            "must be named live-zeta",
        ),
        (
            "a key under a generated name",
            LIVE_KEYLESS,
            altered(
                fresh(),
                &[
                    ("/metadata/name", Value::Null),
                    ("/metadata/generateName", json!("live-")),
                ],
            ),
            "must be named live-zeta",
        ),
        (
            "a key that can be changed",
            LIVE_KEYLESS,
            altered(fresh(), &[("/immutable", Value::Null)]),
            "immutable must be true",
        ),
        (
            "a key of no type",
            LIVE_KEYLESS,
            altered(fresh(), &[("/type", json!("Opaque"))]),
            "not Opaque",
        ),
        (
            "a demo key in a live namespace",
            LIVE_KEYLESS,
            altered(fresh(), &[("/type", json!("triptych.trading/demo-key"))]),
            "not triptych.trading/demo-key",
        ),
        (
            "a live key in a demo namespace",
            DEMO_EMPTY,
            key_secret("live", "gamma"),
            "not triptych.trading/live-key",
        ),
        (
            "a key that a replicator copies",
            LIVE_KEYLESS,
            altered(
                fresh(),
                &[(
                    "/metadata/annotations",
                    json!({ "replicator/to": "team-a" }),
                )],
            ),
            "no annotations",
        ),
        (
            "a key without its secret",
            LIVE_KEYLESS,
            altered(fresh(), &[("/stringData/api-secret", Value::Null)]),
            "api-key and api-secret",
        ),
        (
            "a key with something beside it",
            LIVE_KEYLESS,
            altered(fresh(), &[("/stringData/further", json!("x"))]),
            "and nothing else",
        ),
        (
            "a ledger under another name",
            LIVE_KEYLESS,
            altered(fresh(), &[("/type", json!("triptych.trading/ledger"))]),
            "must be named ledger-zeta",
        ),
        (
            "credentials of a registry under another name",
            LIVE_KEYLESS,
            registry_credentials("mine"),
            "named pull-*",
        ),
    ];
    let created = rows.into_iter().map(|(what, namespace, secret, saying)| {
        let request = Request::create(collection("core", namespace, "secrets"), secret);
        attempt(format!("make {what}"), Custodian, request).refused_by(&[KEY_SECRETS], saying)
    });
    let annotated = Request::patch(
        object("core", LIVE, "secrets", "live-alpha"),
        json!({ "metadata": { "annotations": { "replicator/to": "team-a" } } }),
    );
    created
        .chain(
            [attempt("let a replicator copy a key", Custodian, annotated)
                .refused_by(&[KEY_SECRETS], "no annotations")],
        )
        .collect()
}

fn elsewhere() -> Vec<Attack> {
    let renamed = |name: &str, kind: &str| {
        altered(
            key_secret("live", "alpha"),
            &[("/metadata/name", json!(name)), ("/type", json!(kind))],
        )
    };
    [
        (
            "make a Secret of the live type",
            TeamEditor,
            renamed("mine", "triptych.trading/live-key"),
            "may not be in team-a",
        ),
        (
            "make a Secret of the demo type",
            TeamEditor,
            renamed("mine", "triptych.trading/demo-key"),
            "may not be in team-a",
        ),
        (
            "make a Secret of the ledger type",
            Custodian,
            renamed("mine", "triptych.trading/ledger"),
            "may not be in team-a",
        ),
        (
            "make a Secret with a live name",
            TeamEditor,
            renamed("live-alpha", "Opaque"),
            "is reserved",
        ),
        (
            "make a Secret with a ledger's name",
            Delivery,
            renamed("ledger-alpha", "Opaque"),
            "is reserved",
        ),
        (
            "make a Secret with a generated live name",
            TeamEditor,
            altered(
                renamed("x", "Opaque"),
                &[
                    ("/metadata/name", Value::Null),
                    ("/metadata/generateName", json!("live-")),
                ],
            ),
            "is reserved",
        ),
    ]
    .map(|(what, actor, secret, saying)| {
        attempt(
            what,
            actor,
            Request::create(collection("core", TEAM_SPACE, "secrets"), secret),
        )
        .refused_by(&[KEY_SECRETS], saying)
    })
    .into()
}

fn registry_credentials(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "type": "kubernetes.io/dockerconfigjson",
        "stringData": { ".dockerconfigjson": "{\"auths\":{}}" }
    })
}
