//! The name of a local cluster.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Longest name: it is part of socket paths, and those are short on Linux.
const MAX_LENGTH: usize = 12;

/// Name of a local cluster: 1 to 12 characters of `a-z`, `0-9` and `-`, starting with a letter and
/// not ending in `-`.
///
/// It names the cluster's network namespaces, control groups, nodes and directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(String);

impl ClusterName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Name of the node with this number, counted from 1.
    pub fn node(&self, number: u8) -> String {
        format!("{}-node-{number}", self.0)
    }
}

impl Default for ClusterName {
    fn default() -> Self {
        Self("triptych".to_owned())
    }
}

impl FromStr for ClusterName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let valid = (1..=MAX_LENGTH).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && text.chars().all(allowed);
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::InvalidName(text.to_owned()))
        }
    }
}

impl TryFrom<String> for ClusterName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<ClusterName> for String {
    fn from(name: ClusterName) -> Self {
        name.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_lowercase_and_starts_with_a_letter() {
        for good in ["a", "triptych", "dev-2", "abcdefghijkl"] {
            assert_eq!(good.parse::<ClusterName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "Dev",
            "2dev",
            "dev-",
            "abcdefghijklm",
            "a_b",
            "a/b",
            "ä",
        ] {
            let message = bad.parse::<ClusterName>().unwrap_err().to_string();
            assert!(message.contains("1 to 12 characters"), "{bad}: {message}");
        }
    }

    #[test]
    fn nodes_are_named_after_their_cluster() {
        assert_eq!(ClusterName::default().node(2), "triptych-node-2");
    }
}
