//! What is wrong with a manifest, in the words of the API server.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that is wrong with a manifest.
///
/// Path and message are those of the API server (`status.details.causes` of its answer), so that an
/// error that is found before the apply reads as the one that the apply would have given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// Path of the field, such as `spec.riskRules[0].precision`; `<nil>` where it is the whole
    /// object.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl Problem {
    /// A problem with the field at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }

    /// A value that breaks a rule; `detail` says which.
    pub(crate) fn invalid(path: &str, value: &Value, detail: impl fmt::Display) -> Self {
        Self::new(path, format!("Invalid value: {}: {detail}", shown(value)))
    }

    /// A value of another type than the schema's.
    pub(crate) fn wrong_type(path: &str, expected: &str, found: &str) -> Self {
        Self::invalid(
            path,
            &found.into(),
            format!(
                "{path} in body must be of type {expected}: {}",
                quoted(found)
            ),
        )
    }

    /// A field that is missing.
    pub(crate) fn required(path: &str) -> Self {
        Self::new(path, "Required value")
    }

    /// A string that is too long.
    pub(crate) fn too_long(path: &str, maximum: u64) -> Self {
        Self::new(
            path,
            format!(
                "Too long: may not be more than {maximum} {}",
                plural(maximum, "byte")
            ),
        )
    }

    /// A list or map with too many entries.
    pub(crate) fn too_many(path: &str, actual: usize, maximum: u64) -> Self {
        let items = plural(maximum, "item");
        Self::new(
            path,
            format!("Too many: {actual}: must have at most {maximum} {items}"),
        )
    }

    /// A value that is none of the allowed ones.
    pub(crate) fn unsupported(path: &str, value: &Value, allowed: &[Value]) -> Self {
        let allowed: Vec<_> = allowed.iter().map(shown).collect();
        let message = format!(
            "Unsupported value: {}: supported values: {}",
            shown(value),
            allowed.join(", ")
        );
        Self::new(path, message)
    }

    /// A value that stands twice in a list where it may stand once.
    pub(crate) fn duplicate(path: &str, value: &Value) -> Self {
        Self::new(path, format!("Duplicate value: {}", shown(value)))
    }

    /// A field that the schema does not have.
    pub(crate) fn unknown_field(path: &str) -> Self {
        Self::new(path, format!("unknown field {}", quoted(path)))
    }
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 {
        noun.to_owned()
    } else {
        format!("{noun}s")
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// A text in double quotes with the escapes of the API server's language.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            control if control.is_ascii_control() => {
                write!(quoted, "\\x{:02x}", u32::from(control)).expect("a text takes all");
            }
            control if control.is_control() => {
                write!(quoted, "\\u{:04x}", u32::from(control)).expect("a text takes all");
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
