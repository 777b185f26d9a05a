//! TLS: a host whose certificate the system trusts is believed, any other is not, and the key is not sent to it.

use std::process::Output;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const IDENTITY: &str =
    r#"{"success":true,"data":{"accountId":"acc_1","keyId":"key_1","plan":"pro","role":"user"}}"#;

/// Asks a host of TLS, with its certificate among the system's roots or without; and what came to the host.
async fn ask(trusted: bool) -> (Output, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let root = if trusted {
        cert.pem()
    } else {
        other.cert.pem()
    };
    std::fs::write(folder.path().join("root.pem"), root).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_picora"));
    command
        .env_clear()
        .env("SSL_CERT_FILE", folder.path().join("root.pem"));
    command
        .env("PICORA_URL", url)
        .env("PICORA_API_KEY", "sk_live_secret");
    let asking = command.arg("whoami").kill_on_drop(true).output();
    let host = serve(listener, TlsAcceptor::from(Arc::new(config)));
    let (output, seen) = tokio::join!(asking, host);
    (output.unwrap(), seen)
}

/// Answers one request over TLS; what it was, or nothing when the client went away.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor) -> String {
    let (stream, _) = listener.accept().await.unwrap();
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return String::new();
    };
    let mut request = vec![0; 4096];
    let read = stream.read(&mut request).await.unwrap_or(0);
    let length = IDENTITY.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{IDENTITY}"
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    String::from_utf8_lossy(&request[..read]).into_owned()
}

#[tokio::test]
async fn a_host_that_the_system_trusts_is_asked_over_tls() {
    let (output, seen) = ask(true).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"acc_1 by key key_1, plan pro, role user\n");
    assert!(seen.contains("Bearer sk_live_secret"));
}

#[tokio::test]
async fn a_host_that_nobody_vouches_for_is_told_nothing() {
    let (output, seen) = ask(false).await;
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("certificate"), "{told}");
    assert_eq!(seen, "");
}
