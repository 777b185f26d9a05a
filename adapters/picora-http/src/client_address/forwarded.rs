//! The entries of `X-Forwarded-For` and `Forwarded`, read from the right.
//!
//! From the right, because what stands left of a trusted proxy's entry is anybody's text: an open quote there must not swallow what the
//! proxy has written.

use std::net::{IpAddr, Ipv6Addr};

/// The addresses of a line of `X-Forwarded-For`, the last one first.
pub(super) fn plain(line: &[u8]) -> Box<dyn Iterator<Item = Option<IpAddr>> + '_> {
    let entries = line.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let written = entries.filter(|entry| !entry.is_empty()); // RFC 9110 §5.6.1: empty ones are nothing
    Box::new(written.map(|entry| node(std::str::from_utf8(entry).ok()?)))
}

/// The addresses that the elements of a line of `Forwarded` are for, the last one first.
pub(super) fn elements(line: &[u8]) -> Box<dyn Iterator<Item = Option<IpAddr>> + '_> {
    let elements = split_from_right(line, b',').map(<[u8]>::trim_ascii);
    let written = elements.filter(|element| !element.is_empty());
    Box::new(written.map(element_for))
}

/// The address of the only `for` of an element.
///
/// A backslash could hide a quote from who reads backwards; no address needs one, so its element counts as garbage.
fn element_for(element: &[u8]) -> Option<IpAddr> {
    if element.contains(&b'\\') {
        return None;
    }
    let mut nodes = split_from_right(element, b';').filter_map(|pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    let value = nodes.next().filter(|_| nodes.next().is_none())?;
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    node(quoted.unwrap_or(value))
}

/// The parts between separators that are not in quotes, the last one first. An open quote swallows what is left of it, never what is right.
fn split_from_right(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        let at = text.iter().rposition(|byte| {
            quoted ^= *byte == b'"';
            *byte == separator && !quoted
        });
        let part = at.map_or(text, |at| &text[at + 1..]);
        rest = at.map(|at| &text[..at]);
        Some(part)
    })
}

/// An address as proxies write it: bare, in brackets, with a port, with a zone.
fn node(text: &str) -> Option<IpAddr> {
    let address = if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']')?;
        let port = after.strip_prefix(':');
        if !after.is_empty() && !port.is_some_and(is_port) {
            return None;
        }
        IpAddr::V6(ipv6(inside)?)
    } else if let Some((host, port)) = text.split_once(':').filter(|(_, port)| !port.contains(':'))
    {
        if !is_port(port) {
            return None;
        }
        IpAddr::V4(host.parse().ok()?)
    } else if text.contains(':') {
        IpAddr::V6(ipv6(text)?)
    } else {
        IpAddr::V4(text.parse().ok()?)
    };
    Some(address.to_canonical())
}

/// The zone names an interface of the machine that wrote it, and means nothing here.
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    let named = !zone.is_empty() && zone.bytes().all(is_id);
    address.parse().ok().filter(|_| named)
}

/// A port, or what hides one (RFC 7239 §6.3).
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(hidden) => !hidden.is_empty() && hidden.bytes().all(is_id),
        None => text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok(),
    }
}

fn is_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
}
