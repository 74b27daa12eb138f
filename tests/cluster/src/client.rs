//! Clients of the API server.

use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::error::{Error, Result};

/// A client with the identity of a kubeconfig file.
pub async fn client_from(kubeconfig: &Path) -> Result<Client> {
    let unreadable = |reason: String| Error::Unreadable {
        path: kubeconfig.to_owned(),
        reason,
    };
    let read = Kubeconfig::read_from(kubeconfig).map_err(|error| unreadable(error.to_string()))?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .map_err(|error| unreadable(error.to_string()))?;
    Client::try_from(config).map_err(Error::kubernetes("create a client"))
}
