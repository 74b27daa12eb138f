//! What one reading of the TradingInstance means for the halt.
//!
//! An object that is no TradingInstance of this name is a failed reading, not a wish. A trading state
//! that this build does not know is taken for Halted: whoever wrote it wanted less than Active.

use kube::api::DynamicObject;
use serde_json::Value;
use triptych_crds::TradingState;
use triptych_crds::hash::ConfigHash;
use triptych_crds::text::{HaltId, Ratio};
use triptych_crds::trading_instance::LiveRatioMode;
use triptych_engine::decimal;
use triptych_engine::stage::LiveRatio;

use crate::halt::machine::{Asked, InstanceView, Recorded};
use crate::halt::{Source, bounded, severity};

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
    /// Hash of the configuration that the trader runs.
    pub config_hash: ConfigHash,
}

/// One reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What it says about the halt.
    pub view: InstanceView,
    /// `spec.liveRatio`.
    pub live_ratio: Option<Ratio>,
    /// `spec.liveRatioMode`.
    pub live_ratio_mode: LiveRatioMode,
    /// `status.effectiveRatio`: what the ramp allows, where one is under way.
    pub effective_ratio: Option<Ratio>,
    /// The version of the object, where it is a number.
    pub version: Option<u64>,
}

impl Reading {
    /// How much of the configured exposure may be used: the smaller of `spec.liveRatio` and the ramp.
    /// What is no ratio counts as none of it.
    pub fn live(&self) -> LiveRatio {
        let read = |ratio: &Ratio| ratio.parse().unwrap_or(decimal::Ratio::ZERO);
        let wanted = self.live_ratio.as_ref().map_or(decimal::Ratio::ZERO, read);
        let ramp = self.effective_ratio.as_ref().map_or(wanted, read);
        LiveRatio {
            mode: self.live_ratio_mode,
            ratio: wanted.min(ramp),
        }
    }
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
            asked: strictest([
                asked_by_annotation(object),
                asked_by_spec(spec),
                asked_by_ceiling(object, own),
            ]),
            resume: text("resume").map(HaltId),
            recorded: recorded(object),
        },
    };
    let ratio = |text: Option<String>| {
        text.filter(|ratio| ratio.len() <= Ratio::MAX_LENGTH)
            .map(Ratio)
    };
    let effective = object.data.pointer("/status/effectiveRatio");
    Ok(Reading {
        view,
        live_ratio: ratio(text("liveRatio")),
        live_ratio_mode: match text("liveRatioMode").as_deref() {
            Some("Count") => LiveRatioMode::Count,
            _ => LiveRatioMode::Size,
        },
        effective_ratio: ratio(effective.and_then(Value::as_str).map(str::to_owned)),
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
        ..
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
    let reason = match known_state(declared) {
        Some(TradingState::Active) => return None,
        Some(state) => format!("spec.tradingState is {state:?}"),
        None => format!(
            "spec.tradingState is {declared}, which this build does not know: taken for Halted"
        ),
    };
    Some(Asked {
        state: known_state(declared).unwrap_or(TradingState::Halted),
        source: Source::Spec,
        reason: bounded(&reason),
    })
}

/// The ceiling of this configuration. One that does not say to which it applies is taken for its own.
fn asked_by_ceiling(object: &DynamicObject, own: &InstanceIdentity) -> Option<Asked> {
    let ceiling = status_field(object, "ceiling")?;
    let of = ceiling.get("configHash").and_then(Value::as_str);
    if of.is_some_and(|of| of != own.config_hash.as_str()) {
        return None;
    }
    let state = ceiling.get("state").and_then(known_state);
    let state = state.unwrap_or(TradingState::Halted);
    let message = ceiling.get("message").and_then(Value::as_str);
    (state != TradingState::Active).then(|| Asked {
        state,
        source: Source::Ceiling,
        reason: bounded(message.unwrap_or("status.ceiling, without a message")),
    })
}

/// The strictest of what is asked; of two that are equally strict, the first.
fn strictest<const N: usize>(asked: [Option<Asked>; N]) -> Option<Asked> {
    let asked = asked.into_iter().flatten().rev();
    asked.max_by_key(|asked| severity(asked.state))
}

/// The halt that the operator wrote into the status when the trader told of it.
fn recorded(object: &DynamicObject) -> Option<Recorded> {
    let halt = status_field(object, "halt")?;
    let text = |field: &str| halt.get(field).and_then(Value::as_str);
    let id = text("id").filter(|id| !id.is_empty() && id.len() <= HaltId::MAX_LENGTH)?;
    let state = status_field(object, "tradingState").and_then(known_state);
    let is_reducing = state == Some(TradingState::Reducing);
    let source = text("source").and_then(Source::latched);
    Some(Recorded {
        id: HaltId(id.to_owned()),
        state: if is_reducing {
            TradingState::Reducing
        } else {
            TradingState::Halted
        },
        source: source.unwrap_or(Source::InstanceGone),
        reason: bounded(text("reason").unwrap_or_default()),
    })
}

fn status_field<'a>(object: &'a DynamicObject, field: &str) -> Option<&'a Value> {
    let field = object.data.get("status")?.get(field)?;
    (!field.is_null()).then_some(field)
}

