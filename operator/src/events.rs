//! Publishes events (events.k8s.io). They tell people what happened and decide nothing, so that one
//! that cannot be published holds nothing up. A plan has an event only where something changes, so
//! each is published as an event of its own, with its own words.

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::Timestamp,
};
use kube::{Api, Client, Resource, api::PostParams};
use tracing::warn;
use triptych_decide::plan::{EventReport, Severity};

use crate::{errors::Failure, subject::NamespacedName};

/// Name under which the operator appears in events.
const CONTROLLER: &str = "triptych.trading/operator";

/// Publishes events in the name of this process.
#[derive(Clone)]
pub struct Publisher {
    client: Client,
    instance: String,
}

impl Publisher {
    /// `instance` names this process.
    pub fn new(client: Client, instance: String) -> Self {
        Self { client, instance }
    }

    /// Publishes events about an object, in their order.
    pub async fn publish(&self, regarding: &ObjectReference, reports: &[EventReport]) {
        let namespace = regarding.namespace.as_deref().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        for report in reports {
            let event = event(regarding, report, &self.instance, Timestamp::now());
            if let Err(error) = api.create(&PostParams::default(), &event).await {
                let error = Failure::words(&error);
                warn!(reason = report.reason, error, "an event was not published");
            }
        }
    }
}

/// What an event is about.
pub fn reference<K: Resource<DynamicType = ()>>(
    name: &NamespacedName,
    uid: &str,
) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        namespace: Some(name.namespace.clone()),
        name: Some(name.name.clone()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}

fn event(
    regarding: &ObjectReference,
    report: &EventReport,
    instance: &str,
    now: Timestamp,
) -> Event {
    let name = regarding.name.as_deref().unwrap_or_default();
    Event {
        metadata: ObjectMeta {
            namespace: regarding.namespace.clone(),
            name: Some(format!("{name}.{:x}", now.as_nanosecond())),
            ..ObjectMeta::default()
        },
        type_: Some(
            match report.severity {
                Severity::Normal => "Normal",
                Severity::Warning => "Warning",
            }
            .into(),
        ),
        reason: Some(report.reason.into()),
        action: Some(report.action.into()),
        note: Some(report.note.clone()),
        regarding: Some(regarding.clone()),
        event_time: Some(MicroTime(now)),
        reporting_controller: Some(CONTROLLER.into()),
        reporting_instance: Some(instance.to_owned()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use triptych_crds::TradingInstance;

    use super::*;

    #[test]
    fn an_event_says_what_happened_to_which_object_and_who_says_so() {
        let regarding = reference::<TradingInstance>(&NamespacedName::new("team", "scout"), "u1");
        let report = EventReport {
            severity: Severity::Warning,
            reason: "CrashLoop",
            action: "Watch",
            note: "it ended".into(),
        };
        let now = "2026-01-02T03:04:05Z".parse().expect("a time");
        let event = event(&regarding, &report, "operator-0", now);
        assert_eq!(
            event.metadata.name.as_deref(),
            Some("scout.1886caf21c963200")
        );
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        assert_eq!(event.reporting_instance.as_deref(), Some("operator-0"));
        let about = event.regarding.expect("an object");
        assert_eq!(about.kind.as_deref(), Some("TradingInstance"));
        assert_eq!(
            about.api_version.as_deref(),
            Some("triptych.trading/v1alpha1")
        );
        assert_eq!(about.uid.as_deref(), Some("u1"));
    }
}
