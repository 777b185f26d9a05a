//! An emulator, and the adapter before it.

use std::sync::Arc;
use std::time::Duration;

use picora_native::NativeConfig;
use picora_oss::Oss;
use picora_testcloud::cloud::{BUCKET, REGION};
use picora_testcloud::{Cloud, CloudClock, Vendor};

/// Both; every test has its own.
pub(crate) fn fresh() -> (Cloud, Oss) {
    let cloud = Cloud::start(Vendor::Oss);
    let store = open(&cloud, |_| {});
    (cloud, store)
}

pub(crate) fn open(cloud: &Cloud, change: impl Fn(&mut NativeConfig)) -> Oss {
    let mut config = config(&cloud.url());
    change(&mut config);
    picora_oss::open(config, Arc::new(cloud.clock())).unwrap()
}

/// The adapter before an emulator in another process, by this machine's clock.
pub(crate) fn at(url: &str) -> Oss {
    picora_oss::open(config(url), Arc::new(CloudClock::default())).unwrap()
}

fn config(url: &str) -> NativeConfig {
    let credentials = Cloud::credentials();
    let mut config = NativeConfig::new(url, BUCKET, REGION, credentials).unwrap();
    config.bucket_in_path = true;
    config.read_timeout = Duration::from_secs(20); // digests of large parts take long without optimisation
    config
}
