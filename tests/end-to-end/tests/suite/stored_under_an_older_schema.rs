//! An object that this version cannot read never stops the others, and is told so.

use anyhow::{Context, Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use triptych_crds::{TradingInstance, definitions};
use triptych_end_to_end::{host_operator::FaultsLab, manifests, objects, wait};

const NAMESPACE: &str = "older-schema";
const UNKNOWN_LEVEL: &str = "Verbose";
const DEFINITION: &str = "tradinginstances.triptych.trading";

#[tokio::test]
async fn an_object_stored_under_an_older_schema_stops_nothing_and_gets_a_condition() -> Result<()> {
    let lab = FaultsLab::get();
    let client = lab.client().await?;
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
    objects::apply(&client, "", &namespace).await?;
    for manifest in manifests::tape(&lab.images().trader) {
        objects::apply(&client, NAMESPACE, &manifest).await?;
    }

    // Stored as an older version might have: a level that this version does not know.
    let mut old = manifests::observer("old", "first");
    old["spec"]["logLevel"] = json!(UNKNOWN_LEVEL);
    let current = with_schema_that_takes_anything(&client).await?;
    let stored = objects::apply(&client, NAMESPACE, &old).await;
    put_back(&client, &current).await?;
    stored?;

    let operator = lab.start_operator(NAMESPACE, None)?;
    objects::apply(
        &client,
        NAMESPACE,
        &manifests::revision("first", &lab.images().trader, 0),
    )
    .await?;
    objects::apply(&client, NAMESPACE, &manifests::observer("current", "first")).await?;
    let instances: Api<TradingInstance> = Api::namespaced(client.clone(), NAMESPACE);
    let in_sync = |instance: &TradingInstance| {
        instance
            .status
            .as_ref()
            .is_some_and(|status| status.in_sync.as_deref() == Some("True"))
    };
    // The other object is asked for by name: a list would fail on the one that cannot be read.
    wait::until_answer("the readable instance runs", async || {
        Ok(instances.get("current").await.ok().filter(in_sync))
    })
    .await?;

    let raw: Api<DynamicObject> = objects::api_for(&client, &old, NAMESPACE).await?;
    let told = wait::until_answer("the unreadable instance gets a condition", async || {
        let conditions = raw.get("old").await?.data["status"]["conditions"].clone();
        let ready = conditions
            .as_array()
            .into_iter()
            .flatten()
            .find(|one| one["type"] == "Ready")
            .cloned();
        Ok(ready)
    })
    .await?;
    ensure!(told["status"] == "False", "{told}");
    let message = told["message"].as_str().unwrap_or_default();
    ensure!(
        message.contains("logLevel") && message.contains(UNKNOWN_LEVEL),
        "the message names the field: {message}"
    );

    operator.stop().await?;
    raw.delete("old", &DeleteParams::default()).await?;
    objects::api_for(&client, &namespace, "")
        .await?
        .delete(NAMESPACE, &DeleteParams::background())
        .await?;
    Ok(())
}

/// Replaces the schema of TradingInstance by one that takes anything, and returns the definition as it should be.
async fn with_schema_that_takes_anything(client: &kube::Client) -> Result<Value> {
    let definition = definitions::all()
        .into_iter()
        .find(|(_, definition)| definition.metadata.name.as_deref() == Some(DEFINITION))
        .context("no definition of TradingInstance")?
        .1;
    let mut value = serde_json::to_value(definition)?;
    value["apiVersion"] = "apiextensions.k8s.io/v1".into();
    value["kind"] = "CustomResourceDefinition".into();
    let mut loose = value.clone();
    loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"] =
        json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    put_back(client, &loose).await?;
    Ok(value)
}

/// Puts a definition and waits until the API server serves by it: a dry run tells.
async fn put_back(client: &kube::Client, definition: &Value) -> Result<()> {
    let all: Api<CustomResourceDefinition> = Api::all(client.clone());
    all.patch(
        DEFINITION,
        &PatchParams::apply("triptych-end-to-end").force(),
        &Patch::Apply(definition),
    )
    .await?;
    let loose =
        definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"].is_null();
    let mut probe = manifests::observer("probe", "first");
    probe["spec"]["logLevel"] = json!(UNKNOWN_LEVEL);
    wait::until_answer("the API server serves by the new schema", async || {
        let api = objects::api_for(client, &probe, NAMESPACE).await?;
        let parameters = PatchParams {
            dry_run: true,
            ..PatchParams::apply("probe")
        };
        let accepted = api
            .patch("probe", &parameters, &Patch::Apply(&probe))
            .await
            .is_ok();
        Ok((accepted == loose).then_some(()))
    })
    .await
}
