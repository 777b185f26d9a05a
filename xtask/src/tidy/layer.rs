//! Where a package stands, told by its folder.

/// The storeys of the house, from the ground up (ARCHITECTURE.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The vocabulary: `picora-core`.
    Core,
    /// Pure rules and their ports.
    Domain,
    /// Use cases that span domains: `picora-media`.
    Application,
    /// What implements the ports: `adapters/`.
    Adapter,
    /// What assembles the crates: `examples/`.
    Example,
    /// Development only: `picora-testcloud`, which checks what adapters sign.
    Testcloud,
    /// Development only: `picora-testkit`.
    Testkit,
    /// Development commands: `xtask`.
    Tool,
}

const DOMAINS: &[&str] = &[
    "picora-quota",
    "picora-ratelimit",
    "picora-bandwidth",
    "picora-tiering",
    "picora-billing",
    "picora-storage",
];

impl Layer {
    /// The layer of a folder, relative to the workspace; none for a place that the architecture does not have.
    #[must_use]
    pub fn of(folder: &str) -> Option<Self> {
        match folder {
            "picora-core" => Some(Self::Core),
            "picora-media" => Some(Self::Application),
            "picora-testcloud" => Some(Self::Testcloud),
            "picora-testkit" => Some(Self::Testkit),
            "xtask" => Some(Self::Tool),
            _ if DOMAINS.contains(&folder) => Some(Self::Domain),
            _ if folder.starts_with("adapters/") => Some(Self::Adapter),
            _ if folder.starts_with("examples/") => Some(Self::Example),
            _ => None,
        }
    }

    /// Whether this layer's shipped code may depend on that one's. No layer depends on itself.
    #[must_use]
    pub const fn may_depend_on(self, other: Self) -> bool {
        match self {
            Self::Core | Self::Testkit | Self::Tool => false,
            Self::Domain => matches!(other, Self::Core),
            Self::Application => matches!(other, Self::Core | Self::Domain),
            Self::Adapter => matches!(other, Self::Core | Self::Domain | Self::Application),
            Self::Testcloud => matches!(other, Self::Core | Self::Domain | Self::Adapter),
            Self::Example => matches!(
                other,
                Self::Core | Self::Domain | Self::Application | Self::Adapter
            ),
        }
    }

    /// Core, domain and application: rules, which may not know a runtime.
    #[must_use]
    pub const fn is_rules(self) -> bool {
        matches!(self, Self::Core | Self::Domain | Self::Application)
    }
}
