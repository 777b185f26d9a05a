//! An emulator, and the adapter before it.

use picora_native::NativeConfig;
use picora_oss::Oss;
use picora_testcloud::cloud::{BUCKET, REGION};
use picora_testcloud::promises::Opening;
use picora_testcloud::{Cloud, Vendor};

/// A cloud of the vendor.
pub(crate) fn start() -> Cloud {
    Cloud::start(Vendor::Oss)
}

/// Both; every test has its own.
pub(crate) fn fresh() -> (Cloud, Oss) {
    let cloud = start();
    let store = open(&cloud, |_| {});
    (cloud, store)
}

/// A bucket that is old, and an adapter that signs as was usual then.
pub(crate) fn old() -> (Cloud, Oss) {
    let cloud = Cloud::start_old();
    let store = open(&cloud, |config| config.first_signature = true);
    (cloud, store)
}

/// The adapter as it should be, but for what is changed.
pub(crate) fn open(cloud: &Cloud, change: impl Fn(&mut NativeConfig)) -> Oss {
    changed(Opening::of(cloud), change)
}

/// The adapter as it shall be opened.
pub(crate) fn opened(_cloud: &Cloud, opening: Opening) -> Oss {
    changed(opening, |_| {})
}

/// The adapter before a cloud in another process.
pub(crate) fn at(url: &str) -> Oss {
    changed(Opening::at(url), |_| {})
}

fn changed(opening: Opening, change: impl Fn(&mut NativeConfig)) -> Oss {
    let (at, who) = (opening.endpoint, opening.credentials);
    let mut config = NativeConfig::new(&at, BUCKET, REGION, who).unwrap();
    config.bucket_in_path = true;
    config.read_timeout = opening.read_timeout;
    config.budget = opening.budget;
    change(&mut config);
    picora_oss::open(config, opening.clock).unwrap()
}
