//! What a trader mounts.

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, KeyToPath, PersistentVolumeClaimVolumeSource, SecretVolumeSource,
    Volume, VolumeMount,
};
use triptych_crds::ConfigHash;

use crate::names::CONFIG_FILE;

/// Where the configuration is mounted.
pub(super) const CONFIG_DIRECTORY: &str = "/etc/triptych/config";
/// Where the keys are mounted.
pub(super) const KEYS_DIRECTORY: &str = "/etc/triptych/keys";
/// Where the trader's own volume is mounted.
pub(super) const DATA_DIRECTORY: &str = "/var/lib/triptych";

/// A volume and where it is mounted.
pub(super) type Mounted = (Volume, VolumeMount);

/// The rendered configuration.
pub(super) fn configuration(hash: &ConfigHash) -> Mounted {
    let file = KeyToPath {
        key: CONFIG_FILE.into(),
        path: CONFIG_FILE.into(),
        ..Default::default()
    };
    let volume = Volume {
        name: "config".into(),
        config_map: Some(ConfigMapVolumeSource {
            name: hash.config_map_name(),
            items: Some(vec![file]),
            default_mode: Some(0o444),
            ..Default::default()
        }),
        ..Default::default()
    };
    (volume, mount("config", CONFIG_DIRECTORY, true))
}

/// What the trader writes: `name` says what for.
pub(super) fn own(name: &str, claim: &str) -> Mounted {
    let source = PersistentVolumeClaimVolumeSource {
        claim_name: claim.into(),
        ..Default::default()
    };
    let volume = Volume {
        name: name.into(),
        persistent_volume_claim: Some(source),
        ..Default::default()
    };
    (volume, mount(name, DATA_DIRECTORY, false))
}

/// Keys as files that only the trader's group reads. A pod without its Secret does not start.
pub(super) fn keys(secret: &str) -> Mounted {
    let source = SecretVolumeSource {
        secret_name: Some(secret.into()),
        default_mode: Some(0o440),
        optional: Some(false),
        items: None,
    };
    let volume = Volume {
        name: "keys".into(),
        secret: Some(source),
        ..Default::default()
    };
    (volume, mount("keys", KEYS_DIRECTORY, true))
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.into(),
        mount_path: path.into(),
        // `false` is what absence means; the API server leaves it out.
        read_only: read_only.then_some(true),
        ..Default::default()
    }
}
