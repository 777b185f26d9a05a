//! Where the files of a cloud's deployment are.

use std::path::PathBuf;

use picora_sign::Credentials;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::secret::{exposed, hidden, secret, source};
use super::{ConfigError, Deployment, Local};

/// The bucket of a deployment: `[storage.r2]` for `global`, one of `[storage.oss]` and `[storage.cos]` for `mainland`; `embedded` has none,
/// but perhaps `[storage.local]`. A table that the deployment does not use is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// An archive beside the folder of the files.
    pub local: Option<Local>,
    /// A bucket of Cloudflare R2.
    pub r2: Option<Bucket>,
    /// A bucket of Aliyun OSS.
    pub oss: Option<Bucket>,
    /// A bucket of Tencent COS.
    pub cos: Option<Bucket>,
}

/// A bucket, and the key that may write, read, list and remove in it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bucket {
    /// R2: the address of the account, `https://<account>.r2.cloudflarestorage.com`. OSS and COS: the address of the bucket, with its name
    /// in the host, or a domain of one's own, which OSS asks of new buckets in the mainland; empty for the vendor's by bucket and region.
    pub endpoint: String,
    /// Its name; at COS with the number of its owner, `photos-1250000000`.
    pub bucket: String,
    /// Where it lies, such as `cn-hangzhou` or `ap-guangzhou`; R2 has no regions.
    pub region: String,
    /// The name of the access key. It is no secret.
    pub access_key_id: String,
    /// A file that holds the name, in its place.
    pub access_key_id_file: Option<PathBuf>,
    /// Its secret; it is never printed. Better in `secret_file`, or in `PICORA__STORAGE__<R2|OSS|COS>__SECRET`.
    #[serde(serialize_with = "hidden")]
    pub secret: Option<SecretString>,
    /// A file that holds the secret and perhaps a line's end.
    pub secret_file: Option<PathBuf>,
    /// The token of a temporary key (STS); it is never printed, and read when the server starts.
    #[serde(serialize_with = "hidden")]
    pub token: Option<SecretString>,
    /// A file that holds the token and perhaps a line's end.
    pub token_file: Option<PathBuf>,
    /// For emulators on loopback: the bucket stands in the path instead of the host. Vendors refuse that, so it is refused for their hosts.
    pub bucket_in_path: bool,
}

/// Whose bucket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Cloudflare R2.
    R2,
    /// Aliyun OSS.
    Oss,
    /// Tencent COS.
    Cos,
}

impl Storage {
    /// The one bucket of this deployment; `None` for `embedded`.
    ///
    /// **Errors**: [`ConfigError`] names the table that is missing, is one too many or is another deployment's, or the key in it that cannot
    /// be.
    pub fn chosen(&self, deployment: Deployment) -> Result<Option<(Vendor, &Bucket)>, ConfigError> {
        let fault = |key, problem| Err(ConfigError::Value { key, problem });
        match (deployment, &self.local) {
            (Deployment::Embedded, Some(local)) => local.check()?,
            (_, Some(_)) => {
                return fault(
                    "storage.local",
                    "is of the deployment `embedded`: the others archive in their bucket",
                );
            }
            (_, None) => {}
        }
        let (vendor, bucket) = match (deployment, &self.r2, &self.oss, &self.cos) {
            (Deployment::Embedded, None, None, None) => return Ok(None),
            (Deployment::Embedded, ..) => {
                return fault(
                    "storage",
                    "names a bucket, but the deployment `embedded` keeps its files in `data_dir`: set `deployment`, or remove it",
                );
            }
            (Deployment::Global, Some(r2), None, None) => (Vendor::R2, r2),
            (Deployment::Global, None, None, None) => {
                return fault(
                    "storage.r2",
                    "is missing: the deployment `global` keeps its files there",
                );
            }
            (Deployment::Global, _, Some(_), _) => return fault("storage.oss", OF_MAINLAND),
            (Deployment::Global, _, None, Some(_)) => return fault("storage.cos", OF_MAINLAND),
            (Deployment::Mainland, Some(_), ..) => {
                return fault(
                    "storage.r2",
                    "is of the deployment `global`: `mainland` keeps its files in `storage.oss` or `storage.cos`",
                );
            }
            (Deployment::Mainland, None, Some(oss), None) => (Vendor::Oss, oss),
            (Deployment::Mainland, None, None, Some(cos)) => (Vendor::Cos, cos),
            (Deployment::Mainland, None, None, None) => {
                return fault(
                    "storage",
                    "has neither `storage.oss` nor `storage.cos`: the deployment `mainland` keeps its files in one of them",
                );
            }
            (Deployment::Mainland, None, Some(_), Some(_)) => {
                return fault(
                    "storage",
                    "has both `storage.oss` and `storage.cos`: files are kept in one of them",
                );
            }
        };
        bucket.check(vendor)?;
        Ok(Some((vendor, bucket)))
    }
}

