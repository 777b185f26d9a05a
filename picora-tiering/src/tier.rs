//! Where bytes lie.

use std::fmt;

/// Where the policy wants bytes to lie.
///
/// **Source**: rows #82–#83. That an object is being restored is no tier: it is archived meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Standard storage.
    Hot,
    /// Cheaper storage, which some stores cannot read at once.
    Archive,
}

impl Tier {
    /// The name in interfaces and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Archive => "archive",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The class in which a store says that an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// One that stands for a tier.
    Tier(Tier),
    /// One that no tier stands for, by the store's name: somebody else has put it there.
    Other(String),
}

impl From<Tier> for Class {
    fn from(tier: Tier) -> Self {
        Self::Tier(tier)
    }
}
