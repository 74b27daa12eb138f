//! A dataset's files as objects: read, written, listed and removed, again where a store is away.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::{AmazonS3Builder, Checksum, S3ConditionalPut};
use object_store::{
    BackoffConfig, Error as ObjectError, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    PutOptions, PutPayload, RetryConfig, UpdateVersion,
};

use triptych_dataset::layout::Table;

use crate::credentials::CredentialsFile;
use crate::failure::{Reason, StoreError};
use crate::location::Location;
use crate::transport::Transport;

/// How a store is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its address, `https://…` or `http://…`; that of AWS in the region where there is none.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: String,
    /// The key.
    pub credentials: CredentialsFile,
    /// Whether `http` may be used to another machine.
    pub allow_http: bool,
    /// How long a store that is away is asked again.
    pub patience: Patience,
}

/// How long a store that is away is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// So many times, some minute in all for eight.
    Tries(u32),
    /// As long as it takes.
    Endless,
}

/// The first pause before a store is asked again; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Time for an answer to any request; what is large gets more.
const TO_ANSWER: Duration = Duration::from_secs(30);
/// The slowest that content may come and go, in bytes per second.
const SLOWEST: u64 = 64 * 1024;
/// The object by which a store shows that it keeps conditions.
const CONDITIONS: &str = ".conditions";
/// Bytes that the lists of a large dataset take.
const LISTS: u64 = 16 * 1024 * 1024;

/// What somebody who waits wants to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The store is away, and is asked again after a pause.
    Waiting {
        /// Why.
        reason: Reason,
        /// How often it has been asked.
        tries: u32,
        /// The pause.
        pause: Duration,
    },
    /// It answers again.
    Back {
        /// How often it was asked in vain.
        tries: u32,
    },
    /// Another command changes the folder of copies; this one waits.
    Locked(PathBuf),
    /// So many files were sent so far.
    Sent {
        /// Their number.
        files: u64,
    },
    /// So many files are fetched, of so many.
    Fetched {
        /// Done.
        files: usize,
        /// In all.
        of: usize,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting {
                reason,
                tries,
                pause,
            } => write!(f, "{reason}; asked {tries} times, and again in {pause:.1?}"),
            Self::Back { tries } => {
                write!(f, "the store answers again after {tries} tries in vain")
            }
            Self::Locked(path) => write!(
                f,
                "waiting for another command that holds {}",
                path.display()
            ),
            Self::Sent { files } => write!(f, "{files} files sent"),
            Self::Fetched { files, of } => write!(f, "{files} of {of} files fetched"),
        }
    }
}

/// Who is told.
pub type Listener = Arc<dyn Fn(&Notice) + Send + Sync>;

/// The files of a dataset in a store.
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    location: Location,
    credentials: PathBuf,
    patience: Patience,
    listener: Listener,
    tries_in_vain: AtomicU64,
    keeps_conditions: AtomicBool,
}

/// An object's content, and which version of it that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) bytes: Bytes,
    pub(crate) version: Option<String>,
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its file's name in the dataset.
    pub(crate) name: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Which version it is.
    pub(crate) version: Option<String>,
    /// How long ago it was written, by both clocks.
    pub(crate) age: Duration,
}

/// What has to be true for an object to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing.
    Anything,
    /// There is none.
    Nothing,
    /// It is of this version.
    Version(String),
}

impl Expected {
    /// That it is as it was found.
    pub(crate) fn as_found(version: Option<String>) -> Self {
        version.map_or(Self::Nothing, Self::Version)
    }
}

