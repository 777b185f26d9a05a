//! By what a lost echo is noticed.

use std::fmt;

/// What stands in an echo beside its entries, and is lost with them: after `FLUSHALL`, on a new server, in a new namespace.
///
/// Written as `building:7` and `whole:7`. Who rebuilds puts `Building` first, publishes every account, and replaces *that* by `Whole`: when
/// the echo was emptied meanwhile, there is nothing to replace, and the rebuilding begins again.
///
/// ```
/// use picora_quota::echo::Marker;
/// assert_eq!(Marker::parse(&Marker::Whole(7).to_string()), Some(Marker::Whole(7)));
/// assert_eq!(Marker::parse("whole:+7"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Marker {
    /// Somebody rebuilds it under this number.
    Building(u64),
    /// Every account was published under this number, and whatever changed since.
    Whole(u64),
}

impl Marker {
    /// Reads what [`Display`](fmt::Display) writes; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, number) = text.split_once(':')?;
        let generation = number.parse().ok()?;
        let read = match kind {
            "building" => Self::Building(generation),
            "whole" => Self::Whole(generation),
            _ => return None,
        };
        (read.to_string() == text).then_some(read) // one spelling
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Building(generation) => write!(f, "building:{generation}"),
            Self::Whole(generation) => write!(f, "whole:{generation}"),
        }
    }
}
