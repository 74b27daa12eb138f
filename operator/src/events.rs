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
        for report in reports {
            let now = Timestamp::now();
            let name = format!("{:x}", now.as_nanosecond());
            self.create(event(regarding, report, &self.instance, &name, now))
                .await;
        }
    }

    /// Publishes an event where it was not published on the same `occasion` (a part of its name) before:
    /// for what no status remembers.
    pub async fn publish_once(
        &self,
        regarding: &ObjectReference,
        report: &EventReport,
        occasion: &str,
    ) {
        let name = once(regarding, report, occasion);
        self.create(event(
            regarding,
            report,
            &self.instance,
            &name,
            Timestamp::now(),
        ))
        .await;
    }

    async fn create(&self, event: Event) {
        let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        match api.create(&PostParams::default(), &event).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            Err(error) => {
                let error = Failure::words(&error);
                warn!(reason = event.reason, error, "an event was not published");
            }
        }
    }
}

/// The part of an event's name behind its object's: the same for the same object, reason and occasion.
fn once(regarding: &ObjectReference, report: &EventReport, occasion: &str) -> String {
    let uid = regarding.uid.as_deref().unwrap_or_default();
    format!("{uid}.{}.{occasion}", report.reason.to_lowercase())
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
    name: &str,
    now: Timestamp,
) -> Event {
    let object = regarding.name.as_deref().unwrap_or_default();
    Event {
        metadata: ObjectMeta {
            namespace: regarding.namespace.clone(),
            name: Some(format!("{object}.{name}")),
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
        let event = event(&regarding, &report, "operator-0", "1886caf21c963200", now);
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
    #[test]
    fn an_event_of_the_same_occasion_has_the_same_name_and_another_object_another() {
        let report = EventReport {
            severity: Severity::Warning,
            reason: "Unreadable",
            action: "Read",
            note: String::new(),
        };
        let object = |uid| reference::<TradingInstance>(&NamespacedName::new("team", "scout"), uid);
        assert_eq!(once(&object("u1"), &report, "3"), "u1.unreadable.3");
        assert_ne!(
            once(&object("u1"), &report, "4"),
            once(&object("u1"), &report, "3")
        );
        assert_ne!(
            once(&object("u2"), &report, "3"),
            once(&object("u1"), &report, "3")
        );
    }
}
