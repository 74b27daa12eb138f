//! The client of the API server.

use std::time::Duration;

use kube::{Client, Config};
use triptych_trader_runtime::variables::{EnvironmentError, invalid};

/// Longest time for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// A client with the pod's token, or with KUBECONFIG outside of a cluster. It connects when it is
/// first used.
pub(crate) async fn client() -> Result<Client, EnvironmentError> {
    let mut config = Config::infer().await.map_err(|error| no_server(&error))?;
    config.connect_timeout = Some(CONNECT_LIMIT);
    // Whoever asks decides when to ask again.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| no_server(&error))
}

fn no_server(error: &dyn std::error::Error) -> EnvironmentError {
    let found = std::env::var("KUBECONFIG").unwrap_or_default();
    let expected = format!(
        "nothing in a pod with its ServiceAccount's token, or else a kubeconfig that leads to the \
         API server: {error}"
    );
    invalid("KUBECONFIG", &found, &expected)
}
