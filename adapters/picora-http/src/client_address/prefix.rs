//! What of an address a limiter goes by.

use std::fmt;
use std::net::IpAddr;

/// How many bits of an address stand for one client.
///
/// IPv4: all 32. IPv6: 64, since one subscriber has a whole /64 and could ask from each of its addresses; some have a /56 or a /48.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixLengths {
    ipv4: u8,
    ipv6: u8,
}

/// A length that an address does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixError;

impl PrefixLengths {
    /// /32 and /56: whole sites, where one subscriber has many networks.
    pub const SITES: Self = Self { ipv4: 32, ipv6: 56 };

    /// **Boundaries**: 1 to 32, and 1 to 128; no bits at all would be one client. **Errors**: [`PrefixError`].
    pub const fn new(ipv4: u8, ipv6: u8) -> Result<Self, PrefixError> {
        if ipv4 == 0 || ipv4 > 32 || ipv6 == 0 || ipv6 > 128 {
            return Err(PrefixError);
        }
        Ok(Self { ipv4, ipv6 })
    }
}

impl Default for PrefixLengths {
    fn default() -> Self {
        Self { ipv4: 32, ipv6: 64 }
    }
}

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the prefix of an IPv4 address has 1 to 32 bits, that of an IPv6 address 1 to 128",
        )
    }
}

impl std::error::Error for PrefixError {}

/// The part of an address that stands for a client, as the bytes that a limiter's key is made of.
///
/// ```
/// use picora_http::{AddressPrefix, PrefixLengths};
/// let of = |text: &str| AddressPrefix::of(text.parse().unwrap(), PrefixLengths::default());
/// assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::2")); // one subscriber
/// assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
/// assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressPrefix([u8; 18]);

impl AddressPrefix {
    /// The prefix of an address; IPv4 within IPv6 is IPv4.
    #[must_use]
    pub fn of(address: IpAddr, lengths: PrefixLengths) -> Self {
        // Family and length are in it, so that no two prefixes of different kinds are the same bytes.
        let (family, length, masked) = match address.to_canonical() {
            IpAddr::V4(v4) => (4, lengths.ipv4, u128::from(v4.to_bits()) << 96),
            IpAddr::V6(v6) => (6, lengths.ipv6, v6.to_bits()),
        };
        let mask = !u128::MAX.checked_shr(u32::from(length)).unwrap_or(0);
        let mut bytes = [0; 18];
        bytes[0] = family;
        bytes[1] = length;
        bytes[2..].copy_from_slice(&(masked & mask).to_be_bytes());
        Self(bytes)
    }

    /// The bytes: family, length, and the address with zeros after the prefix.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for AddressPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressPrefix(IPv{}/{})", self.0[0], self.0[1])
    }
}
