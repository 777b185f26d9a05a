//! Is all well before work begins.

use async_trait::async_trait;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use picora_storage::{Examine, Trouble};

use crate::failure::{Failure, Located};
use crate::patience::chance;
use crate::{Dialect, Native, Refusal};

#[async_trait]
impl<D: Dialect> Examine for Native<D> {
    async fn examine(&self) -> Result<(), Trouble> {
        let config = &self.wire.config;
        let asker = Asker {
            host: self.wire.host(),
            bucket: &config.bucket,
            region: &config.region,
            access_key_id: &config.credentials.access_key_id,
            has_token: config.credentials.token.is_some(),
        };
        asker.examine(self).await
    }
}

/// Who asks whom for what, in words that an operator knows.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The server, with its port where one is named.
    pub host: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// Its region, as it is configured.
    pub region: &'a str,
    /// The public part of the key.
    pub access_key_id: &'a str,
    /// Whether the key is a temporary one.
    pub has_token: bool,
}

impl Asker<'_> {
    /// Examines a store whose errors have a [`Located`] for their cause.
    ///
    /// Its object is `examine/` and 16 digits of chance, so that servers that start together do not remove one another's.
    ///
    /// **Errors**: the first trouble.
    pub async fn examine(&self, store: &dyn ObjectStore) -> Result<(), Trouble> {
        let path = Path::from(format!("examine/{:016x}", chance()));
        let bytes = Bytes::from(format!("Picora was here, and may remove this: {path}"));
        let told = |operation, error| self.trouble(operation, error);
        let put = store.put(&path, bytes.clone().into()).await;
        put.map_err(|error| told("write", error))?;
        let read = match store.get(&path).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        // Whatever was read, it does not stay.
        let removed = store.delete(&path).await;
        let read = read.map_err(|error| told("read", error))?;
        removed.map_err(|error| told("remove", error))?;
        if read != bytes {
            return Err(Trouble::Other {
                operation: "read",
                cause: "it answered other bytes than those that were written".into(),
            });
        }
        Ok(())
    }

    fn trouble(&self, operation: &'static str, error: object_store::Error) -> Trouble {
        let failure = std::error::Error::source(&error).and_then(|it| it.downcast_ref::<Located>());
        let known = failure.and_then(|it| known(operation, &it.failure, self));
        known.unwrap_or_else(|| Trouble::Other {
            operation,
            cause: error.into(),
        })
    }
}

/// The trouble that a failure means, if an operator can mend it.
fn known(operation: &'static str, failure: &Failure, asker: &Asker<'_>) -> Option<Trouble> {
    let host = asker.host.to_owned();
    Some(match failure {
        Failure::NoSuchHost { host, .. } => Trouble::NoSuchHost { host: host.clone() },
        Failure::Untrusted(cause) => Trouble::Certificate {
            host,
            cause: cause.clone(),
        },
        Failure::Unreached(cause) | Failure::Lost(cause) => Trouble::Unreachable {
            host,
            cause: cause.clone(),
        },
        Failure::Refused(refusal) | Failure::Doubtful(refusal) => {
            return refused(operation, refusal, asker);
        }
        Failure::Throttled { .. } | Failure::Corrupt(_) => return None,
    })
}

/// **Source**: the vendors' pages "Error codes".
fn refused(operation: &'static str, refusal: &Refusal, asker: &Asker<'_>) -> Option<Trouble> {
    let (bucket, access_key_id) = (asker.bucket.to_owned(), asker.access_key_id.to_owned());
    let host = asker.host.to_owned();
    let cause = refusal.to_string();
    if refusal.elsewhere.is_some() || refusal.case == SIGNED_FOR_ANOTHER_REGION {
        let region = asker.region.to_owned();
        let cause = match &refusal.elsewhere {
            Some(endpoint) => format!("{cause}: it is at {endpoint}"),
            None => cause,
        };
        return Some(Trouble::Region {
            bucket,
            region,
            cause,
        });
    }
    // Vendors say "expired" of signatures as they say "denied" of rights; that the clocks differ is seen.
    let skewed = refusal.skew.is_some_and(|skew| skew >= SIGNATURES_HOLD);
    Some(match refusal.code.as_str() {
        "RequestTimeTooSkewed" | "RequestExpired" => Trouble::Clock { cause },
        "NoSuchBucket" => Trouble::NoSuchBucket { bucket, host },
        // A key that was lent is not known any more when its time is over.
        "InvalidAccessKeyId" | "Unauthorized" if asker.has_token => Trouble::Token {
            access_key_id,
            cause,
        },
        // Cloudflare says "unauthorized" of whatever it does not know.
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "Unauthorized" => Trouble::Credentials {
            access_key_id,
            cause,
        },
        "ExpiredToken" | "InvalidSecurityToken" | "InvalidToken" | "SecurityTokenExpired" => {
            Trouble::Token {
                access_key_id,
                cause,
            }
        }
        _ if refusal.status == 403 && skewed => Trouble::Clock { cause },
        "AccessDenied" => Trouble::Permission {
            access_key_id,
            operation,
            bucket,
        },
        _ => return None,
    })
}

/// OSS's number of "Invalid signing region in Authorization header", whose code is only `InvalidArgument`.
const SIGNED_FOR_ANOTHER_REGION: &str = "0002-00000226";

/// From which difference of clocks on signatures may be refused.
const SIGNATURES_HOLD: std::time::Duration = std::time::Duration::from_secs(15 * 60);
