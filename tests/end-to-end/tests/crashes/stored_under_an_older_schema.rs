//! An object that this version cannot read never stops the others, and is told so.

use anyhow::{Context, Result, ensure};
use k8s_openapi::{
    api::core::v1::Event,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use triptych_crds::{TradingInstance, definitions};
use triptych_end_to_end::{host_operator::FaultsLab, manifests, objects, wait};

const UNKNOWN_LEVEL: &str = "Verbose";
const DEFINITION: &str = "tradinginstances.triptych.trading";

#[tokio::test]
async fn an_object_stored_under_an_older_schema_stops_nothing_and_gets_a_condition() -> Result<()> {
    let lab = FaultsLab::get();
    let client = lab.client().await?;
    let name = format!("older-schema-{}", std::process::id());
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    objects::apply(&client, "", &namespace).await?;
    for manifest in manifests::tape(&lab.images().trader) {
        objects::apply(&client, &name, &manifest).await?;
    }

    // As an older version might have stored them: a level that this version does not know, and a tier
    // of a type that its rules cannot even be evaluated on.
    let mut unknown_level = manifests::observer("unknown-level", "first");
    unknown_level["spec"]["logLevel"] = json!(UNKNOWN_LEVEL);
    let mut numbered_tier = manifests::observer("numbered-tier", "first");
    numbered_tier["spec"]["tier"] = json!(3);
    let current = with_schema_that_takes_anything(&client, &name).await?;
    let mut stored = Vec::new();
    for old in [&unknown_level, &numbered_tier] {
        stored.push(objects::apply(&client, &name, old).await);
    }
    put(&client, &name, &current).await?;
    for outcome in stored {
        outcome?;
    }

    let operator = lab.start_operator(&[&name], None).await?;
    let first = manifests::revision("first", &lab.images().trader, 0);
    objects::apply(&client, &name, &first).await?;
    objects::apply(&client, &name, &manifests::observer("current", "first")).await?;
    let instances: Api<TradingInstance> = Api::namespaced(client.clone(), &name);
    let in_sync = |instance: &TradingInstance| {
        let status = instance.status.as_ref();
        status.is_some_and(|status| status.in_sync.as_deref() == Some("True"))
    };
    // The readable object is asked for by name: a list would fail on those that cannot be read.
    wait::until_answer("the readable instance runs", async || {
        Ok(instances.get("current").await.ok().filter(in_sync))
    })
    .await?;

    let raw = objects::api_for(&client, &unknown_level, &name).await?;
    let ready = wait::until_answer("the unreadable instance gets a condition", async || {
        let object = raw.get("unknown-level").await?;
        let conditions = object.data["status"]["conditions"].as_array().cloned();
        let mut conditions = conditions.into_iter().flatten();
        Ok(conditions.find(|one| one["type"] == "Ready"))
    })
    .await?;
    ensure!(ready["status"] == "Unknown", "{ready}");
    let message = ready["message"].as_str().unwrap_or_default();
    ensure!(
        message.contains("logLevel") && message.contains(UNKNOWN_LEVEL),
        "the message names the field and the value: {message}"
    );

    let events: Api<Event> = Api::namespaced(client.clone(), &name);
    let about = ListParams::default().fields("involvedObject.name=numbered-tier");
    let told = wait::until_answer(
        "the instance that takes no status gets an event",
        async || Ok(events.list(&about).await?.items.into_iter().next()),
    )
    .await?;
    let note = told.message.unwrap_or_default();
    ensure!(
        note.contains("spec.tier"),
        "the event names the field: {note}"
    );

    operator.stop().await?;
    for old in ["unknown-level", "numbered-tier"] {
        raw.delete(old, &DeleteParams::default()).await?;
    }
    objects::api_for(&client, &namespace, "")
        .await?
        .delete(&name, &DeleteParams::background())
        .await?;
    Ok(())
}

/// Replaces the schema of TradingInstance by one that takes anything, and returns the definition as it should be.
async fn with_schema_that_takes_anything(client: &kube::Client, namespace: &str) -> Result<Value> {
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
    put(client, namespace, &loose).await?;
    Ok(value)
}

/// Puts a definition and waits until the API server serves by it: a dry run tells.
async fn put(client: &kube::Client, namespace: &str, definition: &Value) -> Result<()> {
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
        let api = objects::api_for(client, &probe, namespace).await?;
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
