//! What one reading of the TradingInstance means for the halt.
//!
//! An object that is no TradingInstance of this name is a failed reading, not a wish. A trading state
//! that this build does not know is taken for Halted: whoever wrote it wanted less than Active.

use kube::api::DynamicObject;
use serde_json::Value;
use triptych_crds::TradingState;
use triptych_crds::text::{HaltId, Ratio};

use crate::halt::machine::{Asked, InstanceView};
use crate::halt::{Source, bounded};

/// The annotation that asks for a halt; its value is the reason.
pub const HALT_ANNOTATION: &str = "triptych.trading/halt";

/// Which TradingInstance is the trader's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceIdentity {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
}

/// One reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What it says about the halt.
    pub view: InstanceView,
    /// `spec.liveRatio`.
    pub live_ratio: Option<Ratio>,
    /// The version of the object, where it is a number.
    pub version: Option<u64>,
}

/// Reads an object; the error says why it is not the trader's TradingInstance at all.
pub fn read(object: &DynamicObject, own: &InstanceIdentity) -> Result<Reading, String> {
    let metadata = &object.metadata;
    let uid = metadata.uid.as_deref().unwrap_or_default();
    let is_own = metadata.name.as_deref() == Some(&*own.name) && !uid.is_empty();
    let spec = object.data.get("spec").filter(|spec| spec.is_object());
    let Some(spec) = spec.filter(|_| is_own) else {
        return Err(format!(
            "the answer is no TradingInstance {:?} with a UID and a spec",
            own.name
        ));
    };
    let text = |field: &str| spec.get(field).and_then(Value::as_str).map(str::to_owned);
    let view = match gone(object, uid, own) {
        Some(reason) => InstanceView::Gone { reason },
        None => InstanceView::There {
            asked: asked_by_annotation(object).or_else(|| asked_by_spec(spec)),
            resume: text("resume").map(HaltId),
        },
    };
    Ok(Reading {
        view,
        live_ratio: text("liveRatio")
            .filter(|ratio| ratio.len() <= Ratio::MAX_LENGTH)
            .map(Ratio),
        version: metadata
            .resource_version
            .as_deref()
            .and_then(|version| version.parse().ok()),
    })
}

fn gone(object: &DynamicObject, uid: &str, own: &InstanceIdentity) -> Option<String> {
    let InstanceIdentity {
        namespace,
        name,
        uid: own_uid,
    } = own;
    if uid != own_uid {
        return Some(format!(
            "TradingInstance {namespace}/{name} is another one now: its UID is {uid}, this trader \
             was started for {own_uid}"
        ));
    }
    object
        .metadata
        .deletion_timestamp
        .is_some()
        .then(|| format!("TradingInstance {namespace}/{name} is being deleted"))
}

/// The reading of a TradingInstance that is not there any more.
pub fn deleted(own: &InstanceIdentity) -> InstanceView {
    let InstanceIdentity {
        namespace, name, ..
    } = own;
    InstanceView::Gone {
        reason: format!("TradingInstance {namespace}/{name} is deleted"),
    }
}

fn asked_by_annotation(object: &DynamicObject) -> Option<Asked> {
    let reason = object
        .metadata
        .annotations
        .as_ref()?
        .get(HALT_ANNOTATION)?
        .trim();
    Some(Asked {
        state: TradingState::Halted,
        source: Source::Annotation,
        reason: match reason {
            "" => format!("annotation {HALT_ANNOTATION}, without a reason"),
            reason => bounded(reason),
        },
    })
}

