//! An emulator, and the adapter before it.

use std::sync::Arc;
use std::time::Duration;

use picora_native::NativeConfig;
use picora_oss::Oss;
use picora_testcloud::cloud::{BUCKET, REGION};
use picora_testcloud::{Cloud, Vendor};

/// Both; every test has its own.
pub(crate) fn fresh() -> (Cloud, Oss) {
    let cloud = Cloud::start(Vendor::Oss);
    let store = open(&cloud, |_| {});
    (cloud, store)
}

/// A bucket that is old, and an adapter that signs as was usual then.
pub(crate) fn old() -> (Cloud, Oss) {
    let cloud = Cloud::start_old();
    let store = open(&cloud, |config| config.first_signature = true);
    (cloud, store)
}

pub(crate) fn open(cloud: &Cloud, change: impl Fn(&mut NativeConfig)) -> Oss {
    let mut config = NativeConfig::new(&cloud.url(), BUCKET, REGION, Cloud::credentials()).unwrap();
    config.bucket_in_path = true;
    config.read_timeout = Duration::from_secs(20); // digests of large parts take long without optimisation
    change(&mut config);
    picora_oss::open(config, Arc::new(cloud.clock())).unwrap()
}
