//! Addresses of pods as their node gives them out, before the API server knows them.
//!
//! Without this a new pod would be cut off until its status names its address, and lose its first
//! packets: a name looked up at once would take the resolver's five seconds.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, unix};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use crate::error::{Error, Result};

/// Longest wait of a new pod for its rules.
const WITHIN: Duration = Duration::from_secs(10);

/// How long an address is kept for a pod that the API server does not show.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// The answer once the rules are in place.
const ENFORCED: &str = "enforced";

/// The address that a pod has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announcement {
    /// UID of the pod.
    pub(crate) pod: String,
    /// Its address.
    pub(crate) address: Ipv4Addr,
}

/// An announcement, and whom to tell when its rules are in place.
pub(crate) type Waiting = (Announcement, oneshot::Sender<()>);

/// Tells the enforcer of this node and waits until the pod's rules are in place.
pub(crate) fn announce(socket: &Path, announcement: &Announcement) -> Result<()> {
    let doing = || format!("tell the network policy enforcer at {}", socket.display());
    let mut stream = UnixStream::connect(socket).map_err(Error::io(doing()))?;
    stream
        .set_read_timeout(Some(WITHIN))
        .map_err(Error::io(doing()))?;
    let line = serde_json::to_string(announcement).unwrap_or_default();
    writeln!(stream, "{line}").map_err(Error::io(doing()))?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .map_err(Error::io(doing()))?;
    if answer.trim() == ENFORCED {
        return Ok(());
    }
    Err(Error::NotReady {
        what: format!("the network policy of pod {}", announcement.pod),
        waited: WITHIN,
        reason: "the enforcer ended".to_owned(),
        log: String::new(),
    })
}

/// Listens for announcements; one process a node does.
pub(crate) fn listen(socket: &Path) -> Result<mpsc::Receiver<Waiting>> {
    if socket.exists() {
        std::fs::remove_file(socket).map_err(Error::file("remove", socket))?;
    }
    let listener = UnixListener::bind(socket).map_err(Error::file("listen on", socket))?;
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(answer(stream.into_split(), sender.clone()));
                }
                Err(error) => {
                    warn!(%error, "no connection accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    Ok(receiver)
}

type Halves = (unix::OwnedReadHalf, unix::OwnedWriteHalf);

async fn answer((reading, mut writing): Halves, sender: mpsc::Sender<Waiting>) {
    let mut lines = tokio::io::BufReader::new(reading).lines();
    let Ok(Some(line)) = lines.next_line().await else {
        return;
    };
    let Ok(announcement) = serde_json::from_str(&line) else {
        return;
    };
    let (done, enforced) = oneshot::channel();
    if sender.send((announcement, done)).await.is_ok() && enforced.await.is_ok() {
        // Whoever asked and left has no use for the answer.
        let _ = writing.write_all(format!("{ENFORCED}\n").as_bytes()).await;
    }
}

/// The addresses announced, and who still waits for their rules.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    addresses: BTreeMap<String, (Ipv4Addr, Instant)>,
    waiting: Vec<Waiting>,
}

impl Announced {
    /// Takes an announcement; the last one of a pod counts.
    pub(crate) fn add(&mut self, (announcement, done): Waiting) {
        let Announcement { pod, address } = announcement.clone();
        self.addresses.insert(pod, (address, Instant::now()));
        self.waiting.push((announcement, done));
    }

    /// The address announced for a pod.
    pub(crate) fn address_of(&self, pod: &str) -> Option<Ipv4Addr> {
        self.addresses.get(pod).map(|(address, _)| *address)
    }

    /// Tells those whose addresses the rules in place know.
    pub(crate) fn enforced(&mut self, is_known: impl Fn(Ipv4Addr) -> bool) {
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(announcement, _)| is_known(announcement.address));
        self.waiting = waiting;
        for (_, done) in ready {
            let _ = done.send(());
        }
        self.waiting.retain(|(_, done)| !done.is_closed());
    }

    /// Forgets pods that are gone.
    pub(crate) fn forget(&mut self, exists: impl Fn(&str) -> bool) {
        self.addresses
            .retain(|pod, (_, since)| exists(pod) || since.elapsed() < KEPT_FOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement() -> Announcement {
        Announcement {
            pod: "u-1".into(),
            address: Ipv4Addr::new(10, 77, 65, 2),
        }
    }

    #[tokio::test]
    async fn a_pod_waits_until_its_rules_are_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let mut announcements = listen(&socket).unwrap();
        let pod = tokio::task::spawn_blocking(move || announce(&socket, &announcement()));
        let mut announced = Announced::default();
        announced.add(announcements.recv().await.unwrap());
        assert_eq!(announced.address_of("u-1"), Some(announcement().address));
        announced.enforced(|_| false);
        assert!(!pod.is_finished());
        announced.enforced(|address| address == announcement().address);
        pod.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn without_an_enforcer_no_pod_is_let_through() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let error = announce(&socket, &announcement()).unwrap_err();
        assert!(
            error.to_string().contains("network policy enforcer"),
            "{error}"
        );
        let announcements = listen(&socket).unwrap();
        drop(announcements);
        let refused = tokio::task::spawn_blocking(move || announce(&socket, &announcement()));
        refused.await.unwrap().unwrap_err();
    }

    #[test]
    fn an_address_is_kept_as_long_as_its_pod_exists() {
        let (done, _) = oneshot::channel();
        let mut announced = Announced::default();
        announced.add((announcement(), done));
        announced.forget(|pod| pod == "u-1");
        assert!(announced.address_of("u-1").is_some());
        let long_ago = Instant::now().checked_sub(KEPT_FOR * 2).unwrap();
        announced
            .addresses
            .insert("u-1".into(), (announcement().address, long_ago));
        announced.forget(|_| true);
        assert!(announced.address_of("u-1").is_some());
        announced.forget(|_| false);
        assert!(announced.address_of("u-1").is_none());
    }
}
