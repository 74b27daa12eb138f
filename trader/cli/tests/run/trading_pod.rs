//! A pod of W or R. The tests of the example crate use this file too.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;

use crate::api_server::{self, kubeconfig};
use crate::process::Pod;

pub(crate) const HALT_TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Gives a pod what belongs to tier W: the account's keys and an API server.
pub(crate) fn trading(mut pod: Pod, api_server: SocketAddr) -> Pod {
    fs::create_dir(pod.path("keys")).unwrap();
    for (name, content) in [
        ("api-key", "an-api-key"),
        ("api-secret", "an-api-secret"),
        ("halt-token", HALT_TOKEN),
    ] {
        put_key(&pod, name, content, 0o440);
    }
    let kubeconfig = kubeconfig(api_server, &pod.path("."));
    for (name, value) in [
        ("TRIPTYCH_TIER", "W".to_owned()),
        ("TRIPTYCH_INSTANCE", "live".to_owned()),
        ("TRIPTYCH_INSTANCE_UID", api_server::UID.to_owned()),
        ("TRIPTYCH_ACCOUNT", "alpha".to_owned()),
        ("TRIPTYCH_VENUE", "BinanceSpot".to_owned()),
        // A simulated account whose venue is not there: nothing listens at that port.
        ("TRIPTYCH_SIMULATED", "true".to_owned()),
        ("TRIPTYCH_REST_URL", "http://127.0.0.1:9".to_owned()),
        ("TRIPTYCH_USER_STREAMS_URL", "ws://127.0.0.1:9".to_owned()),
        ("TRIPTYCH_KEYS_DIR", pod.path("keys").display().to_string()),
        ("KUBECONFIG", kubeconfig.display().to_string()),
    ] {
        pod.environment.insert(name, value);
    }
    pod
}

pub(crate) fn put_key(pod: &Pod, name: &str, content: &str, mode: u32) {
    let path = pod.path("keys").join(name);
    // A file that only its group may read cannot be written again.
    let _ = fs::remove_file(&path);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
}
