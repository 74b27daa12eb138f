//! The policies themselves, as the API server has them.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::{Api, ResourceExt, api::ListParams};
use triptych_end_to_end::wait;

use crate::{actor::administrator, attack::policy, lab::Lab};

#[tokio::test]
async fn every_policy_compiles_without_a_warning_and_is_bound_and_attacked() -> Result<()> {
    let lab = Lab::get();
    let client = administrator(lab.cluster()).await?;
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(client.clone());
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(client);
    let ours = ListParams::default().labels("app.kubernetes.io/part-of=triptych");
    let found = wait::until_answer("every policy's types are checked", async || {
        let found = policies.list(&ours).await?.items;
        let checked = |policy: &ValidatingAdmissionPolicy| {
            policy
                .status
                .as_ref()
                .is_some_and(|status| status.observed_generation == policy.metadata.generation)
        };
        Ok(found.iter().all(checked).then_some(found))
    })
    .await?;
    for policy in &found {
        let name = policy.name_any();
        let warnings = policy
            .status
            .as_ref()
            .and_then(|status| status.type_checking.as_ref());
        let warnings = warnings
            .and_then(|checked| checked.expression_warnings.clone())
            .unwrap_or_default();
        ensure!(warnings.is_empty(), "{name}: {warnings:#?}");
    }
    let names: BTreeSet<String> = found.iter().map(ResourceExt::name_any).collect();
    let listed: BTreeSet<String> = policy::ALL.map(str::to_owned).into();
    ensure!(
        names == listed,
        "installed are {names:?}, attacked are {listed:?}"
    );
    let bound: BTreeSet<String> = bindings
        .list(&ours)
        .await?
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    ensure!(bound == listed, "bound are {bound:?}");
    Ok(())
}
