//! The store of these tests: Versity's S3 gateway over a folder, as its users run it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;
use triptych_cluster::parts::build_one;
use triptych_cluster::progress::Progress;

use crate::process::until;

pub(crate) const KEY: &str = "desk-key";
pub(crate) const SECRET: &str = "nobody-may-read-this-secret";
pub(crate) const BUCKET: &str = "desk";

/// A running store; it ends when it is dropped, and its objects with it.
pub(crate) struct Server {
    child: Option<Child>,
    folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start() -> Self {
        let mut server = Self::not_started();
        server.run();
        server
    }

    /// A store whose address nobody listens at yet.
    pub(crate) fn not_started() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("objects").join(BUCKET)).unwrap();
        std::fs::create_dir_all(folder.path().join("sidecar")).unwrap();
        let credentials = format!(
            "[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n\
             [wrong]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}x\n\
             [stranger]\naws_access_key_id = somebody\naws_secret_access_key = {SECRET}\n"
        );
        std::fs::write(folder.path().join("credentials"), credentials).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            child: None,
            folder,
            address: listener.local_addr().unwrap(),
        }
    }

    pub(crate) fn run(&mut self) {
        let path = |name: &str| self.folder.path().join(name);
        let child = Command::new(program())
            .args([
                "--port",
                &self.address.to_string(),
                "--quiet",
                "--keep-alive",
            ])
            .args(["posix", "--sidecar"])
            .args([path("sidecar"), path("objects")])
            .env_clear()
            .env("ROOT_ACCESS_KEY", KEY)
            .env("ROOT_SECRET_KEY", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        until("the store's port", || TcpStream::connect(self.address).ok());
    }

    pub(crate) fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn credentials(&self) -> PathBuf {
        self.folder.path().join("credentials")
    }

    /// Where the store keeps an object.
    pub(crate) fn object(&self, name: &str) -> PathBuf {
        self.folder.path().join("objects").join(BUCKET).join(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let built = runtime.block_on(build_one("object-store", &Progress::quiet()));
        built.unwrap().join("versitygw")
    })
}
