//! What only a server has: passwords and certificates.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{Certificate, CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use triptych_ledger::{AUTHORITIES_KEY, Place};

use crate::server::{PASSWORD, Server, VERSIONS, shared, write_secret};

fn message(folder: &Path) -> String {
    match Place::PostgreSql(folder.to_path_buf()).connect() {
        Ok(_) => panic!("it connected"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_the_server_refuses_is_said_in_its_words_and_without_the_password() {
    for (name, version) in VERSIONS {
        let mut server = Server::start(version);
        let folder = tempfile::tempdir().unwrap();
        for (database, password, says) in [
            (
                "postgres",
                "wrong-hidden",
                "password authentication failed for user \"desk\"",
            ),
            ("missing", PASSWORD, "database \"missing\" does not exist"),
        ] {
            let string = server.connection_string(database, password);
            write_secret(folder.path(), &format!("{string} sslmode=disable"));
            let error = message(folder.path());
            assert!(error.contains(says), "{name}: {error}");
            assert!(!error.contains(password), "{name}: {error}");
        }
        let string = server.connection_string("postgres", PASSWORD);
        write_secret(folder.path(), &format!("{string} sslmode=disable"));
        server.end();
        let error = message(folder.path());
        assert!(
            error.contains("cannot be reached") && error.contains("refused"),
            "{name}: {error}"
        );
        assert!(!error.contains(PASSWORD), "{name}: {error}");
    }
}

#[test]
fn a_line_is_encrypted_and_its_certificate_checked_unless_the_string_says_otherwise() {
    let (name, server) = shared()[1].clone();
    let folder = tempfile::tempdir().unwrap();
    let plain = server.connection_string("postgres", PASSWORD);

    // A server without encryption is not spoken to, and `prefer` does not change that.
    for more in ["", "sslmode=prefer", "sslmode=require"] {
        write_secret(folder.path(), &format!("{plain} {more}"));
        let error = message(folder.path());
        assert!(
            error.contains("server does not support TLS"),
            "{name} {more}: {error}"
        );
    }

    let key = KeyPair::generate().unwrap();
    let names = ["127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names)
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let runtime = Runtime::new().unwrap();
    let port = runtime.block_on(encrypting(server.port(), &certificate, &key));
    let encrypted = plain.replace(&format!("port={}", server.port()), &format!("port={port}"));

    write_secret(folder.path(), &encrypted);
    let error = message(folder.path());
    assert!(
        error.contains("invalid peer certificate"),
        "{name}: {error}"
    );
    fs::write(folder.path().join(AUTHORITIES_KEY), certificate.pem()).unwrap();
    let mut session = Place::PostgreSql(folder.path().to_path_buf())
        .connect()
        .unwrap();
    let answer = session.rows("SELECT CAST(41 + 1 AS TEXT)", &[]).unwrap();
    assert_eq!(answer, [[Some("42".to_owned())]], "{name}");

    // Another name of the same machine is another server.
    write_secret(folder.path(), &encrypted.replace("127.0.0.1", "localhost"));
    let error = message(folder.path());
    assert!(error.contains("not valid for name"), "{name}: {error}");
}

/// Encrypts connections to a server whose binaries cannot, as its documentation says: the client asks in eight bytes
/// and is answered `S`. Returns the port.
async fn encrypting(server: u16, certificate: &Certificate, key: &KeyPair) -> u16 {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(settings));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = [0; 8];
            client.read_exact(&mut request).await.unwrap();
            client.write_all(b"S").await.unwrap();
            // A client that trusts another certificate ends here.
            let Ok(mut client) = acceptor.accept(client).await else {
                continue;
            };
            let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    port
}
