//! Who pays for a request.

use http::request::Parts;
use picora_ratelimit::{Subject, SubjectKey};

/// What one request costs, and whom: the parts of a [`Check`](picora_ratelimit::Check).
#[derive(Clone, Debug)]
pub struct Charge<'a> {
    /// Where the subjects' records live together.
    pub home: SubjectKey,
    /// Who must have room; the one whose window headers show when all are equal comes first.
    pub subjects: Vec<Subject<'a>>,
    /// How much, in requests.
    pub cost: u64,
}

/// Finds out who pays for a request, from what earlier layers have put into its extensions.
///
/// ```
/// use http::request::Parts;
/// use picora_http::{Charge, Charges};
/// use picora_ratelimit::{Policy, Subject, SubjectHasher};
///
/// /// One budget for each tenant of a gateway.
/// struct PerTenant { policy: Policy, hasher: SubjectHasher }
/// #[derive(Clone)]
/// struct Tenant(String);
///
/// impl Charges for PerTenant {
///     fn charge<'a>(&'a self, request: &Parts) -> Option<Charge<'a>> {
///         let Tenant(name) = request.extensions.get()?;
///         let key = self.hasher.key("tenant", name.as_bytes());
///         Some(Charge { home: key, subjects: vec![Subject { key, policy: &self.policy }], cost: 1 })
///     }
/// }
/// ```
pub trait Charges: Send + Sync + 'static {
    /// The charge; `None` when nobody is known who could pay, such as before a 401. Such a request passes without a decision and
    /// without headers (C83).
    fn charge<'a>(&'a self, request: &Parts) -> Option<Charge<'a>>;
}
