//! What TLS keeps from whoever stands in the venue's place.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use triptych_market_data::feed::tls_client_config;

use super::*;
use crate::endpoints::EndpointUrls;
use crate::hosts::AccountSide;

const PATIENCE: Duration = Duration::from_secs(10);

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// Who answers at the venue's address.
struct Identity {
    name: &'static str,
    last_year: i32,
}

const VENUE: Identity = Identity {
    name: "localhost",
    last_year: 4000,
};

fn server_config(authority: &Authority, identity: &Identity) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec![identity.name.to_owned()]).unwrap();
    parameters.not_before = date_time_ymd(2000, 1, 1);
    parameters.not_after = date_time_ymd(identity.last_year, 1, 1);
    let certificate = parameters.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap()
}

/// A client that trusts this authority alone.
fn trusting(root: CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// A server that answers each request with 200, and what it could read of requests.
async fn server(config: Option<ServerConfig>) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let read = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&read);
    let acceptor = config.map(|config| TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            match &acceptor {
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer(stream, &seen).await;
                    }
                }
                None => says_nothing_of_tls(stream).await,
            }
        }
    });
    (address, read)
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, seen: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    if let Ok(count) = stream.read(&mut buffer).await {
        seen.lock().unwrap().extend_from_slice(&buffer[..count]);
    }
    let _ = stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        .await;
    let _ = stream.flush().await;
}

async fn says_nothing_of_tls(mut stream: TcpStream) {
    let _ = stream
        .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        .await;
    let _ = stream.shutdown().await;
}

async fn send(address: SocketAddr, tls: Arc<ClientConfig>) -> Attempt {
    let port = address.port();
    let [rest, streams] = ["https", "wss"].map(|scheme| format!("{scheme}://localhost:{port}"));
    let urls = EndpointUrls {
        rest: Some(&rest),
        market_streams: Some(&streams),
        user_streams: Some(&streams),
    };
    let endpoints = TradingEndpoints::new(AccountSide::Live, true, urls).unwrap();
    let sender = Sender::new(endpoints, TlsConnector::from(tls), PATIENCE, PATIENCE);
    let message = Message {
        method: Method::POST,
        path_and_query: "/api/v3/order?signature=of-this-order".to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    };
    sender.send(message).await
}

#[tokio::test]
async fn no_byte_of_an_order_goes_to_whoever_cannot_prove_to_be_the_venue() {
    let (ours, theirs) = (authority(), authority());
    let trusted = || trusting(ours.der().clone());
    let elsewhere = Identity {
        name: "venue.example",
        ..VENUE
    };
    let expired = Identity {
        last_year: 2020,
        ..VENUE
    };
    for (who, config, tls, expected) in [
        (
            "the venue",
            Some(server_config(&ours, &VENUE)),
            trusted(),
            None,
        ),
        (
            "another host",
            Some(server_config(&ours, &elsewhere)),
            trusted(),
            Some("not valid for name"),
        ),
        (
            "the venue of long ago",
            Some(server_config(&ours, &expired)),
            trusted(),
            Some("expired"),
        ),
        (
            "somebody who took the name of the authority",
            Some(server_config(&theirs, &VENUE)),
            trusted(),
            Some("BadSignature"),
        ),
        (
            "somebody whom the shipped roots do not know",
            Some(server_config(&ours, &VENUE)),
            tls_client_config().unwrap(),
            Some("UnknownIssuer"),
        ),
        ("a server without TLS", None, trusted(), Some("corrupt")),
    ] {
        let (address, read) = server(config).await;
        let attempt = send(address, tls).await;
        let read = read.lock().unwrap().clone();
        match (expected, attempt) {
            (None, Attempt::Answered(answer)) => {
                assert_eq!(answer.status, 200, "{who}");
                assert!(read.starts_with(b"POST /api/v3/order"), "{who}");
            }
            (Some(reason), Attempt::NotWritten(why)) => {
                assert!(why.contains(reason), "{who}: {why}");
                assert!(read.is_empty(), "{who} read a request");
            }
            (_, attempt) => panic!("{who}: {attempt:?}"),
        }
    }
}
