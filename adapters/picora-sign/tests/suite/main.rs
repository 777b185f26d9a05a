//! Signatures, held against the vendors' own SDKs.

#[cfg(feature = "real-servers")]
mod judges;
