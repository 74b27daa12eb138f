//! Which variants of a revision a sweep runs: every combination of the values of the varied fields.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;
use thiserror::Error;

/// Variants that a sweep runs at most.
pub const MOST_VARIANTS: usize = 10_000;

/// A field of `spec`, and the values that it takes in turn: `PATH=VALUE,VALUE,...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// The field.
    pub path: FieldPath,
    /// The values, as they are written.
    pub values: Vec<String>,
}

/// The way from `spec` to a field, such as `strategies.lean.algorithm.orderBookImbalance.threshold`.
/// An entry of a list is named by its place from zero, its `name` or `symbol`, or the rule that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath(Vec<String>);

/// Why a sweep cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GridError {
    /// Not an axis.
    #[error(
        "--vary {0}: expected PATH=VALUE,VALUE..., such as strategies.lean.orderQuantity=0.001,0.002"
    )]
    Form(String),
    /// The revision has no such field.
    #[error("--vary {path}: spec has no {missing}; there is: {there}")]
    NoField {
        /// The path.
        path: String,
        /// Its first part that is not there.
        missing: String,
        /// What is there instead.
        there: String,
    },
    /// A value of another type than the field's.
    #[error("--vary {path}: {value:?} is not {expected}, as the field's value now")]
    Type {
        /// The path.
        path: String,
        /// The value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Too many combinations.
    #[error("--vary: {0} combinations are more than {MOST_VARIANTS}; leave out some values")]
    TooMany(usize),
}

impl FromStr for Axis {
    type Err = GridError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || GridError::Form(text.to_owned());
        let (path, values) = text.split_once('=').ok_or_else(wrong)?;
        let segments: Vec<String> = path.split('.').map(str::to_owned).collect();
        let values: Vec<String> = values
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        if segments.iter().any(String::is_empty) || values.iter().any(String::is_empty) {
            return Err(wrong());
        }
        Ok(Self {
            path: FieldPath(segments),
            values,
        })
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A variant of a revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The value of each axis, in their order.
    pub values: Vec<String>,
    /// The revision's `spec` with them.
    pub spec: Value,
}

/// Every combination of values, the last axis changing first; the revision itself without an axis.
pub fn variants(spec: &Value, axes: &[Axis]) -> Result<Vec<Variant>, GridError> {
    let count = axes
        .iter()
        .try_fold(1_usize, |count, axis| count.checked_mul(axis.values.len()))
        .unwrap_or(usize::MAX);
    if count > MOST_VARIANTS {
        return Err(GridError::TooMany(count));
    }
    let mut variants = vec![Variant {
        values: Vec::new(),
        spec: spec.clone(),
    }];
    for axis in axes {
        let mut next = Vec::with_capacity(variants.len() * axis.values.len());
        for variant in &variants {
            for value in &axis.values {
                let mut longer = variant.clone();
                set(&mut longer.spec, &axis.path, value)?;
                longer.values.push(value.clone());
                next.push(longer);
            }
        }
        variants = next;
    }
    Ok(variants)
}

fn set(spec: &mut Value, path: &FieldPath, value: &str) -> Result<(), GridError> {
    let mut field = spec;
    for segment in &path.0 {
        let there = names(field);
        field = step(field, segment).ok_or_else(|| GridError::NoField {
            path: path.to_string(),
            missing: segment.clone(),
            there,
        })?;
    }
    let wrong = |expected| GridError::Type {
        path: path.to_string(),
        value: value.to_owned(),
        expected,
    };
    *field = match field {
        Value::String(_) => Value::String(value.to_owned()),
        Value::Number(_) => {
            let number: serde_json::Number = value.parse().map_err(|_| wrong("a number"))?;
            Value::Number(number)
        }
        Value::Bool(_) => Value::Bool(value.parse().map_err(|_| wrong("true or false"))?),
        _ => return Err(wrong("a single value")),
    };
    Ok(())
}

fn step<'a>(value: &'a mut Value, segment: &str) -> Option<&'a mut Value> {
    match value {
        Value::Object(fields) => fields.get_mut(segment),
        Value::Array(entries) => {
            let place = entries
                .iter()
                .position(|entry| name(entry).as_deref() == Some(segment))
                .or_else(|| segment.parse().ok())?;
            let entry = entries.get_mut(place)?;
            // A rule is known by the only field that it has.
            if entry.get("name").is_none() && entry.get(segment).is_some() {
                return entry.get_mut(segment);
            }
            Some(entry)
        }
        _ => None,
    }
}

