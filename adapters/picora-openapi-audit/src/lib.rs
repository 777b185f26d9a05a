//! Finds operations of an OpenAPI document that forget to declare their rate-limit headers.
//!
//! **Decides** which responses of a document have to declare `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`
//! (in strict mode the `X-RateLimit-*` family too), and which of them do not. What it cannot read is a finding, never silence:
//! a gate that passes because it understood nothing would be worse than none.
//!
//! **Must not know** whose document it is. Which operations are not throttled is said by [`Policy`], in globs over paths, and
//! never guessed from a vendor's extension, a tag or a security requirement. The library does no I/O; the program
//! `picora-openapi-audit` around it reads files and answers exit codes.
//!
//! | module | noun |
//! |---|---|
//! | [`mod@audit`] | the rule: document and policy in, findings out |
//! | [`policy`], [`glob`] | how much is asked, and of which paths nothing is |
//! | [`finding`] | one omission: where it is and what it is |
//! | [`document`] | what can be audited at all |
//! | [`operation`], [`mod@reference`] | the operations of a document; `$ref` chains within it |
//! | [`baseline`] | known findings, which may only shrink |
//! | [`report`] | what a run says, as text, JSON or GitHub annotations |
//!
//! ```
//! use picora_openapi_audit::{Policy, audit};
//! use serde_json::json;
//!
//! let number = json!({"schema": {"type": "integer"}});
//! let document = json!({
//!     "openapi": "3.1.0",
//!     "paths": {
//!         "/health": {"get": {"responses": {"200": {"description": "Lives"}}}},
//!         "/v1/images": {"get": {"responses": {"200": {"description": "A page", "headers": {
//!             "RateLimit-Limit": number,
//!             "ratelimit-remaining": number, // names of headers have no case
//!         }}}}},
//!     },
//! });
//!
//! let findings = audit(&document, &Policy::default());
//! assert_eq!(findings.len(), 1); // `/health` is exempt
//! assert_eq!(findings[0].to_string(), "GET /v1/images 200: does not declare RateLimit-Reset");
//! ```
//!
//! Sources: requirement rows #232–#237, #248–#253, C10; OpenAPI 3.0.4, 3.1.1, 3.2.0 (Path Item, Responses, Header and
//! Reference Object); RFC 6901 (JSON Pointer).

pub mod audit;
pub mod baseline;
pub mod document;
pub mod finding;
pub mod glob;
pub mod operation;
pub mod policy;
pub mod reference;
pub mod report;

pub use audit::audit;
pub use baseline::{Baseline, BaselineError, Comparison};
pub use document::DocumentError;
pub use finding::{Finding, Problem};
pub use glob::{Glob, GlobError};
pub use policy::Policy;
pub use report::{Format, Report};
