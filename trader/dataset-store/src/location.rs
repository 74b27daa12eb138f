//! Where a dataset is: `s3://BUCKET/PREFIX`.

use std::fmt;
use std::str::FromStr;

use object_store::path::Path;
use thiserror::Error;

/// What a location begins with.
pub const SCHEME: &str = "s3://";

/// A dataset's place in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    bucket: String,
    prefix: String,
}

/// The text names no place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidLocation {
    /// It has no bucket.
    #[error("{0:?}: expected s3://BUCKET or s3://BUCKET/PREFIX")]
    NoBucket(String),
    /// Its prefix is none that a folder could have.
    #[error(
        "{0:?}: the prefix has empty parts, dots alone or characters that stores treat differently; use letters, digits, '-', '_', '.', '=' and '/'"
    )]
    Prefix(String),
}

impl Location {
    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What stands before the names of a dataset's files; empty where it has the bucket for itself.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The object of a file of the dataset.
    pub(crate) fn object(&self, name: &str) -> Result<Path, object_store::path::Error> {
        if self.prefix.is_empty() {
            Path::parse(name)
        } else {
            Path::parse(format!("{}/{name}", self.prefix))
        }
    }

    /// The file of the dataset that an object is.
    pub(crate) fn name_of<'a>(&self, object: &'a Path) -> Option<&'a str> {
        let name = object.as_ref().strip_prefix(&self.prefix)?;
        Some(name.strip_prefix('/').unwrap_or(name))
    }
}

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix(SCHEME).unwrap_or_default();
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if bucket.is_empty() || !bucket.bytes().all(plain) {
            return Err(InvalidLocation::NoBucket(text.to_owned()));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let part = |part: &str| {
            !matches!(part, "" | "." | "..") && part.bytes().all(|byte| plain(byte) || byte == b'=')
        };
        if !prefix.is_empty() && !prefix.split('/').all(part) {
            return Err(InvalidLocation::Prefix(text.to_owned()));
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.bucket)?;
        if self.prefix.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_bucket_and_a_prefix() {
        for (text, bucket, prefix) in [
            ("s3://desk", "desk", ""),
            ("s3://desk/", "desk", ""),
            ("s3://desk/abh", "desk", "abh"),
            ("s3://desk.eu/a/b=c_1/", "desk.eu", "a/b=c_1"),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!((location.bucket(), location.prefix()), (bucket, prefix));
            assert_eq!(location.to_string(), text.trim_end_matches('/'));
        }
    }

    #[test]
    fn what_is_no_location_is_refused() {
        for text in [
            "",
            "desk",
            "s3://",
            "s3:///a",
            "s3://a b",
            "gs://desk",
            "s3://desk//a",
            "s3://desk/../a",
            "s3://desk/a%b",
            "s3://desk/a b",
            "s3://desk/a/./b",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_file_is_found_again_from_its_object() {
        for text in ["s3://desk", "s3://desk/abh/x"] {
            let location: Location = text.parse().unwrap();
            let name = "candidates/date=2024-08-08/strategy=a/instrument=b/c.parquet";
            let object = location.object(name).unwrap();
            assert_eq!(location.name_of(&object), Some(name));
        }
    }
}
