//! The key to a store, from a file in the format of AWS' own tools. The file is read for each request:
//! a key that was renewed in it is used from then on, and none stays in memory between.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use thiserror::Error;

/// Which key of which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsFile {
    /// The file.
    pub path: PathBuf,
    /// The section in it.
    pub profile: String,
}

/// There is no usable key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error(
        "credentials {}: {reason}; expected a file with [{profile}], aws_access_key_id and aws_secret_access_key (--credentials FILE)",
        path.display()
    )]
    File {
        /// The file.
        path: PathBuf,
        /// The section.
        profile: String,
        /// Why.
        reason: String,
    },
    /// The section or a part of it is not in the file.
    #[error("credentials {}: [{profile}] has no {missing}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The section.
        profile: String,
        /// The name that is missing.
        missing: &'static str,
    },
}

impl CredentialsFile {
    /// Reads the key.
    pub fn read(&self) -> Result<AwsCredential, CredentialsError> {
        let text = fs::read_to_string(&self.path).map_err(|error| CredentialsError::File {
            path: self.path.clone(),
            profile: self.profile.clone(),
            reason: error.to_string(),
        })?;
        let required = |name| {
            value(&text, &self.profile, name).ok_or_else(|| CredentialsError::Missing {
                path: self.path.clone(),
                profile: self.profile.clone(),
                missing: name,
            })
        };
        Ok(AwsCredential {
            key_id: required("aws_access_key_id")?,
            secret_key: required("aws_secret_access_key")?,
            token: value(&text, &self.profile, "aws_session_token"),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The value of a name in a section.
fn value(text: &str, profile: &str, name: &str) -> Option<String> {
    let heading = format!("[{profile}]");
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| *line == heading)?;
    let mut section = lines.take_while(|line| !line.starts_with('['));
    section.find_map(|line| {
        let (found, value) = line.split_once('=')?;
        let value = value.trim();
        (found.trim() == name && !value.is_empty()).then(|| value.to_owned())
    })
}

#[async_trait]
impl CredentialProvider for CredentialsFile {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        match self.read() {
            Ok(credential) => Ok(Arc::new(credential)),
            Err(error) => Err(object_store::Error::Generic {
                store: "S3",
                source: Box::new(error),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# two keys
[default]
aws_access_key_id = one
aws_secret_access_key=secret-one
[desk]
aws_access_key_id=two
aws_secret_access_key = secret=two
aws_session_token = token
[broken]
aws_access_key_id = three
";

    fn read(profile: &str) -> Result<AwsCredential, CredentialsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        fs::write(&path, FILE).unwrap();
        let profile = profile.to_owned();
        CredentialsFile { path, profile }.read()
    }

    #[test]
    fn each_section_has_its_own_key() {
        let one = read("default").unwrap();
        assert_eq!((&*one.key_id, &*one.secret_key), ("one", "secret-one"));
        assert_eq!(one.token, None);
        let two = read("desk").unwrap();
        assert_eq!((&*two.key_id, &*two.secret_key), ("two", "secret=two"));
        assert_eq!(two.token.as_deref(), Some("token"));
    }

    #[test]
    fn an_error_says_what_is_missing_and_never_a_value() {
        for (profile, part) in [
            ("broken", "aws_secret_access_key"),
            ("nobody", "aws_access_key_id"),
        ] {
            let text = read(profile).unwrap_err().to_string();
            assert!(text.contains(part) && text.contains(profile), "{text}");
            assert!(
                !text.contains("secret-one") && !text.contains("three"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let file = CredentialsFile {
            path: "/nowhere/credentials".into(),
            profile: "default".into(),
        };
        assert!(
            file.read()
                .unwrap_err()
                .to_string()
                .contains("/nowhere/credentials")
        );
    }
}
