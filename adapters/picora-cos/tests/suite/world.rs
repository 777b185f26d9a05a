//! An emulator, and the adapter before it.

use std::sync::Arc;
use std::time::Duration;

use picora_cos::Cos;
use picora_native::NativeConfig;
use picora_testcloud::cloud::BUCKET;
use picora_testcloud::{Cloud, Vendor};

/// Both; every test has its own.
pub(crate) fn fresh() -> (Cloud, Cos) {
    let cloud = Cloud::start(Vendor::Cos);
    let store = open(&cloud, |_| {});
    (cloud, store)
}

pub(crate) fn open(cloud: &Cloud, change: impl Fn(&mut NativeConfig)) -> Cos {
    let mut config = NativeConfig::new(
        &cloud.url(),
        &format!("{BUCKET}-1250000000"),
        "ap-guangzhou",
        Cloud::credentials(),
    )
    .unwrap();
    config.read_timeout = Duration::from_secs(20); // digests of large parts take long without optimisation
    change(&mut config);
    picora_cos::open(config, Arc::new(cloud.clock())).unwrap()
}
