//! Bytes per key, each store in a process of its own so that nothing else is counted.

use super::ours::Ours;
use super::peer::Peer;
use super::{KEYS, accounts};
use clap::ValueEnum;
use std::process::Command;

/// Which store to fill.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Store {
    /// Picora's.
    Ours,
    /// The peer's.
    Peer,
}

/// What a key takes in both.
pub(crate) fn both() -> (f64, f64) {
    (measured("ours"), measured("peer"))
}

fn measured(store: &str) -> f64 {
    let own = std::env::current_exe().expect("a process has a program");
    let output = Command::new(own)
        .args(["--fill", store])
        .output()
        .expect("it runs again");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("it prints one number")
}

/// Fills the store and answers how much the process grew for each key.
pub(crate) fn bytes_per_key(store: Store) -> f64 {
    let accounts = accounts();
    let (ours, peer) = (Ours::new(), Peer::new());
    let before = resident();
    for account in &accounts {
        let allowed = match store {
            Store::Ours => ours.decide(account),
            Store::Peer => peer.decide(account),
        };
        assert!(allowed, "the first is always allowed");
    }
    (resident() - before) / KEYS as f64
}

/// Bytes of this process in memory, as the kernel counts them.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("Linux tells");
    let kib: f64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number of KiB");
    kib * 1024.0
}
