//! Kubeconfig files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::certificates::Credential;

/// A kubeconfig with everything embedded, so that the file can be copied.
pub(crate) fn render(
    cluster: &str,
    server: &str,
    authority: &str,
    user: &str,
    credential: &Credential,
) -> String {
    let context = format!("{user}@{cluster}");
    let value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": cluster,
            "cluster": {
                "server": server,
                "certificate-authority-data": STANDARD.encode(authority),
            },
        }],
        "users": [{
            "name": user,
            "user": {
                "client-certificate-data": STANDARD.encode(&credential.certificate),
                "client-key-data": STANDARD.encode(&credential.key),
            },
        }],
        "contexts": [{ "name": context, "context": { "cluster": cluster, "user": user } }],
        "current-context": context,
    });
    serde_yaml_ng::to_string(&value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use kube::config::Kubeconfig;

    use super::*;

    #[test]
    fn a_rendered_kubeconfig_is_read_by_the_client_library() {
        let credential = Credential {
            certificate: "cert".into(),
            key: "key".into(),
        };
        let text = render(
            "dev",
            "https://10.77.0.1:6443",
            "authority",
            "alice",
            &credential,
        );
        let parsed = Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(parsed.current_context.as_deref(), Some("alice@dev"));
        let cluster = parsed.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://10.77.0.1:6443"));
        let user = parsed.auth_infos[0].auth_info.as_ref().unwrap();
        assert_eq!(user.client_certificate_data.as_deref(), Some("Y2VydA=="));
    }
}
