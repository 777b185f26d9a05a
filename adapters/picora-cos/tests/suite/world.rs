//! An emulator, and the adapter before it.

use picora_cos::Cos;
use picora_native::NativeConfig;
use picora_testcloud::cloud::BUCKET;
use picora_testcloud::promises::Opening;
use picora_testcloud::{Cloud, Vendor};

/// A cloud of the vendor.
pub(crate) fn start() -> Cloud {
    Cloud::start(Vendor::Cos)
}

/// Both; every test has its own.
pub(crate) fn fresh() -> (Cloud, Cos) {
    let cloud = start();
    let store = open(&cloud, |_| {});
    (cloud, store)
}

/// The adapter as it should be, but for what is changed.
pub(crate) fn open(cloud: &Cloud, change: impl Fn(&mut NativeConfig)) -> Cos {
    changed(Opening::of(cloud), change)
}

/// The adapter as it shall be opened.
pub(crate) fn opened(_cloud: &Cloud, opening: Opening) -> Cos {
    changed(opening, |_| {})
}

/// The adapter before a cloud in another process.
pub(crate) fn at(url: &str) -> Cos {
    changed(Opening::at(url), |_| {})
}

fn changed(opening: Opening, change: impl Fn(&mut NativeConfig)) -> Cos {
    let mut config = NativeConfig::new(
        &opening.endpoint,
        &format!("{BUCKET}-1250000000"),
        "ap-guangzhou",
        opening.credentials,
    )
    .unwrap();
    config.read_timeout = opening.read_timeout;
    config.budget = opening.budget;
    change(&mut config);
    picora_cos::open(config, opening.clock).unwrap()
}
