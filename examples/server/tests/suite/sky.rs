//! Clouds on loopback, as strict as the real ones, and servers that have their files in them.

use std::fmt::Write as _;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::ObjectStore;
use picora_native::NativeConfig;
use picora_r2::R2Config;
use picora_server::config::{Bucket, Config, Deployment, Storage};
use picora_testcloud::cloud::{BUCKET, REGION};
use picora_testcloud::{Cloud, Vendor};

/// A cloud of one vendor.
pub(crate) struct Sky {
    pub(crate) cloud: Cloud,
    vendor: Vendor,
}

impl Sky {
    pub(crate) fn of(vendor: Vendor) -> Self {
        let cloud = Cloud::start(vendor);
        Self { cloud, vendor }
    }

    /// Puts a server's files here.
    pub(crate) fn deploy(&self, config: &mut Config) {
        config.deployment = self.deployment();
        let bucket = Some(self.bucket());
        config.storage = Storage::default();
        let table = match self.vendor {
            Vendor::Cos => &mut config.storage.cos,
            Vendor::Oss => &mut config.storage.oss,
            _ => &mut config.storage.r2,
        };
        *table = bucket;
    }

    pub(crate) fn bucket(&self) -> Bucket {
        let (bucket, region) = self.bucket_and_region();
        Bucket {
            endpoint: self.cloud.url(),
            bucket,
            region,
            access_key_id: Cloud::credentials().access_key_id,
            secret: Some(Cloud::SECRET.to_owned().into()),
            bucket_in_path: self.vendor == Vendor::Oss,
            ..Bucket::default()
        }
    }

    /// The lines of a configuration file, with some keys of the bucket's table replaced by other values, or removed by empty ones.
    pub(crate) fn lines(&self, instead: &[(&str, &str)]) -> String {
        let of = self.bucket();
        let quoted = |text: &str| format!("{text:?}");
        let mut keys = vec![
            ("endpoint", quoted(&of.endpoint)),
            ("bucket", quoted(&of.bucket)),
            ("region", quoted(&of.region)),
            ("access_key_id", quoted(&of.access_key_id)),
            ("secret", quoted(Cloud::SECRET)),
            ("bucket_in_path", of.bucket_in_path.to_string()),
        ];
        for (key, value) in instead {
            keys.retain(|(name, _)| name != key);
            keys.push((key, (*value).to_owned()));
        }
        let (deployment, table) = (self.deployment().name(), self.table());
        let mut text = format!("deployment = {deployment:?}\n[storage.{table}]\n");
        for (key, value) in keys.iter().filter(|(_, value)| !value.is_empty()) {
            writeln!(text, "{key} = {value}").unwrap();
        }
        text
    }

    pub(crate) const fn deployment(&self) -> Deployment {
        match self.vendor {
            Vendor::Cos | Vendor::Oss => Deployment::Mainland,
            _ => Deployment::Global,
        }
    }

    pub(crate) const fn table(&self) -> &'static str {
        match self.vendor {
            Vendor::Cos => "cos",
            Vendor::Oss => "oss",
            _ => "r2",
        }
    }

    /// The bucket by a client of our own, whatever servers do.
    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        let (bucket, region) = self.bucket_and_region();
        let (url, clock) = (self.cloud.url(), Arc::new(self.cloud.clock()));
        if self.vendor == Vendor::R2 {
            let config = R2Config::new(&url, &bucket, Cloud::credentials()).unwrap();
            return Arc::new(picora_r2::open(config, clock).unwrap());
        }
        let mut config = NativeConfig::new(&url, &bucket, &region, Cloud::credentials()).unwrap();
        if self.vendor == Vendor::Cos {
            return Arc::new(picora_cos::open(config, clock).unwrap());
        }
        config.bucket_in_path = true;
        Arc::new(picora_oss::open(config, clock).unwrap())
    }

    /// The keys of all that lies in the bucket, in their order.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let listed = self.store().list(None).map_ok(|it| it.location.to_string());
        let mut keys: Vec<_> = listed.try_collect().await.unwrap();
        keys.sort();
        keys
    }

    /// How often this was asked for, by the vendor's name of it.
    pub(crate) fn asked(&self, operation: &str) -> usize {
        let all = self.cloud.operations();
        all.iter().filter(|it| **it == operation).count()
    }

    fn bucket_and_region(&self) -> (String, String) {
        match self.vendor {
            Vendor::Cos => (format!("{BUCKET}-1250000000"), "ap-guangzhou".to_owned()),
            Vendor::Oss => (BUCKET.to_owned(), REGION.to_owned()),
            _ => (BUCKET.to_owned(), String::new()),
        }
    }
}

/// What every bucket and folder holds that a server has been started with.
pub(crate) const OWNER: &str = "picora/owner";
