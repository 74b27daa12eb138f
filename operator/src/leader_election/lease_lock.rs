//! The lock as a Lease of the API server.

use std::time::Duration;

use k8s_openapi::{api::coordination::v1::Lease, jiff::Timestamp};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Map, Value, json};

use super::{Lock, LockError, Record, Step, Version};
use crate::errors::Failure;

const FIELD_MANAGER: &str = "triptych-operator/lease";

/// A Lease. The API server compares and swaps by `resourceVersion`.
#[derive(Clone)]
pub struct LeaseLock {
    api: Api<Lease>,
    name: String,
}

impl LeaseLock {
    /// The Lease `namespace/name`. It need not exist yet.
    pub fn new(client: Client, namespace: &str, name: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
        }
    }

    async fn create(&self, spec: Value) -> Result<Lease, kube::Error> {
        let lease = serde_json::from_value(json!({
            "metadata": { "name": self.name },
            "spec": spec,
        }))
        .map_err(kube::Error::SerdeError)?;
        let parameters = PostParams {
            field_manager: Some(FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        self.api.create(&parameters, &lease).await
    }

    async fn patch(&self, spec: Value, expected: &Version) -> Result<Lease, kube::Error> {
        let patch = json!({
            "metadata": { "resourceVersion": expected.0 },
            "spec": spec,
        });
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.into()),
            ..PatchParams::default()
        };
        self.api
            .patch(&self.name, &parameters, &Patch::Merge(patch))
            .await
    }
}

impl Lock for LeaseLock {
    async fn read(&self) -> Result<Option<(Record, Version)>, LockError> {
        match self.api.get_opt(&self.name).await {
            Ok(None) => Ok(None),
            Ok(Some(lease)) => Ok(Some((record(&lease), version(&lease)?))),
            Err(error) => Err(sorted(&error)),
        }
    }

    async fn write(
        &self,
        step: Step,
        record: &Record,
        expected: Option<&Version>,
    ) -> Result<Version, LockError> {
        let spec = spec(step, record, Timestamp::now());
        let written = match expected {
            None => self.create(spec).await,
            Some(expected) => self.patch(spec, expected).await,
        };
        version(&written.map_err(|error| match &error {
            kube::Error::Api(status) if status.code == 404 && expected.is_some() => {
                LockError::Conflict
            }
            error => sorted(error),
        })?)
    }
}

/// The written part of a Lease's spec, as a merge patch: null removes a field. Its times are for
/// people and other tools; this elector never reads them.
fn spec(step: Step, record: &Record, now: Timestamp) -> Value {
    let now = json!(format!("{now:.6}"));
    let mut spec = Map::new();
    spec.insert("holderIdentity".into(), json!(record.holder));
    spec.insert(
        "leaseDurationSeconds".into(),
        json!(record.lease_duration.as_secs()),
    );
    spec.insert("leaseTransitions".into(), json!(record.transitions));
    spec.insert("renewTime".into(), now.clone());
    match step {
        Step::Take => spec.insert("acquireTime".into(), now),
        Step::GiveBack => spec.insert("acquireTime".into(), Value::Null),
        Step::Renew => None,
    };
    spec.into()
}

fn record(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    let seconds = spec.lease_duration_seconds.unwrap_or_default();
    Record {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty()),
        lease_duration: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
        transitions: spec.lease_transitions.unwrap_or_default(),
    }
}

fn version(lease: &Lease) -> Result<Version, LockError> {
    let version = lease.metadata.resource_version.clone();
    version
        .map(Version)
        .ok_or_else(|| LockError::Unavailable("the Lease has no resourceVersion".into()))
}

/// The answer says for sure that nothing was written only where somebody else changed the Lease.
fn sorted(error: &kube::Error) -> LockError {
    match error {
        kube::Error::Api(status) if status.code == 409 => LockError::Conflict,
        error => LockError::Unavailable(Failure::words(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Record {
        Record {
            holder: Some("operator-0".into()),
            lease_duration: Duration::from_secs(15),
            transitions: 3,
        }
    }

    #[test]
    fn a_renewal_keeps_the_time_of_acquisition() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
        let renewed = spec(Step::Renew, &held(), now);
        assert_eq!(renewed.get("acquireTime"), None);
        assert_eq!(renewed["renewTime"], "2026-01-02T03:04:05.000000Z");
        let taken = spec(Step::Take, &held(), now);
        assert_eq!(taken["acquireTime"], "2026-01-02T03:04:05.000000Z");
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let written: Lease = serde_json::from_value(json!({
            "metadata": { "resourceVersion": "7" },
            "spec": spec(Step::Take, &held(), Timestamp::now()),
        }))
        .expect("a Lease");
        assert_eq!(record(&written), held());
        assert_eq!(version(&written), Ok(Version("7".into())));
    }

    #[test]
    fn a_lease_without_a_holder_is_free() {
        for spec in [
            json!({}),
            json!({ "holderIdentity": "" }),
            json!({ "holderIdentity": null }),
        ] {
            let lease: Lease = serde_json::from_value(json!({ "spec": spec })).expect("a Lease");
            assert_eq!(record(&lease).holder, None);
        }
    }
}
