//! Who pays for a request.

use std::num::NonZeroU32;
use std::sync::Arc;

use http::request::Parts;
use picora_ratelimit::captcha::CaptchaLevel;
use picora_ratelimit::{Policy, PolicyError, Subject, SubjectKey};
use smallvec::SmallVec;

/// Who must have room.
#[derive(Clone, Copy, Debug)]
pub struct Payer {
    /// His fingerprint.
    pub key: SubjectKey,
    /// What holds for him: the position in [`Charge::policies`].
    pub policy: usize,
}

/// What one request costs, and whom: the parts of a [`Check`](picora_ratelimit::Check).
///
/// It owns its policies, so that it outlives a change of the configuration; they are one shared slice, because threads that count on the
/// same counters wait for one another. **Units**: the cost in requests; only the server's own code sets it, no client can.
/// **Boundaries**: two payers are held in place; one whose policy is not there is
/// the server's mistake, answered with 500.
#[derive(Clone, Debug)]
pub struct Charge {
    /// Where the payers' records live together.
    pub home: SubjectKey,
    /// The policies of all payers, and of others who share them.
    pub policies: Arc<[Policy]>,
    /// Who must have room; the one whose window headers show when all are equal comes first.
    pub payers: SmallVec<[Payer; 2]>,
    /// How much.
    pub cost: u64,
    /// Whether the client has met the challenge that a limit may ask of him (see [`Check::solved`](picora_ratelimit::Check::solved)).
    pub solved: bool,
    /// How hard to ask when a limit challenges: the `meta.level` of the answer.
    pub challenge: CaptchaLevel,
    /// What metrics call the routes that charge so, such as a tier's name.
    pub tier: &'static str,
}

impl Charge {
    /// One unit for these payers, whose records live with the first one's: `None` when there is none.
    #[must_use]
    pub fn of(
        tier: &'static str,
        policies: Arc<[Policy]>,
        payers: impl IntoIterator<Item = Payer>,
    ) -> Option<Self> {
        let payers: SmallVec<[Payer; 2]> = payers.into_iter().collect();
        Some(Self {
            home: payers.first()?.key,
            policies,
            payers,
            cost: 1,
            solved: false,
            challenge: CaptchaLevel::Managed,
            tier,
        })
    }

    /// The payers as a check takes them; nobody when one's policy is not there, which no check accepts.
    pub(crate) fn subjects(&self) -> SmallVec<[Subject<'_>; 2]> {
        let subject = |payer: &Payer| {
            let key = payer.key;
            let policy = self.policies.get(payer.policy)?;
            Some(Subject { key, policy })
        };
        let subjects: Option<_> = self.payers.iter().map(subject).collect();
        subjects.unwrap_or_default()
    }

    /// The same charge where each payer has one of `shares` equal parts of his policy.
    pub(crate) fn divided(&self, shares: NonZeroU32) -> Result<Self, PolicyError> {
        let subjects = self.subjects();
        let parts = subjects.iter().map(|it| it.policy.divided(shares));
        let policies: Result<Arc<[Policy]>, PolicyError> = parts.collect();
        let keys = subjects.iter().map(|it| it.key);
        let payers = keys.enumerate().map(|(policy, key)| Payer { key, policy });
        Ok(Self {
            policies: policies?,
            payers: payers.collect(),
            ..*self
        })
    }
}

/// Finds out who pays for a request, from what earlier layers have put into its extensions.
///
/// ```
/// use http::request::Parts;
/// use picora_http::{Charge, Charges, Payer};
/// use picora_ratelimit::{Policy, SubjectHasher};
/// use std::sync::Arc;
///
/// /// One budget for each tenant of a gateway.
/// struct PerTenant { policies: Arc<[Policy]>, hasher: SubjectHasher }
/// #[derive(Clone)]
/// struct Tenant(String);
///
/// impl Charges for PerTenant {
///     fn charge(&self, request: &Parts) -> Option<Charge> {
///         let Tenant(name) = request.extensions.get()?;
///         let key = self.hasher.key("tenant", name.as_bytes());
///         Charge::of("tenant", self.policies.clone(), [Payer { key, policy: 0 }])
///     }
/// }
/// ```
pub trait Charges: Send + Sync + 'static {
    /// The charge; `None` when nobody is known who could pay, such as before a 401. Such a request passes without a decision and
    /// without headers (C83).
    fn charge(&self, request: &Parts) -> Option<Charge>;
}
