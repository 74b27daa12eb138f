//! The chart of an account on a real cluster: what it makes, who may do what there, and that Helm
//! takes nothing of it away.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota, Secret};
use kube::{Api, ResourceExt, api::DeleteParams};
use serde_json::json;
use triptych_crds::TradingAccount;
use triptych_end_to_end::{
    account::{Account, CUSTODIANS, TEAM},
    lab::Lab,
    objects, wait,
};

const BOTH: [&str; 2] = ["live.enabled=true", "demo.enabled=true"];

/// What a sealed namespace holds of the chart.
const SEALED: [&str; 12] = [
    "lease.coordination.k8s.io/trader",
    "networkpolicy.networking.k8s.io/default-deny",
    "networkpolicy.networking.k8s.io/operator",
    "networkpolicy.networking.k8s.io/trader",
    "resourcequota/seal",
    "role.rbac.authorization.k8s.io/key-custodians",
    "role.rbac.authorization.k8s.io/trader",
    "role.rbac.authorization.k8s.io/view",
    "rolebinding.rbac.authorization.k8s.io/key-custodians",
    "rolebinding.rbac.authorization.k8s.io/trader",
    "rolebinding.rbac.authorization.k8s.io/view",
    "serviceaccount/trader",
];

#[tokio::test]
async fn accounts_live_side_by_side_each_with_its_sealed_namespaces() -> Result<()> {
    let lab = Lab::get();
    let whole = Account::new(lab, "whole").await?;
    let demo = Account::new(lab, "demo-only").await?;
    whole.apply(&BOTH)?;
    demo.apply(&["demo.enabled=true"])?;

    for (account, sides) in [(&whole, &["live", "demo"][..]), (&demo, &["demo"])] {
        let declared: TradingAccount = Api::all(account.team.client.clone())
            .get(&account.name)
            .await?;
        ensure!(
            declared.spec.live.is_some() == sides.contains(&"live"),
            "{declared:?}"
        );
        ensure!(declared.spec.allowed_namespaces.len() == 1, "{declared:?}");
        for side in sides {
            let sealed = account.sealed(side);
            let found = account.objects_in(&sealed)?;
            ensure!(
                found == SEALED.map(str::to_owned).into(),
                "{sealed}: {found:?}"
            );
            check_seal(account, &sealed, side).await?;
        }
    }
    let namespaces: Api<Namespace> = Api::all(demo.team.client.clone());
    ensure!(namespaces.get_opt(&demo.sealed("live")).await?.is_none());
    whole.remove().await?;
    demo.remove().await
}

