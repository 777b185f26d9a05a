//! Who uses the host, and how they prove it.

use picora_core::{AccountId, Entropy, KeyId, PlanId, Timestamp};
use sha2::{Digest, Sha256};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its public name.
    pub id: AccountId,
    /// What it may do.
    pub plan: PlanId,
    /// Whether it is an operator's.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// Disabled by an operator until then, for abuse (#201). **Boundaries**: at this instant it is enabled again.
    pub disabled_until: Option<Timestamp>,
}

impl Account {
    /// Until when it is disabled, if it is at `now`.
    #[must_use]
    pub fn disabled_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.disabled_until.filter(|until| now < *until)
    }
}

/// What an account may do beyond its own things (C77).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Also what lies under `/v1/admin`, and ten times the request rates (#231).
    Admin,
    /// Its own things.
    User,
}

impl Role {
    /// The name that is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }

    /// The role of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Admin, Self::User]
            .into_iter()
            .find(|role| role.name() == name)
    }
}

/// What is stored of an API key: never its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public name.
    pub id: KeyId,
    /// Whose it is.
    pub account: AccountId,
    /// The SHA-256 of its secret. A fast hash is enough: the secret has 256 random bits, which nobody guesses.
    pub secret_hash: [u8; 32],
    /// What its owner calls it.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The secret of an API key: `sk_live_` and 64 lower-case hexadecimal digits. It is shown once and never stored (#211).
///
/// Printing it for debugging hides it.
///
/// ```
/// use picora_core::SeededEntropy;
/// use picora_media::ApiSecret;
/// let secret = ApiSecret::generate(&SeededEntropy::new(1));
/// assert_eq!(ApiSecret::parse(secret.reveal()), Some(secret.clone()));
/// assert_eq!(format!("{secret:?}"), "sk_live_…");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiSecret(String);

impl ApiSecret {
    /// Makes a new one; the entropy must be the operating system's outside tests.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{PREFIX}{digits}"))
    }

    /// Reads one; `None` when it has not the form of one, which spares the look-up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let fits = digits.len() == 64
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Self(text.to_owned()))
    }

    /// What is stored and looked up in its place.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ApiSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}…")
    }
}

/// One thing that an operator did, kept for those who ask later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who; `None` for the command line on the host itself.
    pub actor: Option<AccountId>,
    /// What, as a verb: `set_plan`, `grant_admin`, `open_asset`.
    pub action: &'static str,
    /// To what: an id.
    pub subject: String,
    /// Why, in the operator's words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

const PREFIX: &str = "sk_live_";
