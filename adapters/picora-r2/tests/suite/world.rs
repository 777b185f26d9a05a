//! An emulator, and the adapter before it.

use std::sync::Arc;
use std::time::Duration;

use picora_r2::{R2, R2Config};
use picora_testcloud::cloud::BUCKET;
use picora_testcloud::{Cloud, Vendor};

/// Both; every test has its own.
pub(crate) fn fresh() -> (Cloud, R2) {
    let cloud = Cloud::start(Vendor::R2);
    let store = open(&cloud, |_| {});
    (cloud, store)
}

pub(crate) fn open(cloud: &Cloud, change: impl Fn(&mut R2Config)) -> R2 {
    let mut config = R2Config::new(&cloud.url(), BUCKET, Cloud::credentials()).unwrap();
    config.read_timeout = Duration::from_secs(20); // digests of large parts take long without optimisation
    change(&mut config);
    picora_r2::open(config, Arc::new(cloud.clock())).unwrap()
}
