//! Writes what was decided where people look: the status, and only where it changed.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::{Timestamp, Unit},
};
use kube::{
    Api, Resource,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::{debug, info};
use triptych_crds::{
    ConfigRevision, TradingAccount, TradingInstance, config_revision::ConfigRevisionStatus,
    trading_account::TradingAccountStatus, trading_instance::TradingInstanceStatus,
};
use triptych_decide::{
    account::AccountReport,
    conditions::{self, ConditionReport, ConditionType, Holds},
    plan::{EventReport, InstanceReport, RevisionReport, Severity},
    text,
};

use crate::{
    apply::field_manager,
    cache::{AccountEntry, Entry, InstanceEntry, RevisionEntry, UnreadableInstance},
    context::Context,
    errors::Failure,
    events::reference,
    subject::NamespacedName,
};

/// Reason of the conditions of an object that this build cannot read.
const UNREADABLE: &str = "Unreadable";

/// Reason of `Degraded` while the API server refuses a write.
const WRITE_REFUSED: &str = "WriteRefused";

/// Whether something was written.
pub type Wrote = bool;

/// Reports on a TradingInstance.
pub async fn instance(
    context: &Context,
    instance: &TradingInstance,
    report: &InstanceReport,
) -> Result<Wrote, Failure> {
    let previous = instance.status.as_ref();
    let Some(status) = news(previous, report.status(previous, &now())) else {
        return Ok(false);
    };
    let name = name_of(instance);
    apply_status::<TradingInstance, InstanceEntry>(context, &name, &status).await
}

/// Reports on a ConfigRevision.
pub async fn revision(
    context: &Context,
    name: &NamespacedName,
    previous: Option<&ConfigRevisionStatus>,
    report: &RevisionReport,
) -> Result<Wrote, Failure> {
    let Some(status) = news(previous, report.status(previous, &now())) else {
        return Ok(false);
    };
    apply_status::<ConfigRevision, RevisionEntry>(context, name, &status).await
}

/// Reports on a TradingAccount.
pub async fn account(
    context: &Context,
    name: &str,
    previous: Option<&TradingAccountStatus>,
    report: &AccountReport,
) -> Result<Wrote, Failure> {
    let Some(status) = news(previous, report.status(previous, &now())) else {
        return Ok(false);
    };
    let own = without_seal(status);
    let name = NamespacedName::new("", name);
    apply_status::<TradingAccount, AccountEntry>(context, &name, &own).await
}

/// Says on an instance that this build cannot read it. Its status is not understood, so that a patch
/// of nothing but the conditions leaves the rest of it as it is.
pub async fn unreadable(
    context: &Context,
    name: &NamespacedName,
    instance: &UnreadableInstance,
) -> Result<Wrote, Failure> {
    let reports = unreadable_conditions(&instance.error);
    let conditions = conditions::merge(&instance.conditions, &reports, instance.generation, &now());
    if conditions == instance.conditions {
        return Ok(false);
    }
    let patch = json!({ "status": { "conditions": conditions } });
    let parameters = PatchParams {
        field_manager: Some(field_manager("status")),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(patch);
    let written =
        patch_status::<TradingInstance, InstanceEntry>(context, name, &parameters, &patch).await;
    let told = |condition: &Condition| condition.reason == UNREADABLE;
    // Where the stored object breaks the schema so far that not even its status can be written, the
    // event is all that reaches a person.
    let refused = matches!(written, Err(Failure::Refused { .. }));
    if refused || (written.is_ok() && !instance.conditions.iter().any(told)) {
        let event = EventReport {
            severity: Severity::Warning,
            reason: UNREADABLE,
            action: "Read",
            note: text::at_most_bytes(&reports[0].message, text::MAX_EVENT_NOTE),
        };
        let regarding = reference::<TradingInstance>(name, &instance.uid);
        let occasion = instance.generation.unwrap_or_default();
        context
            .events
            .publish_once(&regarding, &event, &occasion.to_string())
            .await;
    }
    written.map(|()| true)
}

fn unreadable_conditions(error: &str) -> [ConditionReport; 2] {
    let message = format!(
        "this build cannot read the object, what runs goes on: {error}; correct the field with `kubectl edit`, or create the instance anew"
    );
    [
        ConditionReport::new(ConditionType::Ready, Holds::Unknown, UNREADABLE, &message),
        ConditionReport::new(ConditionType::Degraded, Holds::True, UNREADABLE, &message),
    ]
}

/// The report of an instance for which the API server refuses a write, and the event where it is
/// news. What a person has to change is in the server's words.
pub fn refused(
    report: &mut InstanceReport,
    previous: Option<&TradingInstanceStatus>,
    failure: &Failure,
) -> Option<EventReport> {
    let message = failure.to_string();
    let degraded = ConditionReport::new(
        ConditionType::Degraded,
        Holds::True,
        WRITE_REFUSED,
        &message,
    );
    report
        .conditions
        .retain(|condition| condition.kind != ConditionType::Degraded);
    report.conditions.push(degraded);
    let conditions = previous.into_iter().flat_map(|status| &status.conditions);
    let mut told = conditions.filter(|condition| condition.reason == WRITE_REFUSED);
    told.next().is_none().then(|| EventReport {
        severity: Severity::Warning,
        reason: WRITE_REFUSED,
        action: "Apply",
        note: text::at_most_bytes(&text::one_line(&message), text::MAX_EVENT_NOTE),
    })
}

/// Namespace and name of an instance.
pub fn name_of(instance: &TradingInstance) -> NamespacedName {
    let metadata = &instance.metadata;
    NamespacedName::new(
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}

/// Applies a whole status: fields that this operator set before and sets no more disappear.
async fn apply_status<K, T>(
    context: &Context,
    name: &NamespacedName,
    status: &impl Serialize,
) -> Result<Wrote, Failure>
where
    K: Resource<DynamicType = ()>,
    T: Entry<Object = DynamicObject>,
{
    let metadata = match name.namespace.as_str() {
        "" => json!({ "name": name.name }),
        namespace => json!({ "namespace": namespace, "name": name.name }),
    };
    let patch = Patch::Apply(json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": metadata,
        "status": status,
    }));
    let parameters = PatchParams::apply(&field_manager("status")).force();
    patch_status::<K, T>(context, name, &parameters, &patch).await?;
    Ok(true)
}

async fn patch_status<K, T>(
    context: &Context,
    name: &NamespacedName,
    parameters: &PatchParams,
    patch: &Patch<Value>,
) -> Result<(), Failure>
where
    K: Resource<DynamicType = ()>,
    T: Entry<Object = DynamicObject>,
{
    let resource = ApiResource::erase::<K>(&());
    let client = context.client.clone();
    let api: Api<DynamicObject> = match name.namespace.as_str() {
        "" => Api::all_with(client, &resource),
        namespace => Api::namespaced_with(client, namespace, &resource),
    };
    let attempt = format!("write the status of {} {name}", T::KIND);
    let written = api.patch_status(&name.name, parameters, patch).await;
    let written = written.map_err(|error| Failure::sort(&attempt, &error))?;
    debug!("{attempt}");
    context.learn::<T>(written);
    Ok(())
}

/// The seal is written by whoever inspects it, under a field manager of its own.
fn without_seal(mut status: TradingAccountStatus) -> TradingAccountStatus {
    for side in [&mut status.live, &mut status.demo].into_iter().flatten() {
        side.seal = None;
    }
    status
}

/// A status that has conditions.
trait Conditioned: PartialEq {
    fn conditions(&self) -> &[Condition];
}

impl Conditioned for TradingInstanceStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }
}

