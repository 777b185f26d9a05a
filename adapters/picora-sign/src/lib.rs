//! Signatures of requests to Aliyun OSS (V4), Tencent COS and Cloudflare R2 (that of AWS), in headers and in URLs.
//!
//! **Decides** nothing and sends nothing: a signature is a function of credentials, the request and the time. Keys, queries and headers
//! are given as they are meant, not as they are encoded; [`encode`] writes them as the vendors do.
//!
//! **Must not know** HTTP clients, runtimes, or a clock.
//!
//! | module | noun |
//! |---|---|
//! | [`credentials`] | an access key, and the token of a temporary one |
//! | [`request`] | what of a request is signed |
//! | [`encode`] | percent-encoding as all of them have it |
//! | [`oss`] | Aliyun OSS, signature version 4 |
//! | [`cos`] | Tencent COS |
//! | [`aws`] | Cloudflare R2, and whoever else speaks as S3 does |
//!
//! ```
//! use picora_core::Timestamp;
//! use picora_sign::{Credentials, Request, oss};
//!
//! let credentials = Credentials::new("AK", "SK");
//! let request = Request { method: "GET", bucket: "photos", key: "猫.png", query: &[], headers: &[] };
//! let signed = oss::headers(&credentials, "cn-hangzhou", &request, Timestamp::from_unix_seconds(1_795_255_200));
//! assert!(signed.iter().any(|(name, value)| *name == "authorization" && value.starts_with("OSS4-HMAC-SHA256 Credential=AK/20261121/")));
//! ```
//!
//! Sources: "Include signatures in the Authorization header" (V4) and "Add signatures to URLs" of Aliyun OSS; "Request Signature" of Tencent
//! COS; "Authenticating Requests (AWS Signature Version 4)" of Amazon S3; held against the vendors' Python SDKs byte for byte. Rows #65–#66, #82–#85.

pub mod aws;
pub mod cos;
pub mod credentials;
pub mod encode;
mod mac;
pub mod oss;
pub mod request;
mod stamp;

pub use credentials::Credentials;
pub use request::Request;
