//! An emulator, and the adapter before it.

use picora_r2::{R2, R2Config};
use picora_testcloud::cloud::BUCKET;
use picora_testcloud::promises::Opening;
use picora_testcloud::{Cloud, Vendor};

/// A cloud of the vendor.
pub(crate) fn start() -> Cloud {
    Cloud::start(Vendor::R2)
}

/// Both; every test has its own.
pub(crate) fn fresh() -> (Cloud, R2) {
    let cloud = start();
    let store = open(&cloud, |_| {});
    (cloud, store)
}

/// The adapter as it should be, but for what is changed.
pub(crate) fn open(cloud: &Cloud, change: impl Fn(&mut R2Config)) -> R2 {
    changed(Opening::of(cloud), change)
}

/// The adapter as it shall be opened.
pub(crate) fn opened(_cloud: &Cloud, opening: Opening) -> R2 {
    changed(opening, |_| {})
}

/// The same before a cloud in another process.
pub(crate) fn at(url: &str) -> R2 {
    changed(Opening::at(url), |_| {})
}

fn changed(opening: Opening, change: impl Fn(&mut R2Config)) -> R2 {
    let mut config = R2Config::new(&opening.endpoint, BUCKET, opening.credentials).unwrap();
    config.read_timeout = opening.read_timeout;
    config.budget = opening.budget;
    change(&mut config);
    picora_r2::open(config, opening.clock).unwrap()
}
