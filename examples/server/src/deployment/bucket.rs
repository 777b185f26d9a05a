//! The buckets of the clouds.

use std::sync::Arc;

use object_store::ObjectStore;
use picora_core::Clock;
use picora_native::NativeConfig;
use picora_r2::R2Config;
use picora_storage::Examine;
use picora_tiering::TierControl;

use super::files::{Files, Probed};
use super::told;
use crate::app::StartError;
use crate::config::{Bucket, Vendor};

/// Opens the bucket of a vendor. Nothing is sent.
///
/// **Errors**: [`StartError`] names the table and what cannot be used of it, and nothing of a secret.
pub(super) fn open(
    vendor: Vendor,
    bucket: &Bucket,
    clock: Arc<dyn Clock>,
) -> Result<Files, StartError> {
    match vendor {
        Vendor::R2 => {
            let credentials = bucket.credentials(vendor).map_err(told)?;
            let config = R2Config::new(&bucket.address(vendor), &bucket.bucket, credentials);
            let store = config.and_then(|config| picora_r2::open(config, clock));
            Ok(files(vendor, bucket, store.map_err(unusable(vendor))?))
        }
        Vendor::Oss => {
            let store = picora_oss::open(native(vendor, bucket)?, clock);
            Ok(files(vendor, bucket, store.map_err(unusable(vendor))?))
        }
        Vendor::Cos => {
            let store = picora_cos::open(native(vendor, bucket)?, clock);
            Ok(files(vendor, bucket, store.map_err(unusable(vendor))?))
        }
    }
}

/// One store under the three names by which it is asked.
fn files<S>(vendor: Vendor, bucket: &Bucket, store: S) -> Files
where
    S: ObjectStore + TierControl + Examine + Clone,
{
    let address = bucket.address(vendor);
    let host = address
        .split_once("://")
        .map_or(&*address, |(_, host)| host);
    Files {
        bytes: Arc::new(store.clone()),
        staged: None,
        tiers: Some(Arc::new(store.clone())),
        bucket: Some(Probed {
            host: host.trim_end_matches('/').to_owned(),
            examine: Arc::new(store),
        }),
        place: format!("the bucket {} of {}", bucket.bucket, vendor.name()),
    }
}

/// OSS and COS as their adapters take them.
fn native(vendor: Vendor, bucket: &Bucket) -> Result<NativeConfig, StartError> {
    let credentials = bucket.credentials(vendor).map_err(told)?;
    let (address, name) = (bucket.address(vendor), &bucket.bucket);
    let config = NativeConfig::new(&address, name, &bucket.region, credentials);
    let mut config = config.map_err(unusable(vendor))?;
    config.bucket_in_path = bucket.bucket_in_path;
    Ok(config)
}

fn unusable<E: std::fmt::Display>(vendor: Vendor) -> impl Fn(E) -> StartError {
    move |why| {
        let table = vendor.table();
        StartError(format!(
            "the configuration cannot be used: `{table}`: {why}"
        ))
    }
}
