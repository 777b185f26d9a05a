//! How much is asked of a document.

use crate::Glob;
use crate::operation::paths;
use serde_json::Value;

/// What responses have to declare, and the paths of which nothing is asked.
///
/// **Boundaries**: the default exempts the paths of [`EXEMPT`] and asks for [`TRIPLET`] on every success. Strict mode also asks
/// for [`LEGACY`], for `required: true` on each, and for the same on 429.
/// **Source**: #233, #235, #249–#252; C10 (strict mode).
///
/// ```
/// use picora_openapi_audit::Policy;
/// let policy = Policy::default().exempting("/health/**".parse()?).strict();
/// assert!(policy.exempts("/health/ready"));
/// assert_eq!(policy.headers().count(), 6);
/// # Ok::<(), picora_openapi_audit::GlobError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    exempt: Vec<Glob>,
    strict: bool,
}

impl Policy {
    /// Exempts nothing.
    #[must_use]
    pub const fn without_exemptions() -> Self {
        Self {
            exempt: Vec::new(),
            strict: false,
        }
    }

    /// Asks nothing of these paths either.
    #[must_use]
    pub fn exempting(mut self, glob: Glob) -> Self {
        self.exempt.push(glob);
        self
    }

    /// Asks for all that clients of a throttled API can build on.
    #[must_use]
    pub const fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Whether it asks for all.
    #[must_use]
    pub const fn is_strict(&self) -> bool {
        self.strict
    }

    /// Whether nothing is asked of this path.
    #[must_use]
    pub fn exempts(&self, path: &str) -> bool {
        self.exempt.iter().any(|glob| glob.matches(path))
    }

    /// The headers that a response has to declare, as documents write them.
    pub fn headers(&self) -> impl Iterator<Item = &'static str> + use<> {
        let legacy = self.strict.then_some(LEGACY);
        TRIPLET.into_iter().chain(legacy.into_iter().flatten())
    }

    /// The exemptions that match no path of a document, in the order in which they were given.
    ///
    /// **Boundaries**: a path counts even when it has no operation. **Errors**: none; a document without paths uses none.
    #[must_use]
    pub fn unused_exemptions(&self, document: &Value) -> Vec<&Glob> {
        let used = |glob: &Glob| paths(document).any(|(path, _)| glob.matches(path));
        self.exempt.iter().filter(|glob| !used(glob)).collect()
    }
}

impl Default for Policy {
    fn default() -> Self {
        let exempt = EXEMPT.map(|glob| glob.parse().expect("the table below holds globs"));
        Self {
            exempt: exempt.into(),
            strict: false,
        }
    }
}

/// What the standard policy exempts: what is asked before a caller is known, and what a signature protects (#249–#252).
pub const EXEMPT: [&str; 6] = [
    "/health",
    "/openapi.json",
    "/openapi-public.json",
    "/openapi-internal.json",
    "/.well-known/**",
    "/webhooks/**",
];

/// The headers that every success of a throttled operation carries (#233).
pub const TRIPLET: [&str; 3] = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];

/// The same numbers for older tools (#235).
pub const LEGACY: [&str; 3] = [
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_standard_exempts_what_the_documents_say() {
        let policy = Policy::default();
        for path in [
            "/health",
            "/openapi.json",
            "/openapi-public.json",
            "/openapi-internal.json",
            "/.well-known/security.txt",
            "/.well-known/a/b/c",
            "/webhooks/stripe",
            "/webhooks/a/b",
        ] {
            assert!(policy.exempts(path), "{path}");
        }
        for path in ["/health/ready", "/openapi-secret.json", "/v1/webhooks/a"] {
            assert!(!policy.exempts(path), "{path}");
        }
        assert!(!Policy::without_exemptions().exempts("/health"));
    }

    #[test]
    fn exemptions_that_match_nothing_are_known() {
        let document = json!({"paths": {"/health": {}, "/webhooks/a": {}, "x-openapi": {}}});
        let policy = Policy::default();
        let unused: Vec<_> = policy
            .unused_exemptions(&document)
            .into_iter()
            .map(Glob::as_str)
            .collect();
        let expected = [
            "/openapi.json",
            "/openapi-public.json",
            "/openapi-internal.json",
            "/.well-known/**",
        ];
        assert_eq!(unused, expected);
        assert_eq!(policy.unused_exemptions(&json!(7)).len(), EXEMPT.len());
    }
}