/// The labels of a sealed namespace, and that its quota counts.
async fn check_seal(account: &Account, sealed: &str, side: &str) -> Result<()> {
    let client = account.team.client.clone();
    let namespace = Api::<Namespace>::all(client.clone()).get(sealed).await?;
    for (label, value) in [
        ("pod-security.kubernetes.io/enforce", "restricted"),
        ("triptych.trading/account", &account.name),
        ("triptych.trading/side", side),
    ] {
        ensure!(
            namespace
                .labels()
                .get(label)
                .is_some_and(|found| found == value),
            "{sealed}: {label} is not {value}: {:?}",
            namespace.labels()
        );
    }
    let quotas: Api<ResourceQuota> = Api::namespaced(client, sealed);
    wait::until_present(&quotas, "seal", "to count pods", |quota: &ResourceQuota| {
        let counted = quota
            .status
            .as_ref()
            .and_then(|status| status.used.as_ref());
        counted.is_some_and(|used| used.contains_key("count/pods"))
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn k1_in_a_sealed_namespace_each_may_do_its_own_and_nothing_else() -> Result<()> {
    let account = Account::new(Lab::get(), "rights").await?;
    account.apply(&BOTH)?;
    let (live, demo) = (account.sealed("live"), account.sealed("demo"));
    let team = account.team.name();
    let trader = format!("system:serviceaccount:{live}:trader");
    // Who, in which group, where, what is allowed, what is not; each as verb and resource.
    let own = format!("use tradingaccounts:{}", account.name);
    let others = "use tradingaccounts:somebody-elses, get secrets";
    let table: [(&str, &str, &str, &str, &str); 9] = [
        ("tess", TEAM, "", &own, others),
        ("sam", "strangers", "", "", &own),
        (
            &trader,
            "system:serviceaccounts",
            &live,
            "get leases:trader, update leases:trader, patch leases:trader",
            "create leases, delete leases:trader, get leases:other, get secrets, list pods, get configmaps, create pods, update rolebindings",
        ),
        (
            &trader,
            "system:serviceaccounts",
            team,
            "get tradinginstances, list tradinginstances, watch tradinginstances",
            "update tradinginstances, patch tradinginstances, patch tradinginstances/status, get secrets, list pods",
        ),
        (
            &trader,
            "system:serviceaccounts",
            &demo,
            "",
            "get leases:trader, update leases:trader, get secrets, list pods",
        ),
        (
            "tess",
            TEAM,
            &live,
            "list pods, get pods/log, list events, get configmaps, list statefulsets, list persistentvolumeclaims",
            "get secrets, list secrets, watch secrets, create pods/exec, get pods/exec, create pods/attach, create pods/portforward, get pods/proxy, delete pods, create pods, patch statefulsets, create serviceaccounts/token, patch leases, delete configmaps",
        ),
        (
            "cleo",
            CUSTODIANS,
            &live,
            "create secrets, delete secrets",
            "get secrets, list secrets, watch secrets, update secrets, patch secrets, create pods, list pods, create pods/exec, create serviceaccounts/token",
        ),
        (
            "cleo",
            CUSTODIANS,
            team,
            "",
            "create secrets, delete secrets",
        ),
        (
            "sam",
            "strangers",
            &live,
            "",
            "get secrets, list pods, get pods/log, get leases:trader",
        ),
    ];
    let mut wrong = Vec::new();
    for (who, group, namespace, allowed, refused) in table {
        for (deeds, expected) in [(allowed, true), (refused, false)] {
            for deed in deeds.split(", ").filter(|deed| !deed.is_empty()) {
                let (verb, resource) = deed.split_once(' ').context("verb and resource")?;
                if account
                    .may(who, &[group], verb, resource, namespace)
                    .await?
                    != expected
                {
                    wrong.push(format!(
                        "{who} of {group} may {deed} in {namespace}: {}",
                        !expected
                    ));
                }
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    account.remove().await
}

#[tokio::test]
async fn k1_a_custodian_makes_the_key_with_the_commands_of_the_notes_and_cannot_read_it_back()
-> Result<()> {
    let lab = Lab::get();
    let account = Account::new(lab, "custody").await?;
    let notes = account.apply(&BOTH)?;
    let folder = tempfile::tempdir()?;
    for (file, text) in [("api-key", "the-key"), ("api-secret", "the-secret")] {
        std::fs::write(folder.path().join(file), text)?;
    }
    let kubeconfig = folder.path().join("kubeconfig");
    let custodian = lab.cluster().user_kubeconfig("cleo", &[CUSTODIANS])?;
    std::fs::write(&kubeconfig, custodian)?;
    let as_custodian = |script: &str| lab.script(&kubeconfig, folder.path(), script);

    for side in ["live", "demo"] {
        let (sealed, name) = (account.sealed(side), format!("{side}-{}", account.name));
        let pipeline = pipeline_for(&notes, &name)?;
        as_custodian(&pipeline)?;

        let secrets: Api<Secret> = Api::namespaced(account.team.client.clone(), &sealed);
        let key = secrets.get(&name).await?;
        ensure!(
            key.type_ == Some(format!("triptych.trading/{side}-key")),
            "{:?}",
            key.type_
        );
        ensure!(key.immutable == Some(true), "the key can be changed");
        ensure!(
            key.annotations().is_empty(),
            "a copy may be in an annotation"
        );
        let bytes = key.data.unwrap_or_default();
        let read = |file: &str| bytes.get(file).map(|value| value.0.as_slice());
        ensure!(read("api-key") == Some(b"the-key".as_slice()));
        ensure!(read("api-secret") == Some(b"the-secret".as_slice()));

        let read_back = format!("kubectl --namespace {sealed} get secret {name}");
        let refusal = as_custodian(&read_back).expect_err("custodians read no key");
        ensure!(refusal.to_string().contains("Forbidden"), "{refusal:#}");
        // A rotation: the key goes, and comes again by the same commands.
        as_custodian(&format!(
            "kubectl --namespace {sealed} delete secret {name} --wait=false"
        ))?;
        wait::until_gone(&secrets, &name).await?;
        as_custodian(&pipeline)?;
    }
    account.remove().await
}

/// The commands in the notes that make a Secret.
fn pipeline_for(notes: &str, secret: &str) -> Result<String> {
    let first = format!("kubectl create secret generic {secret} ");
    let last = "kubectl create --filename=-";
    let start = notes
        .find(&first)
        .with_context(|| format!("no {first:?} in:\n{notes}"))?;
    let length = notes[start..]
        .find(last)
        .context("the pipeline has no end")?
        + last.len();
    Ok(notes[start..start + length].to_owned())
}

#[tokio::test]
async fn neither_an_upgrade_nor_an_uninstall_takes_a_part_of_the_seal_away() -> Result<()> {
    let account = Account::new(Lab::get(), "kept").await?;
    account.apply(&BOTH)?;
    let (live, demo) = (account.sealed("live"), account.sealed("demo"));
    let seal: BTreeSet<String> = SEALED.map(str::to_owned).into();

    let notes = account.apply(&["live.enabled=true"])?;
    for command in [
        format!(
            "kubectl annotate namespace {demo} triptych.trading/decommission={}",
            account.name
        ),
        format!("kubectl delete namespace {demo}"),
        format!(
            "kubectl --namespace {} delete rolebinding,role {demo}",
            account.team.name()
        ),
    ] {
        ensure!(notes.contains(&command), "no {command:?} in:\n{notes}");
    }
    ensure!(
        account.objects_in(&demo)? == seal,
        "the demo side lost a part of its seal"
    );

    account.helm(&["uninstall", &account.name])?;
    for namespace in [&live, &demo] {
        ensure!(
            account.objects_in(namespace)? == seal,
            "{namespace} lost a part of its seal"
        );
    }
    let accounts: Api<TradingAccount> = Api::all(account.team.client.clone());
    let before = accounts.get(&account.name).await?;

    let notes = account.apply(&BOTH)?;
    ensure!(!notes.contains("Left over"), "{notes}");
    let after = accounts.get(&account.name).await?;
    ensure!(
        objects::uid(&before) == objects::uid(&after),
        "the account was made anew"
    );
    ensure!(after.spec.demo.is_some(), "{after:?}");
    account.remove().await
}

#[tokio::test]
async fn an_account_that_is_in_use_keeps_its_allowed_namespace_and_its_name() -> Result<()> {
    let account = Account::new(Lab::get(), "in-use").await?;
    account.apply(&BOTH)?;
    let instance = json!({
        "apiVersion": "triptych.trading/v1alpha1",
        "kind": "TradingInstance",
        "metadata": { "name": "live" },
        "spec": { "tier": "W", "account": account.name, "configRevision": "none-yet", "liveRatio": "0.1" }
    });
    account.team.apply(&instance).await?;
    let another = format!("account=not-{}", account.name);
    for (values, says) in [
        (
            [BOTH[0], "allowedNamespaces={default}"],
            "still uses this account",
        ),
        ([BOTH[0], &another], "an account cannot be renamed"),
    ] {
        let refusal = account.apply(&values).expect_err("the account is in use");
        ensure!(
            refusal.to_string().contains(says),
            "no {says:?} in: {refusal:#}"
        );
    }
    let instances = account.team.instances();
    instances.delete("live", &DeleteParams::default()).await?;
    wait::until_gone(&instances, "live").await?;
    account.apply(&[BOTH[0], "allowedNamespaces={default}"])?;
    account.remove().await
}
