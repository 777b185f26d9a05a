//! Whether the emulator speaks as the vendors do, judged by their own clients.

#![cfg_attr(
    feature = "real-servers",
    expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")
)]

#[cfg(feature = "real-servers")]
mod visits;