fn known_state(value: &Value) -> Option<TradingState> {
    serde_json::from_value(value.clone()).ok()
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
            config_hash: ConfigHash::of_canonical_bytes(b"{}"),
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
            "spec": { "tier": "W", "liveRatio": "0.25" },
            "status": {}
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
    fn a_ceiling_of_the_own_configuration_asks_and_one_of_another_does_not() {
        let own = own().config_hash;
        let ceiling = |state: &str, hash: Option<&str>| {
            let ceiling = json!({ "state": state, "configHash": hash, "message": "revoked" });
            ("/status/ceiling", ceiling)
        };
        let spec = ("/spec/tradingState", json!("Reducing"));
        for (changes, expected) in [
            (vec![("/status/ceiling", Value::Null)], None),
            (
                vec![ceiling("Halted", Some(own.as_str()))],
                Some((TradingState::Halted, Source::Ceiling)),
            ),
            (
                vec![ceiling("Reducing", Some(own.as_str()))],
                Some((TradingState::Reducing, Source::Ceiling)),
            ),
            (vec![ceiling("Halted", Some("ab12"))], None),
            (
                vec![ceiling("Reducing", None)],
                Some((TradingState::Reducing, Source::Ceiling)),
            ),
            (
                vec![ceiling("Sleeping", Some(own.as_str()))],
                Some((TradingState::Halted, Source::Ceiling)),
            ),
            (
                vec![spec.clone(), ceiling("Halted", Some(own.as_str()))],
                Some((TradingState::Halted, Source::Ceiling)),
            ),
            (
                vec![spec, ceiling("Reducing", Some(own.as_str()))],
                Some((TradingState::Reducing, Source::Spec)),
            ),
        ] {
            let found = asked(&changes).map(|(state, source, _)| (state, source));
            assert_eq!(found, expected, "{changes:?}");
        }
    }

    #[test]
    fn the_halt_that_the_status_records_is_read_with_its_state_and_source() {
        let halt = json!({ "id": "halt-7", "source": "Endpoint", "reason": "loss" });
        for (state, source, expected) in [
            (
                "Halted",
                "Endpoint",
                (TradingState::Halted, Source::Endpoint),
            ),
            ("Reducing", "Spec", (TradingState::Reducing, Source::Spec)),
            (
                "Active",
                "Trader",
                (TradingState::Halted, Source::InstanceGone),
            ),
        ] {
            let mut halt = halt.clone();
            halt["source"] = json!(source);
            let changes = [
                ("/status/halt", halt),
                ("/status/tradingState", json!(state)),
            ];
            let InstanceView::There { recorded, .. } = reading(&changes).unwrap().view else {
                panic!("it is there");
            };
            let recorded = recorded.expect("a recorded halt");
            assert_eq!((recorded.state, recorded.source), expected);
            assert_eq!((&*recorded.id, &*recorded.reason), ("halt-7", "loss"));
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
            recorded: None,
        };
        assert_eq!(found.view, expected);
    }

    #[test]
    fn the_smaller_of_spec_and_ramp_is_in_force_and_what_is_no_ratio_is_none() {
        let spec = |ratio| ("/spec/liveRatio", json!(ratio));
        let ramp = |ratio| ("/status/effectiveRatio", json!(ratio));
        for (changes, expected) in [
            (vec![], "0.25"),
            (vec![ramp("0.1")], "0.1"),
            (vec![ramp("0.5")], "0.25"),
            (vec![spec("1"), ramp("0.5")], "0.5"),
            (vec![spec("all of it")], "0"),
            (vec![ramp("much")], "0"),
            (vec![("/spec/liveRatio", Value::Null)], "0"),
        ] {
            let live = reading(&changes).unwrap().live();
            assert_eq!(live.ratio.to_string(), expected, "{changes:?}");
            assert_eq!(live.mode, LiveRatioMode::Size);
        }
        let counting = reading(&[("/spec/liveRatioMode", json!("Count"))]).unwrap();
        assert_eq!(counting.live().mode, LiveRatioMode::Count);
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