fn asked_by_spec(spec: &Value) -> Option<Asked> {
    let declared = spec
        .get("tradingState")
        .filter(|declared| !declared.is_null())?;
    let (state, reason) = match declared.as_str() {
        Some("Active") => return None,
        Some("Reducing") => (
            TradingState::Reducing,
            "spec.tradingState is Reducing".to_owned(),
        ),
        Some("Halted") => (
            TradingState::Halted,
            "spec.tradingState is Halted".to_owned(),
        ),
        _ => (
            TradingState::Halted,
            bounded(&format!(
                "spec.tradingState is {declared}, which this build does not know: taken for Halted"
            )),
        ),
    };
    Some(Asked {
        state,
        source: Source::Spec,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn own() -> InstanceIdentity {
        InstanceIdentity {
            namespace: "desk".to_owned(),
            name: "live".to_owned(),
            uid: "1-2-3".to_owned(),
        }
    }

    /// An object with changes at pointers.
    fn reading(changes: &[(&str, Value)]) -> Result<Reading, String> {
        let mut object = json!({
            "apiVersion": "triptych.trading/v1alpha1", "kind": "TradingInstance",
            "metadata": {
                "name": "live", "namespace": "desk", "uid": "1-2-3", "resourceVersion": "42",
                "annotations": {}
            },
            "spec": { "tier": "W", "liveRatio": "0.25" }
        });
        for (pointer, value) in changes {
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            let field = field.replace('~', "/");
            object.pointer_mut(parent).unwrap()[field] = value.clone();
        }
        read(&serde_json::from_value(object).unwrap(), &own())
    }

    fn asked(changes: &[(&str, Value)]) -> Option<(TradingState, Source, String)> {
        match reading(changes).unwrap().view {
            InstanceView::There { asked, .. } => {
                asked.map(|asked| (asked.state, asked.source, asked.reason))
            }
            InstanceView::Gone { reason } => panic!("{reason}"),
        }
    }

    #[test]
    fn spec_and_annotation_ask_and_the_stricter_counts() {
        let halted = ("/spec/tradingState", json!("Halted"));
        let reducing = ("/spec/tradingState", json!("Reducing"));
        let annotated = (
            "/metadata/annotations/triptych.trading~halt",
            json!(" fire\n"),
        );
        for (changes, expected) in [
            (vec![], None),
            (vec![("/spec/tradingState", json!("Active"))], None),
            (vec![("/spec/tradingState", Value::Null)], None),
            (
                vec![reducing.clone()],
                Some((TradingState::Reducing, Source::Spec, "Reducing")),
            ),
            (
                vec![halted.clone()],
                Some((TradingState::Halted, Source::Spec, "Halted")),
            ),
            (
                vec![annotated.clone()],
                Some((TradingState::Halted, Source::Annotation, "fire")),
            ),
            (
                vec![reducing, annotated],
                Some((TradingState::Halted, Source::Annotation, "fire")),
            ),
            (
                vec![("/metadata/annotations/triptych.trading~halt", json!(""))],
                Some((TradingState::Halted, Source::Annotation, "without a reason")),
            ),
            (
                vec![("/spec/tradingState", json!("Sleeping"))],
                Some((TradingState::Halted, Source::Spec, "does not know")),
            ),
            (
                vec![("/spec/tradingState", json!(7))],
                Some((TradingState::Halted, Source::Spec, "7")),
            ),
        ] {
            let found = asked(&changes);
            match (&found, expected) {
                (None, None) => {}
                (Some((state, source, reason)), Some((wanted, from, part))) => {
                    assert_eq!((*state, *source), (wanted, from), "{changes:?}");
                    assert!(reason.contains(part), "{reason}");
                }
                _ => panic!("{changes:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn ratio_resume_and_version_are_read_as_they_stand() {
        let found = reading(&[("/spec/resume", json!("halt-7"))]).unwrap();
        assert_eq!(found.live_ratio, Some(Ratio("0.25".to_owned())));
        assert_eq!(found.version, Some(42));
        let expected = InstanceView::There {
            asked: None,
            resume: Some(HaltId("halt-7".to_owned())),
        };
        assert_eq!(found.view, expected);
    }

    #[test]
    fn another_uid_and_a_deletion_mean_that_it_is_gone() {
        for (pointer, value, expected) in [
            (
                "/metadata/uid",
                json!("9-9"),
                "another one now: its UID is 9-9",
            ),
            (
                "/metadata/deletionTimestamp",
                json!("2026-01-01T00:00:00Z"),
                "is being deleted",
            ),
        ] {
            let resume = ("/spec/resume", json!("halt-7"));
            match reading(&[(pointer, value), resume]).unwrap().view {
                InstanceView::Gone { reason } => assert!(reason.contains(expected), "{reason}"),
                there @ InstanceView::There { .. } => panic!("{there:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_such_instance_is_a_failed_reading() {
        for (pointer, value) in [
            ("/metadata/name", json!("other")),
            ("/metadata/uid", Value::Null),
            ("/spec", Value::Null),
            ("/spec", json!("garbage")),
        ] {
            let error = reading(&[(pointer, value)]).unwrap_err();
            assert!(error.contains("no TradingInstance \"live\""), "{error}");
        }
    }
}