impl Conditioned for ConfigRevisionStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }
}

impl Conditioned for TradingAccountStatus {
    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }
}

/// The status where it differs from the one that was reported last; its transitions are logged.
fn news<T: Conditioned>(previous: Option<&T>, status: T) -> Option<T> {
    if previous == Some(&status) {
        return None;
    }
    let before = previous.map_or(&[][..], T::conditions);
    log_transitions(before, status.conditions());
    Some(status)
}

fn log_transitions(before: &[Condition], after: &[Condition]) {
    let state = |condition: &Condition| (condition.status.clone(), condition.reason.clone());
    for condition in after {
        let known = before.iter().find(|known| known.type_ == condition.type_);
        if known.map(state) != Some(state(condition)) {
            let Condition {
                type_,
                status,
                reason,
                message,
                ..
            } = condition;
            info!(condition = type_, status, reason, message, "transition");
        }
    }
}

/// Times of conditions have whole seconds: what is written is what is read.
fn now() -> Time {
    let now = Timestamp::now();
    Time(now.round(Unit::Second).unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use triptych_crds::trading_instance::Phase;

    use super::*;

    fn time(text: &str) -> Time {
        Time(text.parse().expect("a time"))
    }

    fn report(holds: Holds, reason: &'static str, message: &str) -> InstanceReport {
        InstanceReport {
            generation: Some(1),
            phase: Phase::Running,
            trading_state: None,
            declared_hash: None,
            running: None,
            in_sync: None,
            waiting_for: None,
            restarted: None,
            halt: None,
            ceiling: None,
            gates: Vec::new(),
            proven: Vec::new(),
            conditions: vec![ConditionReport::new(
                ConditionType::Ready,
                holds,
                reason,
                message,
            )],
        }
    }

    #[test]
    fn the_same_report_later_is_the_same_status() {
        let report = report(Holds::True, "Running", "it runs");
        let first = report.status(None, &time("2026-01-01T00:00:00Z"));
        let later = report.status(Some(&first), &time("2026-01-02T00:00:00Z"));
        assert_eq!(first, later, "nothing to patch");
    }

    #[test]
    fn the_transition_time_moves_with_the_status_of_its_condition_only() {
        let earlier = time("2026-01-01T00:00:00Z");
        let later = time("2026-01-02T00:00:00Z");
        let first = report(Holds::True, "Running", "it runs").status(None, &earlier);
        let other_words = report(Holds::True, "Running", "it runs well");
        let second = other_words.status(Some(&first), &later);
        assert_ne!(first, second, "a new message is patched");
        assert_eq!(second.conditions[0].last_transition_time, earlier);
        let third = report(Holds::False, "Stopped", "").status(Some(&second), &later);
        assert_eq!(third.conditions[0].last_transition_time, later);
    }

    #[test]
    fn a_status_survives_the_way_to_the_api_server_and_back() {
        let status = report(Holds::True, "Running", "it runs").status(None, &now());
        let stored = serde_json::to_value(&status).expect("plain data");
        let read: TradingInstanceStatus = serde_json::from_value(stored).expect("its own form");
        assert_eq!(read, status);
    }

    #[test]
    fn an_unreadable_object_keeps_its_other_conditions_and_is_told_once() {
        let foreign = Condition {
            type_: "KeyIsolated".into(),
            status: "True".into(),
            reason: "Verified".into(),
            message: String::new(),
            observed_generation: None,
            last_transition_time: time("2026-01-01T00:00:00Z"),
        };
        let reports = unreadable_conditions("spec: unknown variant `Z`");
        let later = time("2026-01-02T00:00:00Z");
        let first = conditions::merge(std::slice::from_ref(&foreign), &reports, Some(2), &later);
        assert_eq!(first[0], foreign);
        assert_eq!(first[1].type_, "Ready");
        assert_eq!(first[2].status, "True");
        let again = conditions::merge(&first, &reports, Some(2), &now());
        assert_eq!(again, first, "nothing to patch");
    }

    #[test]
    fn a_refused_write_degrades_the_instance_and_makes_one_event() {
        let failure = Failure::Refused {
            attempt: "apply StatefulSet team/scout".into(),
            reason: "exceeded quota: team".into(),
        };
        let mut first = report(Holds::True, "Running", "");
        let event = refused(&mut first, None, &failure).expect("news");
        assert_eq!(
            event.note,
            "apply StatefulSet team/scout: exceeded quota: team"
        );
        let status = first.status(None, &now());
        assert!(
            status
                .conditions
                .iter()
                .any(|condition| condition.reason == WRITE_REFUSED)
        );
        let mut second = report(Holds::True, "Running", "");
        assert_eq!(refused(&mut second, Some(&status), &failure), None);
        assert_eq!(
            second.status(Some(&status), &now()),
            status,
            "nothing to patch"
        );
    }
}
