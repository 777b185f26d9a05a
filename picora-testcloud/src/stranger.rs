//! A server over TLS that is no store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// It has a certificate of its own, and answers 403 to everything.
#[derive(Debug)]
pub(crate) struct Stranger {
    port: u16,
    heard: Arc<AtomicUsize>,
    folder: TempDir,
    serving: JoinHandle<()>,
}

impl Stranger {
    /// Starts one that claims to be this host.
    pub(crate) async fn over_tls(name: &str) -> Self {
        let made = generate_simple_self_signed([name.to_owned()]);
        let CertifiedKey { cert, signing_key } = made.expect("a name makes a certificate");
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        std::fs::write(root(folder.path()), cert.pem()).expect("it has room");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("it is a key");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the versions suit the provider")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("the key is the certificate's");
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("127.0.0.1 has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let heard = Arc::new(AtomicUsize::new(0));
        let serving = accept(
            listener,
            TlsAcceptor::from(Arc::new(config)),
            Arc::clone(&heard),
        );
        Self {
            port,
            heard,
            folder,
            serving: tokio::spawn(serving),
        }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// A file with its certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        root(self.folder.path())
    }

    /// How many requests were sent to it.
    pub(crate) fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn root(folder: &Path) -> PathBuf {
    folder.join("root.pem")
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, heard: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, acceptor.clone(), Arc::clone(&heard)));
    }
}

async fn answer(stream: TcpStream, acceptor: TlsAcceptor, heard: Arc<AtomicUsize>) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return; // it was not believed
    };
    if stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
        heard.fetch_add(1, Ordering::SeqCst);
        let _ = stream.write_all(ANSWER).await;
        let _ = stream.shutdown().await;
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