impl Vendor {
    /// The name of its table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::R2 => "storage.r2",
            Self::Oss => "storage.oss",
            Self::Cos => "storage.cos",
        }
    }

    /// The name that people know.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::R2 => "Cloudflare R2",
            Self::Oss => "Aliyun OSS",
            Self::Cos => "Tencent COS",
        }
    }

    /// What the hosts of its buckets end with, if they begin with the bucket.
    const fn hosts(self) -> Option<&'static str> {
        match self {
            Self::R2 => None,
            Self::Oss => Some(".aliyuncs.com"),
            Self::Cos => Some(".myqcloud.com"),
        }
    }
}

impl Bucket {
    /// Where it is reached: as configured, or where the vendor has buckets of this name and region.
    #[must_use]
    pub fn address(&self, vendor: Vendor) -> String {
        let (bucket, region) = (&self.bucket, &self.region);
        match (self.endpoint.as_str(), vendor) {
            ("", Vendor::Oss) => format!("https://{bucket}.oss-{region}.aliyuncs.com"),
            ("", Vendor::Cos) => format!("https://{bucket}.cos.{region}.myqcloud.com"),
            (endpoint, _) => endpoint.to_owned(),
        }
    }

    /// Who asks. Reads the files that it names.
    ///
    /// **Errors**: [`ConfigError`] names the key or the file, and nothing of a secret.
    pub fn credentials(&self, vendor: Vendor) -> Result<Credentials, ConfigError> {
        let table = vendor.table();
        let of = |key: &str, given: Option<&SecretString>, file: &Option<PathBuf>| {
            secret(&format!("{table}.{key}"), given, file.as_deref())
        };
        let missing = |key: &str| {
            source(format!(
                "there is neither `{table}.{key}` nor `{table}.{key}_file`"
            ))
        };
        let id = SecretString::from(self.access_key_id.clone());
        let id = of("access_key_id", Some(&id), &self.access_key_id_file)?;
        let secret = of("secret", self.secret.as_ref(), &self.secret_file)?;
        let token = of("token", self.token.as_ref(), &self.token_file)?;
        Ok(Credentials {
            access_key_id: id
                .ok_or_else(|| missing("access_key_id"))?
                .expose_secret()
                .to_owned(),
            secret: secret.ok_or_else(|| missing("secret"))?,
            token,
        })
    }

    /// Whether the values make sense together; nothing is read. **Errors**: [`ConfigError`] names the key.
    fn check(&self, vendor: Vendor) -> Result<(), ConfigError> {
        let fault = |key: &str, problem: &str| {
            let key = format!("{}.{key}", vendor.table());
            Err(source(format!("`{key}` {problem}")))
        };
        if self.bucket.is_empty() || self.bucket.contains(['/', '?', '#', '@', ' ']) {
            return fault("bucket", "must be the name of a bucket");
        }
        match (vendor, self.region.as_str()) {
            (Vendor::Oss | Vendor::Cos, "") => {
                return fault("region", "must say where the bucket lies");
            }
            (Vendor::R2, region) if !matches!(region, "" | "auto") => {
                return fault("region", "is not known to R2, which has none: remove it");
            }
            _ => {}
        }
        // The value is not told: it may hold what belongs elsewhere.
        let Some((host, near)) = host(&self.address(vendor)) else {
            return fault(
                "endpoint",
                "must be https:// and a host (http:// on this machine alone), without a user, path or query",
            );
        };
        let begins = format!("{}.", self.bucket);
        match vendor.hosts() {
            Some(ends) if host.ends_with(ends) && !host.starts_with(&begins) => {
                return fault("endpoint", "must begin with the name of the bucket");
            }
            _ => {}
        }
        match (self.bucket_in_path, vendor) {
            (true, Vendor::R2) => fault("bucket_in_path", "is how R2 always has it: remove it"),
            (true, _) if !near => fault(
                "bucket_in_path",
                "is for emulators on loopback: the vendors refuse it",
            ),
            _ => Ok(()),
        }
    }
}

/// The host of an address that bytes may travel to, and whether it is this machine.
fn host(endpoint: &str) -> Option<(String, bool)> {
    let url: Url = endpoint.parse().ok()?;
    let host = url.host_str()?.to_owned();
    let number = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = |it: std::net::IpAddr| it.is_loopback();
    let near = host == "localhost" || number.parse().is_ok_and(loopback);
    let bare = url.username().is_empty() && url.password().is_none();
    let whole = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let private = url.scheme() == "https" || (url.scheme() == "http" && near);
    (bare && whole && private).then_some((host, near))
}

/// A secret has no equality of its own.
impl PartialEq for Bucket {
    fn eq(&self, other: &Self) -> bool {
        let plain = |it: &Self| {
            let place = (it.endpoint.clone(), it.bucket.clone(), it.region.clone());
            let secrets = [&it.secret, &it.token].map(|it| exposed(it).map(str::to_owned));
            let files = [&it.access_key_id_file, &it.secret_file, &it.token_file].map(Clone::clone);
            let id = it.access_key_id.clone();
            (place, id, secrets, files, it.bucket_in_path)
        };
        plain(self) == plain(other)
    }
}

impl Eq for Bucket {}

const OF_MAINLAND: &str =
    "is of the deployment `mainland`: `global` keeps its files in `storage.r2`";
