//! The hash of a configuration: SHA-256 over the canonical JSON (RFC 8785) of the *value* of `spec`.
//!
//! The value is hashed as it is stored, never as a struct that was read and written again, so that a
//! newer program does not change the hash of an older revision.

use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Most bytes of the canonical form: what fits into a ConfigMap beside its metadata.
pub const MAX_CANONICAL_BYTES: usize = 1_000_000;

/// Deepest nesting that is accepted.
pub const MAX_DEPTH: usize = 32;

/// Largest integer that every JSON implementation reads exactly: 2^53 - 1 (RFC 7493, I-JSON).
const MAX_SAFE_INTEGER: u64 = 9_007_199_254_740_991;

/// The hash of a configuration: 64 lowercase hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigHash(String);

impl ConfigHash {
    /// Hash of bytes that are a canonical form already, such as a mounted `config.json`.
    pub fn of_canonical_bytes(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digest = Sha256::digest(bytes);
        let halves = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Self(
            halves
                .map(|half| char::from(DIGITS[usize::from(half)]))
                .collect(),
        )
    }

    /// Reads 64 lowercase hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(hexadecimal)).then(|| Self(text.to_owned()))
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }

    /// Name of the ConfigMap that holds the canonical form: `config-` and the first 32 digits.
    pub fn config_map_name(&self) -> String {
        format!("config-{}", &self.0[..32])
    }
}

impl fmt::Display for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigHash({})", self.0)
    }
}

/// A configuration in its canonical form, with its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalConfig {
    /// The canonical bytes: what `config.json` holds.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes`.
    pub hash: ConfigHash,
}

/// Why a value has no hash.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HashError {
    /// `spec` is not an object.
    #[error("spec: expected an object, found {found}")]
    NotAnObject {
        /// What was found.
        found: &'static str,
    },
    /// A null, which the API server would drop.
    #[error("{path}: null has no meaning here: leave the field out")]
    Null {
        /// Path of the field.
        path: String,
    },
    /// A number with a fraction or an exponent, or beyond 2^53 - 1.
    #[error("{path}: {value} is not an integer of at most 2^53 - 1: write decimals as strings")]
    Number {
        /// Path of the field.
        path: String,
        /// The number as it was written.
        value: String,
    },
    /// Deeper than [`MAX_DEPTH`].
    #[error("{path}: nested deeper than {MAX_DEPTH} levels")]
    TooDeep {
        /// Path of the field.
        path: String,
    },
    /// Larger than [`MAX_CANONICAL_BYTES`].
    #[error(
        "spec: {bytes} bytes in canonical form, at most {MAX_CANONICAL_BYTES} fit into a ConfigMap: put larger files into the image"
    )]
    TooLarge {
        /// Bytes of the canonical form.
        bytes: usize,
    },
    /// The canonical form could not be written.
    #[error("spec: no canonical form: {0}")]
    Canonical(String),
}

/// Canonical form and hash of the value of a revision's `spec`.
pub fn canonical_config(spec: &Value) -> Result<CanonicalConfig, HashError> {
    if !spec.is_object() {
        return Err(HashError::NotAnObject {
            found: kind_of(spec),
        });
    }
    check(spec, "spec", 0)?;
    let bytes = serde_json_canonicalizer::to_vec(spec)
        .map_err(|error| HashError::Canonical(error.to_string()))?;
    if bytes.len() > MAX_CANONICAL_BYTES {
        return Err(HashError::TooLarge { bytes: bytes.len() });
    }
    let hash = ConfigHash::of_canonical_bytes(&bytes);
    Ok(CanonicalConfig { bytes, hash })
}

fn check(value: &Value, path: &str, depth: usize) -> Result<(), HashError> {
    if depth > MAX_DEPTH {
        return Err(HashError::TooDeep {
            path: path.to_owned(),
        });
    }
    match value {
        Value::Null => Err(HashError::Null {
            path: path.to_owned(),
        }),
        Value::Number(number) => match number.as_i64() {
            Some(integer) if integer.unsigned_abs() <= MAX_SAFE_INTEGER => Ok(()),
            _ => Err(HashError::Number {
                path: path.to_owned(),
                value: number.to_string(),
            }),
        },
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check(item, &format!("{path}[{index}]"), depth + 1)),
        Value::Object(fields) => fields
            .iter()
            .try_for_each(|(name, field)| check(field, &format!("{path}.{name}"), depth + 1)),
        Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
