//! Whether the emulator speaks as the vendors do, judged by their own clients and by those who speak as they do.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod asked;
mod cloudflare;
mod signed;
mod sinks;
mod tampered;
mod verifiers;

#[cfg(feature = "real-servers")]
mod differences;
#[cfg(feature = "real-servers")]
mod histories;
#[cfg(feature = "real-servers")]
mod judges;
#[cfg(feature = "real-servers")]
mod visits;