/// What became of an object that was to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is written, and of this version.
    Written(Option<String>),
    /// It was not as expected: somebody else wrote it, or an answer to a write of ours was lost.
    NotAsExpected,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// A store at the other end of a connection; nothing is sent yet.
    pub fn open(
        location: Location,
        connection: &Connection,
        listener: Listener,
    ) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError {
            place: location.to_string(),
            reason: Reason::Refused(reason),
        };
        if let Some(endpoint) = &connection.endpoint {
            check_endpoint(endpoint, connection.allow_http).map_err(refused)?;
        }
        connection.credentials.read().map_err(|error| StoreError {
            place: location.to_string(),
            reason: error.into(),
        })?;
        let transport = Transport::new().map_err(|error| refused(error.to_string()))?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(location.bucket())
            .with_region(&connection.region)
            .with_credentials(Arc::new(connection.credentials.clone()))
            .with_checksum_algorithm(Checksum::SHA256)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_http_connector(transport)
            .with_retry(once());
        if let Some(endpoint) = &connection.endpoint {
            builder = builder
                .with_endpoint(endpoint)
                .with_allow_http(endpoint.starts_with("http://"));
        }
        let objects = builder
            .build()
            .map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            credentials: connection.credentials.path().to_owned(),
            patience: connection.patience,
            ..Self::over(Arc::new(objects), location, listener)
        })
    }

    /// Any other kind of store, asked eight times.
    pub fn over(objects: Arc<dyn ObjectStore>, location: Location, listener: Listener) -> Self {
        Self {
            objects,
            location,
            credentials: PathBuf::new(),
            patience: Patience::Tries(8),
            listener,
            tries_in_vain: AtomicU64::new(0),
            keeps_conditions: AtomicBool::new(false),
        }
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Requests that the store did not answer, or only that it cannot now.
    pub fn tries_in_vain(&self) -> u64 {
        self.tries_in_vain.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, notice: &Notice) {
        (self.listener)(notice);
    }

    /// The content of a file that should have so many bytes; nothing where there is none.
    pub(crate) async fn get(&self, name: &str, bytes: u64) -> Result<Option<Content>, StoreError> {
        let object = self.object(name)?;
        let found = self
            .ask(name, bytes, || async {
                let answer = self.objects.get(&object).await?;
                let version = answer.meta.e_tag.clone();
                let bytes = answer.bytes().await?;
                Ok(Content { bytes, version })
            })
            .await;
        self.or_nothing(name, found)
    }

    /// A file's size; nothing where there is none.
    pub(crate) async fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let object = self.object(name)?;
        let found = self
            .ask(name, 0, || async { self.objects.head(&object).await })
            .await;
        Ok(self.or_nothing(name, found)?.map(|meta| meta.size))
    }

    /// Writes a file whole, or not at all.
    pub(crate) async fn put(
        &self,
        name: &str,
        bytes: Bytes,
        expected: Expected,
    ) -> Result<Put, StoreError> {
        if expected != Expected::Anything {
            self.check_conditions().await?;
        }
        self.write(name, bytes, expected).await
    }

    /// Refuses a store that takes conditions and does not keep them: there, one who writes would overwrite
    /// another without anybody noticing. Asked once, by an object that is never removed.
    async fn check_conditions(&self) -> Result<(), StoreError> {
        if self.keeps_conditions.load(Ordering::Relaxed) {
            return Ok(());
        }
        for _ in 0..2 {
            let written = self.write(CONDITIONS, Bytes::new(), Expected::Nothing);
            if written.await? == Put::NotAsExpected {
                self.keeps_conditions.store(true, Ordering::Relaxed);
                return Ok(());
            }
        }
        Err(StoreError {
            place: self.place(CONDITIONS),
            reason: Reason::Conditions,
        })
    }

    async fn write(&self, name: &str, bytes: Bytes, expected: Expected) -> Result<Put, StoreError> {
        let object = self.object(name)?;
        let mode = match expected {
            Expected::Anything => PutMode::Overwrite,
            Expected::Nothing => PutMode::Create,
            Expected::Version(version) => PutMode::Update(UpdateVersion {
                e_tag: Some(version),
                version: None,
            }),
        };
        let written = self
            .ask(name, bytes.len() as u64, || {
                let options = PutOptions::from(mode.clone());
                let payload = PutPayload::from_bytes(bytes.clone());
                self.objects.put_opts(&object, payload, options)
            })
            .await;
        match written {
            Ok(written) => Ok(Put::Written(written.e_tag)),
            Err(Failure::Beaten) => Ok(Put::NotAsExpected),
            Err(failure) => Err(failure.into_error(self, name)),
        }
    }

    /// The files in a folder and below, in the order of their names.
    pub(crate) async fn list(&self, folder: &str) -> Result<Vec<Listed>, StoreError> {
        let object = self.object(folder)?;
        let found: Vec<ObjectMeta> = self
            .ask(folder, LISTS, || {
                self.objects.list(Some(&object)).try_collect()
            })
            .await
            .map_err(|failure| failure.into_error(self, folder))?;
        let now = SystemTime::now();
        let mut listed: Vec<Listed> = found
            .into_iter()
            .filter_map(|meta| {
                let written = u64::try_from(meta.last_modified.timestamp()).unwrap_or_default();
                let written = UNIX_EPOCH + Duration::from_secs(written);
                Some(Listed {
                    name: self.location.name_of(&meta.location)?.to_owned(),
                    size: meta.size,
                    version: meta.e_tag,
                    age: now.duration_since(written).unwrap_or_default(),
                })
            })
            .collect();
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    /// The files of every table.
    pub(crate) async fn list_tables(&self) -> Result<Vec<Listed>, StoreError> {
        let mut listed = Vec::new();
        for table in Table::ALL {
            listed.extend(self.list(table.folder()).await?);
        }
        Ok(listed)
    }

    /// Removes a file; one that is gone already is no failure.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), StoreError> {
        let object = self.object(name)?;
        let removed = self
            .ask(name, 0, || async { self.objects.delete(&object).await })
            .await;
        match removed {
            Ok(()) | Err(Failure::Gone) => Ok(()),
            Err(failure) => Err(failure.into_error(self, name)),
        }
    }

    fn or_nothing<T>(
        &self,
        name: &str,
        found: Result<T, Failure>,
    ) -> Result<Option<T>, StoreError> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Failure::Gone) => Ok(None),
            Err(failure) => Err(failure.into_error(self, name)),
        }
    }

    fn object(&self, name: &str) -> Result<object_store::path::Path, StoreError> {
        self.location.object(name).map_err(|error| StoreError {
            place: self.place(name),
            reason: Reason::Refused(error.to_string()),
        })
    }

    pub(crate) fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.location)
    }

    /// Asks until there is an answer, or patience ends.
    async fn ask<T, F: Future<Output = object_store::Result<T>>>(
        &self,
        name: &str,
        bytes: u64,
        request: impl Fn() -> F,
    ) -> Result<T, Failure> {
        let limit = TO_ANSWER + Duration::from_secs(bytes / SLOWEST);
        let mut tries = 0;
        loop {
            let answer = match tokio::time::timeout(limit, request()).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(Failure::of(&error, &self.credentials)),
                Err(_) => Err(Failure::Store(Reason::Away(format!(
                    "no answer within {} s ({name})",
                    limit.as_secs()
                )))),
            };
            let reason = match answer {
                Err(Failure::Store(reason)) if reason.may_pass() => reason,
                answer => {
                    if tries > 0 {
                        self.tell(&Notice::Back { tries });
                    }
                    return answer;
                }
            };
            tries += 1;
            self.tries_in_vain.fetch_add(1, Ordering::Relaxed);
            if matches!(self.patience, Patience::Tries(most) if tries >= most) {
                return Err(Failure::Store(reason));
            }
            let pause = pause(tries, fastrand::f64());
            self.tell(&Notice::Waiting {
                reason,
                tries,
                pause,
            });
            tokio::time::sleep(pause).await;
        }
    }
}

