//! The client's address behind proxies that are trusted, and what of it a limiter goes by.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::FORWARDED;
use http::{Extensions, HeaderMap, HeaderName, Request};
use tower::{Layer, Service};

mod forwarded;
mod network;
mod prefix;

pub use network::{Network, NetworkError};
pub use prefix::{AddressPrefix, PrefixError, PrefixLengths};

/// The address of whoever asks, in a request's extensions: see [`ClientAddressLayer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

/// The header in which proxies note whom they speak for. One is read, never both: whichever a proxy does not write is the client's own text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: addresses, separated by commas.
    #[default]
    XForwardedFor,
    /// `Forwarded` of RFC 7239: elements with a `for=`.
    Forwarded,
}

/// Whose word counts about whom they speak for.
///
/// By default nobody's: the address is the peer's, and no header matters.
///
/// ```
/// use http::HeaderMap;
/// use picora_http::TrustedProxies;
/// let trusted = TrustedProxies::new(["10.0.0.0/8".parse()?]);
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.7".parse()?); // the first is the client's invention
/// assert_eq!(trusted.client([10, 0, 0, 8].into(), &headers).to_string(), "203.0.113.9");
/// assert_eq!(trusted.client([192, 0, 2, 1].into(), &headers).to_string(), "192.0.2.1"); // no proxy of ours
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    header: ForwardedHeader,
}

impl TrustedProxies {
    /// Those in these networks, by `X-Forwarded-For`.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = Network>) -> Self {
        Self {
            networks: networks.into_iter().collect(),
            header: ForwardedHeader::default(),
        }
    }

    /// The same, by this header.
    #[must_use]
    pub fn reading(mut self, header: ForwardedHeader) -> Self {
        self.header = header;
        self
    }

    /// The address of the client: from the peer to the left through the header, the first that is no trusted proxy.
    ///
    /// **Boundaries**: an entry that is no address (`unknown`, an obfuscated id, garbage) ends the walk, and the last address that
    /// somebody trusted has vouched for counts; so does it when there are no more entries. What stands further left was written by
    /// somebody who is not trusted and is not looked at. IPv4 within IPv6 becomes IPv4; ports and zones are dropped. **Errors**: none.
    /// **Source**: RFC 7239 §4–§6; `X-Forwarded-For` as its §7.4 describes it.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut vouched = peer.to_canonical();
        if !self.trusts(vouched) {
            return vouched;
        }
        let (name, entries) = match self.header {
            ForwardedHeader::XForwardedFor => (X_FORWARDED_FOR, forwarded::plain as Entries),
            ForwardedHeader::Forwarded => (FORWARDED, forwarded::elements as Entries),
        };
        // Lines of one name are one list in their order (RFC 9110 §5.3); the map walks them backwards, too.
        for line in headers.get_all(name).iter().rev() {
            for entry in entries(line.as_bytes()) {
                let Some(address) = entry else {
                    return vouched;
                };
                vouched = address;
                if !self.trusts(vouched) {
                    return vouched;
                }
            }
        }
        vouched
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }
}

/// Puts the [`ClientAddress`] of every request into its extensions. It belongs outside whatever limits by address.
///
/// Who the peer is, only the server knows: it passes the function that finds him among the request's extensions. A request without a
/// peer has no client's address either, whatever its headers say.
#[derive(Clone, Debug)]
pub struct ClientAddressLayer {
    trusted: Arc<TrustedProxies>,
    peer: PeerOf,
}

/// Finds the peer of the connection among a request's extensions.
pub type PeerOf = fn(&Extensions) -> Option<IpAddr>;

impl ClientAddressLayer {
    /// A layer that believes these proxies.
    #[must_use]
    pub fn new(trusted: TrustedProxies, peer: PeerOf) -> Self {
        Self {
            trusted: Arc::new(trusted),
            peer,
        }
    }
}

impl<S> Layer<S> for ClientAddressLayer {
    type Service = ClientAddressService<S>;
    fn layer(&self, inner: S) -> ClientAddressService<S> {
        ClientAddressService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service whose requests have a client's address; see [`ClientAddressLayer`].
#[derive(Clone, Debug)]
pub struct ClientAddressService<S> {
    inner: S,
    layer: ClientAddressLayer,
}

impl<S, B> Service<Request<B>> for ClientAddressService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let peer = (self.layer.peer)(request.extensions());
        let client = peer.map(|peer| self.layer.trusted.client(peer, request.headers()));
        if let Some(client) = client {
            request.extensions_mut().insert(ClientAddress(client));
        }
        self.inner.call(request)
    }
}

/// The entries of one line, the last one first; none for what is no address.
type Entries = fn(&[u8]) -> Box<dyn Iterator<Item = Option<IpAddr>> + '_>;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests;
