//! The one path at which every kubelet of a machine listens, whatever its own folder is: the socket of device plugins.
//!
//! A kubelet takes it from whoever has it and listens anew. Two that do so at once may meet between the two steps,
//! and one of them gives up; so the next one starts only after the one before it listens.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use crate::directory::ClusterDirectory;
use crate::error::Result;
use crate::processes::ProcessRecord;
use crate::readiness::until_ready;

const SOCKET: &str = "/var/lib/kubelet/device-plugins/kubelet.sock";
const WITHIN: Duration = Duration::from_secs(30);

/// A socket as it was when a kubelet was about to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DevicePluginSocket(Option<[i64; 3]>);

impl DevicePluginSocket {
    /// As it is now.
    pub(crate) fn now() -> Self {
        Self::at(Path::new(SOCKET))
    }

    fn at(path: &Path) -> Self {
        let found = std::fs::symlink_metadata(path).ok();
        Self(found.map(|file| [file.ino().cast_signed(), file.ctime(), file.ctime_nsec()]))
    }

    /// Waits until the kubelet that was started since then listens there.
    pub(crate) async fn until_taken(
        self,
        directory: &ClusterDirectory,
        kubelet: ProcessRecord,
    ) -> Result<()> {
        let taken = || async move {
            let now = Self::now();
            let is_taken = now != self && now.0.is_some();
            is_taken
                .then_some(())
                .ok_or_else(|| format!("nobody new listens at {SOCKET}"))
        };
        until_ready(
            directory,
            "the kubelet's device plugins",
            WITHIN,
            &[kubelet],
            taken,
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_socket_that_was_made_anew_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubelet.sock");
        let none = DevicePluginSocket::at(&path);
        assert_eq!(none, DevicePluginSocket(None));
        let first = UnixListener::bind(&path).unwrap();
        let one = DevicePluginSocket::at(&path);
        assert_eq!(one, DevicePluginSocket::at(&path));
        drop(first);
        std::fs::remove_file(&path).unwrap();
        // The clock of files may be coarse: a new one a moment later.
        let second = loop {
            let _made = UnixListener::bind(&path).unwrap();
            let two = DevicePluginSocket::at(&path);
            if two != one {
                break two;
            }
            std::fs::remove_file(&path).unwrap();
        };
        assert!(one != none && second != none && second != one);
    }
}
