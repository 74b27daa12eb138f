//! Reads variables of the environment, one by one, and says which one is wrong.

use std::ffi::OsString;

use thiserror::Error;

/// Longest value that is accepted, in bytes.
const LONGEST_VALUE: usize = 512;

/// A variable is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// Not set, or empty.
    #[error("environment variable {name} is not set: expected {expected}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// Set to something else.
    #[error("environment variable {name} is {found:?}: expected {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What was found.
        found: String,
        /// What belongs there.
        expected: String,
    },
}

/// The error of a variable that is set to something wrong.
pub fn invalid(name: &'static str, found: &str, expected: &str) -> EnvironmentError {
    EnvironmentError::Invalid {
        name,
        found: found.chars().take(120).collect(),
        expected: expected.to_owned(),
    }
}

/// Gives the value of a variable.
type Get = dyn Fn(&str) -> Option<OsString>;

/// The variables of the environment.
pub struct Variables {
    get: Box<Get>,
}

impl Variables {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var_os(name))
    }

    /// Those that `get` gives.
    pub fn new(get: impl Fn(&str) -> Option<OsString> + 'static) -> Self {
        Self { get: Box::new(get) }
    }

    /// A variable that may be missing; an empty one counts as missing.
    pub fn optional(&self, name: &'static str) -> Result<Option<String>, EnvironmentError> {
        let Some(value) = (self.get)(name).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        match value.into_string() {
            Ok(text) if text.len() <= LONGEST_VALUE => Ok(Some(text)),
            Ok(text) => Err(invalid(name, &text, "at most 512 bytes")),
            Err(raw) => Err(invalid(name, &raw.to_string_lossy(), "text in UTF-8")),
        }
    }

    /// A variable that has to be there.
    pub fn required(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<String, EnvironmentError> {
        self.optional(name)?
            .ok_or(EnvironmentError::Missing { name, expected })
    }

    /// A variable with a default.
    pub fn or(&self, name: &'static str, default: &str) -> Result<String, EnvironmentError> {
        Ok(self.optional(name)?.unwrap_or_else(|| default.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn what_is_no_text_or_too_long_is_refused_and_named() {
        for (value, expected) in [
            (OsString::from("x".repeat(513)), "at most 512 bytes"),
            (OsString::from_vec(vec![0xff]), "text in UTF-8"),
        ] {
            let error = Variables::new(move |_| Some(value.clone()))
                .optional("TRIPTYCH_LOG")
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("TRIPTYCH_LOG") && error.contains(expected),
                "{error}"
            );
        }
    }

    #[test]
    fn an_empty_variable_counts_as_missing() {
        let empty = Variables::new(|_| Some(OsString::new()));
        assert_eq!(empty.optional("A"), Ok(None));
        assert_eq!(empty.or("A", "b"), Ok("b".to_owned()));
        assert!(empty.required("A", "something").is_err());
    }
}
