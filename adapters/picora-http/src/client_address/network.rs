//! A network of trusted proxies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// A network, such as `10.0.0.0/8`.
///
/// **Boundaries**: its address is the network's own (`10.0.0.1/8` is none: one of the two numbers is a mistake), and IPv4 is written as
/// IPv4. A single host is `/32` or `/128`.
///
/// ```
/// use picora_http::Network;
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains([10, 255, 0, 1].into()) && !network.contains([11, 0, 0, 0].into()));
/// assert!("10.0.0.1/8".parse::<Network>().is_err() && "10.0.0.1".parse::<Network>().is_err());
/// # Ok::<(), picora_http::NetworkError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpNet);

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkError(String);

impl Network {
    /// Whether the address is in it; IPv4 within IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let says = |problem: String| NetworkError(format!("`{text}` {problem}"));
        let network: IpNet = text.parse().map_err(|_| {
            says(
                "is no network; write an address and a prefix length, such as 10.0.0.0/8"
                    .to_owned(),
            )
        })?;
        let own = network.trunc();
        if own != network {
            return Err(says(format!(
                "has bits after its prefix; the network is {own}"
            )));
        }
        match network {
            IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some() => {
                Err(says("is IPv4 within IPv6; write it as IPv4".to_owned()))
            }
            IpNet::V4(_) | IpNet::V6(_) => Ok(Self(network)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NetworkError {}