/// The pause after so many tries: twice as long each time, and anywhere in its second half by `chance`,
/// from 0 to 1, so that many who wait do not come back at once.
fn pause(tries: u32, chance: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(20));
    doubled.min(LONGEST_PAUSE).mul_f64(0.5 + chance / 2.0)
}

enum Failure {
    /// There is no such object.
    Gone,
    /// It is not as expected.
    Beaten,
    /// Anything else.
    Store(Reason),
}

impl Failure {
    fn of(error: &ObjectError, credentials: &std::path::Path) -> Self {
        let reason = Reason::of(error, credentials);
        match error {
            // Also the answer of some stores to a key that they do not know.
            ObjectError::NotFound { .. }
                if matches!(reason, Reason::NoBucket | Reason::Key { .. }) =>
            {
                Self::Store(reason)
            }
            ObjectError::NotFound { .. } => Self::Gone,
            ObjectError::Precondition { .. } => Self::Beaten,
            ObjectError::AlreadyExists { .. } if !reason.is_a_conflict() => Self::Beaten,
            _ => Self::Store(reason),
        }
    }

    fn into_error(self, store: &Store, name: &str) -> StoreError {
        let reason = match self {
            Self::Store(reason) => reason,
            Self::Gone => Reason::Refused("it is not there".to_owned()),
            Self::Beaten => Reason::Refused("somebody else wrote it".to_owned()),
        };
        StoreError {
            place: store.place(name),
            reason,
        }
    }
}

/// One try: who asks again, and says so, is [`Store::ask`].
fn once() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        retry_timeout: Duration::ZERO,
    }
}

/// Refuses to send a key's requests over an open line to another machine.
fn check_endpoint(endpoint: &str, allow_http: bool) -> Result<(), String> {
    let uri: http::Uri = endpoint
        .parse()
        .map_err(|error| format!("--endpoint {endpoint}: {error}; expected https://HOST[:PORT]"))?;
    let host = uri.host().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let own = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if own || allow_http => Ok(()),
        Some("http") => Err(format!(
            "--endpoint {endpoint}: http to another machine shows the dataset to whoever listens; use https, or say --allow-http"
        )),
        _ => Err(format!(
            "--endpoint {endpoint}: expected https://HOST[:PORT]"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_line_is_only_for_this_machine_unless_asked_for() {
        for (endpoint, allow_http, accepted) in [
            ("https://s3.example", false, true),
            ("http://127.0.0.1:7070", false, true),
            ("http://[::1]:7070", false, true),
            ("http://localhost:7070", false, true),
            ("http://minio.storage:9000", false, false),
            ("http://minio.storage:9000", true, true),
            ("http://127.0.0.1.example", false, false),
            ("ftp://127.0.0.1", true, false),
            ("s3.example", true, false),
        ] {
            assert_eq!(
                check_endpoint(endpoint, allow_http).is_ok(),
                accepted,
                "{endpoint}"
            );
        }
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let mut before = Duration::ZERO;
        for tries in 1..40 {
            let longest = pause(tries, 1.0);
            assert!(longest >= before && longest <= LONGEST_PAUSE);
            assert_eq!(pause(tries, 0.0) * 2, longest);
            before = longest;
        }
        assert_eq!(before, LONGEST_PAUSE);
    }
}
