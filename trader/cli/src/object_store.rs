//! Datasets on an object store: how it is reached, `trader dataset push` and `pull`, and the folder in which
//! the other commands read what they are named as `s3://…`.

use std::convert::Infallible;
use std::env;
use std::fmt;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use triptych_dataset::writer::sha256_hex;
use triptych_dataset_store::copy::copy_as_it_is;
use triptych_dataset_store::credentials::CredentialsFile;
use triptych_dataset_store::location::{InvalidLocation, Location, SCHEME};
use triptych_dataset_store::mirror::{Mirror, PullReport};
use triptych_dataset_store::push::{Push, PushReport};
use triptych_dataset_store::store::{Connection, Patience, Store};

use crate::dataset::is_dataset;
use crate::failure::Failure;
use crate::output::{self, Format};

/// How often a store that is away is asked by a command that somebody waits for.
const MOST_TRIES: u32 = 8;

/// Where a dataset is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a directory.
    Directory(PathBuf),
    /// On an object store.
    Store(Location),
}

impl FromStr for Place {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with(SCHEME) {
            return text.parse().map(Self::Store);
        }
        let directory: Result<PathBuf, Infallible> = text.parse();
        Ok(Self::Directory(directory.unwrap_or_default()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => directory.display().fmt(f),
            Self::Store(location) => location.fmt(f),
        }
    }
}

/// How an object store is reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where a dataset is s3://BUCKET/PREFIX")]
pub(crate) struct StoreOptions {
    /// Address of the store, such as https://minio.example:9000; without it that of AWS in the region.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL")]
    endpoint: Option<String>,
    /// Region of the bucket.
    #[arg(
        long,
        value_name = "NAME",
        env = "AWS_REGION",
        default_value = "us-east-1"
    )]
    region: String,
    /// File with the key, in the format of AWS' tools; without it ~/.aws/credentials.
    #[arg(long, value_name = "FILE", env = "AWS_SHARED_CREDENTIALS_FILE")]
    credentials: Option<PathBuf>,
    /// Section of that file.
    #[arg(
        long,
        value_name = "NAME",
        env = "AWS_PROFILE",
        default_value = "default"
    )]
    profile: String,
    /// Sends requests over http also to another machine: whoever listens sees the dataset.
    #[arg(long)]
    allow_http: bool,
    /// Folder of local copies, of which only what is missing is fetched; without it triptych/datasets in the
    /// user's cache folder.
    #[arg(long, value_name = "DIRECTORY")]
    cache: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Copies published files and then the manifests that list them, so that no reader sees a listed file that is
missing. A trader may write and a compaction run meanwhile. Nothing is sent twice: a push that was killed,
at whatever moment, goes on where it was when it is run again. Each file is compared with its line before it
is sent, and by the store with its SHA-256. The directory stays as it is. Several directories may be pushed
to one place. Labels are not copied: they are made where the rows are together (`trader dataset label`).

Examples:
  trader dataset push /var/lib/triptych s3://desk/abh --credentials key --region eu-west-1
  trader dataset push /var/lib/triptych s3://desk/abh --endpoint https://minio.example:9000 --follow")]
pub(crate) struct PushArguments {
    /// The dataset's directory.
    directory: PathBuf,
    /// Where it is copied to.
    location: Location,
    /// Goes on as new files are published, until it is told to end (SIGTERM, Ctrl-C); waits for a store that
    /// is away as long as it takes.
    #[arg(long)]
    follow: bool,
    /// Seconds between two looks at the directory.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "10",
        requires = "follow"
    )]
    every: NonZeroU32,
    #[command(flatten)]
    store: StoreOptions,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Fetches what the directory lacks, compares each file with its line, and removes from the directory what the
store has compacted away. Every reading command does the same in a folder of its own (`--cache`).

Example:
  trader dataset pull s3://desk/abh ./dataset --endpoint https://minio.example:9000 --credentials key")]
pub(crate) struct PullArguments {
    /// Where the dataset is.
    location: Location,
    /// The directory: empty, not there yet, or from an earlier pull.
    directory: PathBuf,
    #[command(flatten)]
    store: StoreOptions,
    /// How results are printed.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// A store, and what it takes to wait for it.
pub(crate) struct Remote {
    pub(crate) runtime: Runtime,
    pub(crate) store: Store,
}

impl StoreOptions {
    /// Opens a store.
    pub(crate) fn open(&self, location: &Location, patience: Patience) -> Result<Remote, Failure> {
        let runtime = Runtime::new().map_err(|error| Failure::Internal(error.to_string()))?;
        let credentials = CredentialsFile {
            path: self
                .credentials
                .clone()
                .unwrap_or_else(|| home(".aws/credentials")),
            profile: self.profile.clone(),
        };
        let connection = Connection {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            credentials,
            allow_http: self.allow_http,
            patience,
        };
        let listener = Arc::new(|notice: &_| eprintln!("trader: {notice}"));
        let store = Store::open(location.clone(), &connection, listener)?;
        Ok(Remote { runtime, store })
    }

