//! The structured fields of the draft: `RateLimit-Policy` and `RateLimit`.

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, List, ListEntry, Parameters, Parser};

/// A member of `RateLimit-Policy`: what is allowed in a window.
///
/// **Units**: `quota` in the policy's unit, `window_seconds` in seconds. **Source**: draft-ietf-httpapi-ratelimit-headers-10 §3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaPolicy {
    /// Its name.
    pub name: String,
    /// `q`: how much is allowed.
    pub quota: Option<u64>,
    /// `w`: in how many seconds.
    pub window_seconds: Option<u64>,
    /// `qu`: of what, when not of requests.
    pub unit: Option<String>,
    /// `pk`: for whom, as the server tells partitions apart.
    pub partition: Option<Vec<u8>>,
}

/// A member of `RateLimit`: what is left of a policy.
///
/// **Units**: `remaining` in the policy's unit, `reset_seconds` from the answer. **Source**: draft-ietf-httpapi-ratelimit-headers-10 §4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLimit {
    /// The policy's name.
    pub name: String,
    /// `r`: how much is left.
    pub remaining: Option<u64>,
    /// `t`: how many seconds until there is more.
    pub reset_seconds: Option<u64>,
    /// `pk`: for whom.
    pub partition: Option<Vec<u8>>,
}

impl QuotaPolicy {
    pub(super) fn all_of(headers: &HeaderMap) -> Vec<Self> {
        members(headers, &POLICY, |name, told| Self {
            name,
            quota: number(told, "q"),
            window_seconds: number(told, "w"),
            unit: text(told, "qu"),
            partition: bytes(told, "pk"),
        })
    }
}

impl ServiceLimit {
    pub(super) fn all_of(headers: &HeaderMap) -> Vec<Self> {
        members(headers, &LIMIT, |name, told| Self {
            name,
            remaining: number(told, "r"),
            reset_seconds: number(told, "t"),
            partition: bytes(told, "pk"),
        })
    }
}

/// The members of a list field; its lines are one list (RFC 9110 §5.3).
fn members<T>(
    headers: &HeaderMap,
    name: &HeaderName,
    read: impl Fn(String, &Parameters) -> T,
) -> Vec<T> {
    let lines: Vec<_> = headers
        .get_all(name)
        .into_iter()
        .map(|it| it.as_bytes())
        .collect();
    let field = lines.join(&b", "[..]);
    if field.len() > LONGEST_FIELD {
        return Vec::new();
    }
    let list: List = Parser::new(&field).parse().unwrap_or_default();
    let items = list.into_iter().filter_map(|entry| match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::InnerList(_) => None,
    });
    let named = items.filter_map(|item| match item.bare_item {
        BareItem::String(name) => Some(read(name.into(), &item.params)),
        _ => None,
    });
    named.collect()
}

/// A number that is not negative.
fn number(told: &Parameters, key: &str) -> Option<u64> {
    let number = told.get(key)?.as_integer()?;
    u64::try_from(i64::from(number)).ok()
}

fn text(told: &Parameters, key: &str) -> Option<String> {
    told.get(key)?.as_string().map(|it| it.as_str().to_owned())
}

fn bytes(told: &Parameters, key: &str) -> Option<Vec<u8>> {
    told.get(key)?.as_byte_sequence().map(<[u8]>::to_vec)
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Longer than this is no list of policies that anybody could mean.
const LONGEST_FIELD: usize = 16 << 10;
