//! Signatures, held against the vendors' own SDKs.

#![cfg_attr(
    feature = "real-servers",
    expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")
)]

#[cfg(feature = "real-servers")]
mod judges;
