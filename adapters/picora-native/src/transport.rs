//! How a server is reached: names, certificates, connections.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use object_store::client::HttpClient;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::Url;

use crate::config::ConfigError;
use crate::failure::Failure;

/// A client that goes nowhere but where it is sent: whoever redirects it would be told the token.
pub(crate) fn client(endpoint: &Url, connect_timeout: Duration) -> Result<HttpClient, ConfigError> {
    let mut client = reqwest::Client::builder()
        .user_agent(concat!("picora/", env!("CARGO_PKG_VERSION")))
        .https_only(endpoint.scheme() != "http")
        .http1_only()
        // Bytes come as they are stored. If any crate of a build has decoding on, this client would ask for it and hand on other bytes than
        // those that the digest is of, without their length.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(connect_timeout)
        .dns_resolver(Arc::new(Names));
    if never_leaves(endpoint) {
        client = client.no_proxy();
    }
    let client = client
        .build()
        .map_err(|error| ConfigError::Client(chain(&error)))?;
    Ok(HttpClient::new(client))
}

/// Whether a proxy of the environment is passed by: what is on this machine is no business of another, and what is not encrypted would show
/// it the token. Anything else goes through it in a tunnel.
fn never_leaves(endpoint: &Url) -> bool {
    let host = endpoint.host_str().unwrap_or_default();
    let number = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = |it: std::net::IpAddr| it.is_loopback();
    endpoint.scheme() == "http" || host == "localhost" || number.parse().is_ok_and(loopback)
}

/// The name server of this machine.
#[derive(Debug)]
struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let none = |cause: String| NoSuchHost { host, cause };
            match tokio::net::lookup_host((name.as_str(), 0)).await {
                Ok(found) => {
                    let found: Vec<_> = found.collect();
                    if found.is_empty() {
                        return Err(none("it has no address".to_owned()).into());
                    }
                    Ok(Box::new(found.into_iter()) as Addrs)
                }
                Err(error) => Err(none(error.to_string()).into()),
            }
        })
    }
}

/// A name that leads nowhere.
#[derive(Clone, Debug, thiserror::Error)]
#[error("there is no host {host}: {cause}")]
pub(crate) struct NoSuchHost {
    host: String,
    cause: String,
}

impl NoSuchHost {
    /// The failure that this cause of an error is, if it is one of names.
    pub(crate) fn among(cause: &(dyn Error + 'static)) -> Option<Failure> {
        let Self { host, cause } = cause.downcast_ref::<Self>()?.clone();
        Some(Failure::NoSuchHost { host, cause })
    }
}

/// What is wrong with a certificate, or with what came in place of one.
pub(crate) struct Untrusted(pub(crate) String);

impl Untrusted {
    /// The same of this cause of an error, if it is one of TLS.
    pub(crate) fn among(cause: &(dyn Error + 'static)) -> Option<Self> {
        // An error of I/O that wraps another names the other's cause as its own, and so hides it; and there are several of them.
        let mut hidden = cause;
        while let Some(inner) = hidden
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            hidden = inner;
        }
        let told = hidden.downcast_ref::<rustls::Error>();
        told.map(|told| Self(told.to_string()))
    }
}

/// An error with all its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&cause| cause.source());
    let said: Vec<_> = causes.map(ToString::to_string).collect();
    said.join(": ")
}
