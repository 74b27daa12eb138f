//! The feed handler trusts public authorities and nobody else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use support::{Follower, PATIENCE, Tape, generated};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use triptych_market_data::feed::Endpoints;

#[tokio::test]
async fn a_server_without_a_certificate_of_a_public_authority_is_refused() {
    let certificate =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("certificate");
    let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).expect("key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .expect("server configuration");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let port = listener.local_addr().expect("address").port();

    let unused = Tape::start(generated(1)).await;
    let mut feed = unused.config();
    feed.endpoints = Endpoints::from_url(&format!("wss://localhost:{port}")).expect("URL");
    let follower = Follower::start(feed);

    let accepting = async {
        let (stream, _) = listener.accept().await.expect("a connection");
        TlsAcceptor::from(Arc::new(config)).accept(stream).await
    };
    let handshake = tokio::time::timeout(PATIENCE, accepting)
        .await
        .expect("a handshake in time");
    let refusal = handshake
        .expect_err("the client ends the handshake")
        .to_string();
    assert!(refusal.contains("UnknownCA"), "{refusal}");
    assert_eq!(follower.status.connections(), 0);
}
