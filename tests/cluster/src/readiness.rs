//! Whether the API server and the nodes are ready.

use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::GetParams;
use kube::core::Request;

/// Asks the API server; the error says why it is not ready.
pub(crate) async fn api_server(client: &Client) -> Result<(), String> {
    let request = Request::new("")
        .get("readyz", &GetParams::default())
        .map_err(|error| error.to_string())?;
    match client.request_text(request).await {
        Ok(text) if text == "ok" => Ok(()),
        Ok(text) => Err(text),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether a node says that it is ready.
pub fn node_is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
