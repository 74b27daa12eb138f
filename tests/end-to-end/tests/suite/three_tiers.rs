//! W and its mirror on a real cluster: who runs where, with which key, in which order, and what halts.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::{Api, ResourceExt, api::DeleteParams};
use serde_json::json;
use triptych_crds::{
    TradingAccount, TradingState,
    trading_instance::{HaltSource, Phase},
};
use triptych_end_to_end::{
    account::TEAM,
    conditions::{message, says},
    lab::Lab,
    trading_system::{MIRROR, TradingSystem, WRITER},
    wait,
};

#[tokio::test]
async fn k1_w_and_r_run_in_their_sealed_namespaces_with_the_key_of_their_side() -> Result<()> {
    let lab = Lab::get();
    let system = TradingSystem::start_at_venue(lab, "placement").await?;
    for (side, on_w_node) in [("live", true), ("demo", false)] {
        let pod = system.pod(side).await?;
        let spec = pod.spec.context("a pod has a spec")?;
        let node = spec.node_name.context("it runs on a node")?;
        ensure!(
            lab.w_nodes().contains(&node) == on_w_node,
            "{side}: it runs on {node}, the W nodes are {:?}",
            lab.w_nodes()
        );
        let secrets: Vec<String> = spec
            .volumes
            .into_iter()
            .flatten()
            .filter_map(|volume| volume.secret?.secret_name)
            .collect();
        ensure!(
            secrets == [format!("{side}-{}", system.account.name)],
            "{secrets:?}"
        );
    }
    refuse_the_live_key_elsewhere(lab, &system).await?;
    for name in [WRITER, MIRROR] {
        for (kind, expected) in [
            ("KeyIsolated", "True SealWhole"),
            ("MirrorInSync", "True InSync"),
            ("Execution", "True Connected"),
            ("Simulated", "True SimulatedAccount"),
        ] {
            let said = format!("{kind} {expected}");
            system
                .until(name, &said, |status| says(status, kind) == expected)
                .await?;
        }
    }
    system.remove().await
}

