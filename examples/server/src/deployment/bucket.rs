//! The buckets of the clouds.

use std::sync::Arc;

use object_store::ObjectStore;
use picora_core::Clock;
use picora_native::{ConfigError, NativeConfig};
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
    let key = bucket.credentials(vendor).map_err(told)?;
    let (access_key_id, address) = (key.access_key_id.clone(), bucket.address(vendor));
    let (name, region) = (&bucket.bucket, &bucket.region);
    let native = |key| {
        let config = NativeConfig::new(&address, name, region, key)?;
        let bucket_in_path = bucket.bucket_in_path;
        Ok::<_, ConfigError>(NativeConfig {
            bucket_in_path,
            ..config
        })
    };
    let store = match vendor {
        Vendor::R2 => R2Config::new(&address, name, key)
            .and_then(|config| picora_r2::open(config, clock))
            .map(Store::of),
        Vendor::Oss => native(key)
            .and_then(|config| picora_oss::open(config, clock))
            .map(Store::of),
        Vendor::Cos => native(key)
            .and_then(|config| picora_cos::open(config, clock))
            .map(Store::of),
    };
    let store = store.map_err(|why| {
        let table = vendor.table();
        StartError(format!(
            "the configuration cannot be used: `{table}`: {why}"
        ))
    })?;
    let host = address.split_once("://").map_or("", |(_, host)| host);
    Ok(Files {
        bytes: store.bytes,
        staged: None,
        tiers: Some(store.tiers),
        examine: store.examine,
        bucket: Some(Probed {
            host: host.trim_end_matches('/').to_owned(),
            bucket: name.clone(),
            access_key_id,
        }),
        place: format!("the bucket {name} of {}", vendor.name()),
    })
}

/// One store under the three names by which it is asked.
struct Store {
    bytes: Arc<dyn ObjectStore>,
    tiers: Arc<dyn TierControl>,
    examine: Arc<dyn Examine>,
}

impl Store {
    fn of<S: ObjectStore + TierControl + Examine + Clone>(store: S) -> Self {
        Self {
            bytes: Arc::new(store.clone()),
            tiers: Arc::new(store.clone()),
            examine: Arc::new(store),
        }
    }
}