/// By what an entry of a list is known: its `name`, its `symbol`, or its only field.
fn name(entry: &Value) -> Option<String> {
    let text = |field: &str| entry.get(field)?.as_str().map(str::to_owned);
    let only = || {
        let fields = entry.as_object()?;
        (fields.len() == 1).then(|| fields.keys().next().cloned())?
    };
    text("name").or_else(|| text("symbol")).or_else(only)
}

fn names(value: &Value) -> String {
    let names: Vec<String> = match value {
        Value::Object(fields) => fields.keys().cloned().collect(),
        Value::Array(entries) => entries.iter().filter_map(name).collect(),
        _ => Vec::new(),
    };
    if names.is_empty() {
        "nothing below it".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec() -> Value {
        json!({
            "strategies": [{
                "name": "lean", "orderQuantity": "0.001",
                "algorithm": { "orderBookImbalance": { "levels": 5, "threshold": "0.5" } }
            }],
            "riskRules": [{ "precision": {} }, { "maxSpread": { "basisPoints": "1" } }]
        })
    }

    fn all(axes: &[&str]) -> Result<Vec<Variant>, GridError> {
        let axes: Result<Vec<Axis>, _> = axes.iter().map(|axis| axis.parse()).collect();
        variants(&spec(), &axes?)
    }

    #[test]
    fn each_combination_is_a_variant_of_its_own() {
        let found = all(&[
            "strategies.lean.algorithm.orderBookImbalance.levels=1, 5",
            "riskRules.maxSpread.basisPoints=1,2,3",
        ])
        .unwrap();
        let values: Vec<String> = found
            .iter()
            .map(|variant| variant.values.join(" "))
            .collect();
        assert_eq!(values, ["1 1", "1 2", "1 3", "5 1", "5 2", "5 3"]);
        let last = &found[5].spec;
        assert_eq!(
            last["strategies"][0]["algorithm"]["orderBookImbalance"]["levels"],
            5
        );
        assert_eq!(last["riskRules"][1]["maxSpread"]["basisPoints"], "3");
    }

    #[test]
    fn without_an_axis_the_revision_is_the_only_variant() {
        assert_eq!(
            all(&[]).unwrap(),
            [Variant {
                values: vec![],
                spec: spec()
            }]
        );
    }

    #[test]
    fn a_list_is_walked_by_name_and_by_place() {
        for path in [
            "strategies.lean.orderQuantity",
            "strategies.0.orderQuantity",
        ] {
            let found = all(&[&format!("{path}=7")]).unwrap();
            assert_eq!(
                found[0].spec["strategies"][0]["orderQuantity"], "7",
                "{path}"
            );
        }
    }

    #[test]
    fn what_cannot_be_varied_is_said_with_what_there_is() {
        for (axis, expected) in [
            (
                "strategies.lean",
                "--vary strategies.lean: expected PATH=VALUE,VALUE",
            ),
            (
                "strategies.lean.orderQuantity=1,,2",
                "expected PATH=VALUE,VALUE",
            ),
            (
                "strategies.trend.orderQuantity=1",
                "spec has no trend; there is: lean",
            ),
            (
                "riskRules.maxSpread.max=1",
                "spec has no max; there is: basisPoints",
            ),
            (
                "riskRules.7.max=1",
                "spec has no 7; there is: precision, maxSpread",
            ),
            ("strategies.lean.algorithm=1", "\"1\" is not a single value"),
            (
                "strategies.lean.algorithm.orderBookImbalance.levels=many",
                "\"many\" is not a number",
            ),
        ] {
            let error = all(&[axis]).unwrap_err().to_string();
            assert!(error.contains(expected), "{axis}: {error}");
        }
        let many = (0..101)
            .map(|value| value.to_string())
            .collect::<Vec<_>>()
            .join(",");
        let axis = format!("strategies.lean.orderQuantity={many}");
        assert_eq!(
            all(&[&axis, &axis]).unwrap_err(),
            GridError::TooMany(10_201)
        );
    }
}