/// Whoever else asks for the key that W has mounted is refused: the team that owns the instance, a pod of
/// the team, and the kubelet of the mirror's node.
async fn refuse_the_live_key_elsewhere(lab: &Lab, system: &TradingSystem) -> Result<()> {
    let account = &system.account;
    let (sealed, key) = (account.sealed("live"), format!("live-{}", account.name));
    let node = system
        .pod("demo")
        .await?
        .spec
        .and_then(|spec| spec.node_name);
    let kubelet = format!("system:node:{}", node.context("R runs on a node")?);
    let team = account.team.name();
    lab.kubectl(&[
        "create",
        "rolebinding",
        "team",
        "--clusterrole=edit",
        "--group",
        TEAM,
        "-n",
        team,
    ])?;

    wait::until_answer("the team may make pods", async || {
        let may = account.may("tess", &[TEAM], "create", "pods", team).await?;
        Ok(may.then_some(()))
    })
    .await?;

    let read = ["get", "secret", &key, "--namespace", &sealed];
    let overrides = json!({ "spec": {
        "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [{
            "name": "thief", "image": "thief", "volumeMounts": [{ "name": "key", "mountPath": "/key" }],
            "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } }
        }],
        "volumes": [{ "name": "key", "secret": { "secretName": key } }]
    } })
    .to_string();
    let overrides = format!("--overrides={overrides}");
    let mount = [
        "run",
        "thief",
        "--image=thief",
        &overrides,
        "--namespace",
        team,
    ];
    for (who, group, words, says) in [
        ("tess", TEAM, &read[..], "cannot get resource \"secrets\""),
        ("tess", TEAM, &mount, "may not name Secrets live-*"),
        (
            &kubelet,
            "system:nodes",
            &read,
            "no relationship found between node",
        ),
    ] {
        let words = [words, &["--as", who, "--as-group", group]].concat();
        let refusal = lab.kubectl(&words).expect_err("the key is W's alone");
        ensure!(
            refusal.to_string().contains(says),
            "{who}: no {says:?} in: {refusal:#}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn m1_m2_a_commit_to_one_of_them_rolls_nobody_and_one_to_both_rolls_r_and_then_w()
-> Result<()> {
    let system = TradingSystem::start(Lab::get(), "mirror").await?;
    let team = &system.account.team;
    let before = system.pod_uids().await?;

    team.patch_spec(WRITER, json!({ "configRevision": "second" }))
        .await?;
    for name in [WRITER, MIRROR] {
        let held = system
            .until(name, "held", |status| {
                says(status, "MirrorInSync") == "False HashesDiffer"
            })
            .await?;
        let status = held.status.context("a status")?;
        let message = message(&status, "MirrorInSync");
        let declared = status.declared_hash.context("a declared hash")?;
        ensure!(
            message.contains(&declared),
            "both hashes are named: {message}"
        );
    }
    let during = system.pod_uids().await?;
    ensure!(before == during, "somebody rolled");

    team.patch_spec(MIRROR, json!({ "configRevision": "second" }))
        .await?;
    system.until_in_sync().await?;
    let created = |pod: k8s_openapi::api::core::v1::Pod| pod.creation_timestamp();
    let live = created(system.pod("live").await?).context("a time")?;
    let demo = created(system.pod("demo").await?).context("a time")?;
    ensure!(demo.0 < live.0, "R first: {demo:?}, {live:?}");

    // Going back to what W proved waits for no gate.
    system.commit("first").await?;
    system.until_in_sync().await?;
    system.remove().await
}

#[tokio::test]
async fn s1_a_halt_holds_until_it_is_resumed_by_its_id() -> Result<()> {
    let system = TradingSystem::start(Lab::get(), "halt").await?;
    let team = &system.account.team;
    let pod = system.pod("live").await?.uid();
    let halt = system.halt().await?;
    ensure!(halt.source == HaltSource::Spec, "{halt:?}");

    // The manifests of before, applied again.
    system.declare("first").await?;
    team.patch_spec(WRITER, json!({ "tradingState": null }))
        .await?;
    let still = system
        .until(WRITER, "looked at again", |status| {
            status.trading_state == Some(TradingState::Halted)
        })
        .await?;
    let status = still.status.context("a status")?;
    ensure!(status.halt.as_ref() == Some(&halt), "{:?}", status.halt);
    ensure!(status.phase == Some(Phase::Halted), "{:?}", status.phase);

    system.resume(WRITER, &halt).await?;
    ensure!(
        system.pod("live").await?.uid() == pod,
        "nothing was restarted"
    );
    system.remove().await
}

#[tokio::test]
async fn k1_a_seal_that_is_opened_is_named_and_no_new_w_starts_behind_it() -> Result<()> {
    let system = TradingSystem::prepare(Lab::get(), "seal").await?;
    let team = &system.account.team;
    let sealed = system.account.sealed("live");
    let policies: Api<NetworkPolicy> = Api::namespaced(team.client.clone(), &sealed);
    policies
        .delete("default-deny", &DeleteParams::default())
        .await?;
    system.declare("first").await?;
    let held = system
        .until(WRITER, "held", |status| {
            says(status, "KeyIsolated") == "False SealBroken"
        })
        .await?;
    let status = held.status.context("a status")?;
    let message = message(&status, "KeyIsolated");
    ensure!(
        message.contains("NetworkPolicy default-deny is missing"),
        "{message}"
    );
    let accounts: Api<TradingAccount> = Api::all(team.client.clone());
    let account = accounts.get(&system.account.name).await?;
    let live = account
        .status
        .and_then(|status| status.live)
        .context("a live side")?;
    ensure!(
        live.seal.is_some_and(|seal| !seal.whole),
        "the account says so too"
    );
    ensure!(
        system.traders("live").get_opt("trader").await?.is_none(),
        "a W was made"
    );
    system.remove().await
}

#[tokio::test]
async fn a_side_has_one_writer_and_the_next_gets_it_when_the_first_is_gone() -> Result<()> {
    let system = TradingSystem::start(Lab::get(), "cardinality").await?;
    let team = &system.account.team;
    let [mut second, _] = system.instances("first");
    second["metadata"]["name"] = "second".into();
    team.apply(&second).await?;
    let refused = system
        .until("second", "refused", |status| {
            says(status, "Progressing") == "False AccountInUse"
        })
        .await?;
    let status = refused.status.context("a status")?;
    ensure!(message(&status, "Progressing").contains(WRITER));
    let trader = system.traders("live").get("trader").await?.uid();

    team.delete(&team.instances(), WRITER).await?;
    wait::until(
        &system.traders("live"),
        "trader",
        "to be another or gone",
        |set| set.is_none_or(|set| set.uid() != trader),
    )
    .await?;
    system
        .until("second", "to have the side", |status| {
            says(status, "Progressing") != "False AccountInUse"
        })
        .await?;
    team.delete(&team.instances(), "second").await?;
    system.remove().await
}
