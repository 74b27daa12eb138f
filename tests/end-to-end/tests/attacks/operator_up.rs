//! The policies hold whether the operator runs or not. Everywhere else in these tests none does.

use anyhow::Result;
use k8s_openapi::api::{apps::v1::Deployment, coordination::v1::Lease, core::v1::Pod};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams},
};
use triptych_end_to_end::{
    installation::{self, Profile},
    lab::push_images,
    wait,
};

use crate::{
    actor::administrator,
    ground::SYSTEM,
    lab::{Lab, catalogue},
    tokens::OPERATOR_ACCOUNT,
};

#[tokio::test]
async fn k1_every_attack_is_refused_while_the_operator_runs_as_while_it_does_not() -> Result<()> {
    let lab = Lab::get();
    start(lab).await?;
    let refused = lab.refuses(catalogue()).await;
    stop(lab).await?;
    refused
}

/// Runs the real operator where there was none, and waits until it leads.
async fn start(lab: &Lab) -> Result<()> {
    let executables = installation::build_executables(Profile::from_environment())?;
    let images = push_images(lab.cluster(), &executables).await?;
    let administrator = administrator(lab.cluster()).await?;
    remove(&administrator).await?;
    lab.upgrade_to(&images.operator)?;
    let leases: Api<Lease> = Api::namespaced(administrator.clone(), SYSTEM);
    let led = |lease: &Lease| {
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.as_deref());
        holder.is_some_and(|holder| !holder.is_empty())
    };
    wait::until_present(&leases, OPERATOR_ACCOUNT, "to be held", led).await?;
    lab.renew_the_operators_token(&administrator).await
}

/// Takes the operator away again: from then on its pods have a node and a token, and run nothing.
async fn stop(lab: &Lab) -> Result<()> {
    let administrator = administrator(lab.cluster()).await?;
    remove(&administrator).await?;
    lab.upgrade_as_platform()?;
    lab.renew_the_operators_token(&administrator).await
}

/// Deletes operator and inspector, because a Deployment keeps what runs until what replaces it does.
async fn remove(administrator: &Client) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(administrator.clone(), SYSTEM);
    let ours = ListParams::default().labels("app.kubernetes.io/part-of=triptych");
    deployments
        .delete_collection(&DeleteParams::foreground(), &ours)
        .await?;
    let pods: Api<Pod> = Api::namespaced(administrator.clone(), SYSTEM);
    wait::until_answer("no pod of the operator is there", async || {
        let left = pods.list(&ours).await?.items;
        Ok(left.is_empty().then_some(()))
    })
    .await
}
