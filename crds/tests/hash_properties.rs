//! What holds for the hash of every configuration.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use proptest::{collection, prelude::*};
use serde_json::{Map, Value};
use triptych_crds::{
    hash::{ConfigHash, HashError, MAX_CANONICAL_BYTES, canonical_config},
    manifest,
};

const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// Values that a configuration may hold: no null, no fraction.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-MAX_INTEGER..=MAX_INTEGER).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9]{1,15}(\\.[0-9]{1,8})?".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn specs() -> impl Strategy<Value = Value> {
    collection::btree_map(any::<String>(), values(), 0..6)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

/// JSON text with the keys of every object in reverse order, and white space between all tokens.
fn written_otherwise(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut written: Vec<_> = fields
                .iter()
                .map(|(name, field)| {
                    format!(
                        "{} :\n{}",
                        Value::from(name.as_str()),
                        written_otherwise(field)
                    )
                })
                .collect();
            written.reverse();
            format!("{{ {} }}", written.join(" ,\t"))
        }
        Value::Array(items) => {
            let written: Vec<_> = items.iter().map(written_otherwise).collect();
            format!("[ {} ]", written.join(" , "))
        }
        Value::String(text) => {
            let escaped: Vec<_> = text
                .encode_utf16()
                .map(|unit| format!("\\u{unit:04x}"))
                .collect();
            let escaped = escaped.concat();
            format!("\"{escaped}\"")
        }
        other => other.to_string(),
    }
}

/// Puts `planted` into the first place that a walk finds: beside all keys of the deepest first object.
fn plant(spec: &Value, planted: &Value) -> Value {
    let mut spec = spec.clone();
    let fields: &mut Map<String, Value> = spec.as_object_mut().unwrap();
    fields.insert("planted".into(), serde_json::json!([{ "here": planted }]));
    spec
}

proptest! {
    #[test]
    fn the_order_of_keys_white_space_and_escapes_mean_nothing(spec in specs()) {
        let other: Value = serde_json::from_str(&written_otherwise(&spec)).unwrap();
        prop_assert_eq!(canonical_config(&other).unwrap(), canonical_config(&spec).unwrap());
    }

    #[test]
    fn the_canonical_form_is_the_same_value_and_its_own_canonical_form(spec in specs()) {
        let config = canonical_config(&spec).unwrap();
        let read: Value = serde_json::from_slice(&config.bytes).unwrap();
        prop_assert_eq!(&read, &spec);
        prop_assert_eq!(canonical_config(&read).unwrap(), config);
    }

    #[test]
    fn the_hash_is_that_of_the_canonical_bytes(spec in specs()) {
        let config = canonical_config(&spec).unwrap();
        prop_assert_eq!(&ConfigHash::of_canonical_bytes(&config.bytes), &config.hash);
        prop_assert_eq!(ConfigHash::parse(config.hash.as_str()), Some(config.hash));
    }

    #[test]
    fn different_values_have_different_canonical_forms(one in specs(), other in specs()) {
        let same = canonical_config(&one).unwrap().bytes == canonical_config(&other).unwrap().bytes;
        prop_assert_eq!(same, one == other);
    }

    #[test]
    fn a_null_is_refused_with_its_path(spec in specs()) {
        let error = canonical_config(&plant(&spec, &Value::Null)).unwrap_err();
        prop_assert_eq!(error, HashError::Null { path: "spec.planted[0].here".into() });
    }

    #[test]
    fn a_number_that_is_no_safe_integer_is_refused_with_its_path(spec in specs(), number in prop_oneof![
        any::<f64>().prop_filter("JSON has it", |number| number.is_finite()).prop_map(Value::from),
        (MAX_INTEGER + 1..).prop_map(Value::from),
        (..-MAX_INTEGER).prop_map(Value::from),
        (i64::MAX as u64 + 1..).prop_map(Value::from),
    ]) {
        let value = number.to_string();
        let error = canonical_config(&plant(&spec, &number)).unwrap_err();
        prop_assert_eq!(error, HashError::Number { path: "spec.planted[0].here".into(), value });
    }

    #[test]
    fn a_manifest_in_json_is_read_as_json(spec in specs()) {
        let read = manifest::read(&spec.to_string()).unwrap();
        prop_assert_eq!(canonical_config(&read[0]).unwrap(), canonical_config(&spec).unwrap());
    }
}

#[test]
fn the_canonical_form_fits_into_a_config_map() {
    // {"a":"..."} has eight bytes around the text.
    let of_size = |bytes: usize| serde_json::json!({ "a": "x".repeat(bytes - 8) });
    assert_eq!(
        canonical_config(&of_size(MAX_CANONICAL_BYTES))
            .unwrap()
            .bytes
            .len(),
        MAX_CANONICAL_BYTES
    );
    let error = canonical_config(&of_size(MAX_CANONICAL_BYTES + 1)).unwrap_err();
    assert_eq!(
        error,
        HashError::TooLarge {
            bytes: MAX_CANONICAL_BYTES + 1
        }
    );
}

#[test]
fn escapes_count_in_the_size() {
    let config = serde_json::json!({ "a": "\u{1}".repeat(MAX_CANONICAL_BYTES / 6) });
    assert!(matches!(
        canonical_config(&config),
        Err(HashError::TooLarge { .. })
    ));
}
