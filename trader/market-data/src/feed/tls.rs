//! One TLS configuration for streams, REST and orders: rustls over ring, Mozilla's roots built in, so that
//! an image without certificates works.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The client's TLS configuration; it presents no certificate.
pub fn client_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_configuration_builds_without_a_process_wide_provider() {
        assert!(super::client_config().is_ok());
    }
}
