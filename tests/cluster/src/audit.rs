//! Reading the API server's audit log: who did what.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// One request that the API server answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When it was received, RFC 3339 with microseconds.
    pub request_received_timestamp: String,
    /// What was asked for, such as `create`.
    pub verb: String,
    /// Who asked.
    pub user: AuditUser,
    /// As whom, where that is someone else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonated_user: Option<AuditUser>,
    /// From where it was asked.
    #[serde(default, rename = "sourceIPs", skip_serializing_if = "Vec::is_empty")]
    pub source_ips: Vec<String>,
    /// The client program's name for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Path and query of the request.
    #[serde(rename = "requestURI")]
    pub request_uri: String,
    /// What it was about; absent for paths that are no resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_ref: Option<AuditObject>,
    /// How it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_status: Option<AuditStatus>,
    /// What was sent, of the kinds that are logged with bodies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_object: Option<Value>,
    /// What was answered, of the same kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_object: Option<Value>,
}

/// Who asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditUser {
    /// Name of the user.
    pub username: String,
    /// Groups of the user.
    pub groups: Vec<String>,
}

/// What a request was about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditObject {
    /// Plural name of the resource.
    pub resource: String,
    /// API group; empty for the core.
    pub api_group: String,
    /// Namespace; empty for what has none.
    pub namespace: String,
    /// Name; empty where the server chose it or many are meant.
    pub name: String,
    /// Such as `status` or `exec`; empty for the object itself.
    pub subresource: String,
}

/// How a request was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditStatus {
    /// HTTP status code.
    pub code: u16,
}

impl fmt::Display for AuditEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self
            .response_status
            .as_ref()
            .map_or(0, |status| status.code);
        let time = &self.request_received_timestamp;
        write!(
            formatter,
            "{time} {code} {} {}",
            self.user.username, self.verb
        )?;
        match &self.object_ref {
            None => write!(formatter, " {}", self.request_uri),
            Some(object) => {
                write!(formatter, " {}", object.resource)?;
                for part in [&object.subresource, &object.namespace, &object.name] {
                    if !part.is_empty() {
                        write!(formatter, "/{part}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Which entries are wanted; an absent field wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Name of the user.
    pub user: Option<String>,
    /// The verb.
    pub verb: Option<String>,
    /// Plural name of the resource.
    pub resource: Option<String>,
}

impl AuditFilter {
    /// Whether an entry is wanted.
    pub fn matches(&self, entry: &AuditEntry) -> bool {
        let resource = entry
            .object_ref
            .as_ref()
            .map(|object| object.resource.as_str());
        let agrees = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        agrees(&self.user, Some(&entry.user.username))
            && agrees(&self.verb, Some(&entry.verb))
            && agrees(&self.resource, resource)
    }
}

/// Reads an audit log; a last line that is still being written is left out.
pub fn read_audit_log(path: &Path) -> Result<Vec<AuditEntry>> {
    AuditLog::new(path).read_on()
}

/// An audit log that is read while it grows.
#[derive(Clone, Debug)]
pub struct AuditLog {
    path: PathBuf,
    /// Bytes and lines that were read.
    offset: u64,
    lines: usize,
}

impl AuditLog {
    /// The log at a path, of which nothing was read yet.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            offset: 0,
            lines: 0,
        }
    }

    /// What came since the last time; a last line that is still being written is left for the next.
    pub fn read_on(&mut self) -> Result<Vec<AuditEntry>> {
        let path = self.path.clone();
        let failed = |error| Error::file("read", &path)(error);
        let mut file = File::open(&path).map_err(failed)?;
        file.seek(SeekFrom::Start(self.offset)).map_err(failed)?;
        let mut reader = BufReader::new(file);
        let mut entries = Vec::new();
        let mut line = String::new();
        while reader.read_line(&mut line).map_err(failed)? > 0 && line.ends_with('\n') {
            self.offset += line.len() as u64;
            self.lines += 1;
            let entry = serde_json::from_str(&line);
            entries.push(entry.map_err(|error| self.unreadable(&error))?);
            line.clear();
        }
        Ok(entries)
    }

    fn unreadable(&self, error: &serde_json::Error) -> Error {
        Error::Unreadable {
            path: self.path.clone(),
            reason: format!("line {}: {error}", self.lines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"kind":"Event","level":"Metadata","auditID":"1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/team/pods","verb":"create","user":{"username":"alice","groups":["team"]},"objectRef":{"resource":"pods","namespace":"team","name":"a","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":201},"requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z"}"#;

    #[test]
    fn entries_are_filtered_by_user_verb_and_resource() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        std::fs::write(&path, format!("{LINE}\n{LINE}\n{{\"half")).unwrap();
        let entries = read_audit_log(&path).unwrap();
        assert_eq!(entries.len(), 2);
        let matching = |user: &str, verb: &str, resource: &str| {
            let some = |text: &str| Some(text.to_owned());
            AuditFilter {
                user: some(user),
                verb: some(verb),
                resource: some(resource),
            }
            .matches(&entries[0])
        };
        assert!(matching("alice", "create", "pods"));
        assert!(!matching("bob", "create", "pods"));
        assert!(!matching("alice", "delete", "pods"));
        assert!(!matching("alice", "create", "secrets"));
        assert!(AuditFilter::default().matches(&entries[0]));
    }

    #[test]
    fn a_log_that_grows_is_read_on_from_where_it_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let (half, rest) = LINE.split_at(40);
        std::fs::write(&path, format!("{LINE}\n{half}")).unwrap();
        let mut log = AuditLog::new(&path);
        assert_eq!(log.read_on().unwrap().len(), 1);
        assert_eq!(log.read_on().unwrap().len(), 0);
        std::fs::write(&path, format!("{LINE}\n{half}{rest}\n{LINE}\n")).unwrap();
        assert_eq!(log.read_on().unwrap().len(), 2);
    }

    #[test]
    fn a_line_that_is_no_entry_is_named_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        std::fs::write(&path, format!("{LINE}\nno entry\n")).unwrap();
        let error = read_audit_log(&path).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn an_entry_reads_as_time_code_user_verb_and_object() {
        let entry: AuditEntry = serde_json::from_str(LINE).unwrap();
        assert_eq!(
            entry.to_string(),
            "2026-01-01T00:00:00.000000Z 201 alice create pods/team/a"
        );
    }
}