    /// A store for a command that somebody waits for.
    pub(crate) fn open_for_now(&self, location: &Location) -> Result<Remote, Failure> {
        self.open(location, Patience::Tries(MOST_TRIES))
    }

    /// The directory in which a dataset can be read.
    pub(crate) fn readable(&self, place: &Place) -> Result<PathBuf, Failure> {
        match place {
            Place::Directory(directory) => {
                is_dataset(directory)?;
                Ok(directory.clone())
            }
            Place::Store(location) => {
                let Remote { runtime, store } = self.open_for_now(location)?;
                // Others may fetch again while this one reads, as they may compact a directory.
                Ok(self.mirror(&runtime, &store)?.directory().to_owned())
            }
        }
    }

    /// Everything that a store has of a dataset, as it is, in a folder that is removed when it is dropped.
    pub(crate) fn copy(&self, location: &Location) -> Result<TempDir, Failure> {
        let remote = self.open_for_now(location)?;
        let cache = self.cache.clone().unwrap_or_else(cache);
        let unwritable = |source| Failure::Unwritable {
            path: cache.clone(),
            source,
        };
        fs::create_dir_all(&cache).map_err(unwritable)?;
        let folder = tempfile::tempdir_in(&cache).map_err(unwritable)?;
        let copied = copy_as_it_is(&remote.store, folder.path());
        remote.runtime.block_on(copied)?;
        Ok(folder)
    }

    /// The folder of copies of a store's dataset, as the store is now.
    pub(crate) fn mirror(&self, runtime: &Runtime, store: &Store) -> Result<Mirror, Failure> {
        let location = store.location();
        let endpoint = self.endpoint.as_deref().unwrap_or(&self.region);
        let digest = sha256_hex(format!("{endpoint} {location}").as_bytes());
        let name = format!("{}-{}", location.bucket(), &digest[..16]);
        let directory = self.cache.clone().unwrap_or_else(cache).join(name);
        let mirror = runtime.block_on(Mirror::pull(store, &directory))?;
        let report = mirror.report();
        if report.files_fetched > 0 {
            eprintln!(
                "trader: {} of {} files fetched into {}",
                report.files_fetched,
                report.files,
                directory.display()
            );
        }
        Ok(mirror)
    }
}

/// Copies a dataset to a store.
pub(crate) fn push(arguments: &PushArguments) -> Result<(), Failure> {
    let directory = &arguments.directory;
    is_dataset(directory)?;
    let patience = if arguments.follow {
        Patience::Endless
    } else {
        Patience::Tries(MOST_TRIES)
    };
    let Remote { runtime, store } = arguments.store.open(&arguments.location, patience)?;
    let mut push = Push::new(&store, directory);
    let copied = if arguments.follow {
        let every = Duration::from_secs(arguments.every.get().into());
        runtime.block_on(async { push.follow(every, told_to_end()).await })
    } else {
        runtime.block_on(push.once())
    };
    copied?;
    output::print(arguments.output, &push.report(), push_text)
}

/// Until the process is told to end.
async fn told_to_end() {
    let interrupted = tokio::signal::ctrl_c();
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = interrupted => {}
        _ = terminated.recv() => {}
    }
}

fn push_text(report: &PushReport) -> String {
    let mut text = format!(
        "{} files sent, {} bytes, {} manifests written\n",
        report.files_sent, report.bytes_sent, report.manifests_written
    );
    if report.files_found > 0 {
        text += &format!(
            "{} files found there that a killed push had sent\n",
            report.files_found
        );
    }
    text += &in_vain_text(report.tries_in_vain);
    text += if report.complete {
        "everything that is listed is there\n"
    } else {
        "ended before everything was there; the next push goes on\n"
    };
    text
}

/// Copies a dataset from a store.
pub(crate) fn pull(arguments: &PullArguments) -> Result<(), Failure> {
    let Remote { runtime, store } = arguments.store.open_for_now(&arguments.location)?;
    let mirror = runtime.block_on(Mirror::pull(&store, &arguments.directory))?;
    output::print(arguments.output, mirror.report(), pull_text)
}

fn pull_text(report: &PullReport) -> String {
    let mut text = format!(
        "{} files, {} of them fetched, {} bytes\n",
        report.files, report.files_fetched, report.bytes_fetched
    );
    if report.files_removed > 0 {
        text += &format!(
            "{} files removed that count no more\n",
            report.files_removed
        );
    }
    text + &in_vain_text(report.tries_in_vain)
}

/// How often a request had to be made again; nothing where none had to.
fn in_vain_text(tries: u64) -> String {
    match tries {
        0 => String::new(),
        tries => format!("{tries} requests in vain, and made again\n"),
    }
}

fn home(path: &str) -> PathBuf {
    Path::new(&env::var_os("HOME").unwrap_or_default()).join(path)
}

fn cache() -> PathBuf {
    let folder = env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty());
    folder
        .map_or_else(|| home(".cache"), PathBuf::from)
        .join("triptych/datasets")
}
