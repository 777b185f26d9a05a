//! Whose bucket it is.
//!
//! Once a day a server removes objects that its database does not know. Given another server's bucket, it would remove all there is. So the
//! first server that starts with a bucket writes its mark into it, and one with another mark does not start.

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode};
use picora_core::StoreError;
use picora_storage::error::{decisive, harmless};

use super::Files;
use crate::app::StartError;
use crate::signature::Signer;

/// Writes this server's mark into the bucket, or finds it there. Nothing to do in a folder, which lies beside its database.
///
/// Servers that share a key are one, for they also sign for one another. **Errors**: [`StartError`]; the bucket is another server's, or
/// does not answer.
pub async fn claim(files: &Files, signer: &Signer) -> Result<(), StartError> {
    if !files.are_in_a_bucket() {
        return Ok(());
    }
    let place = files.place();
    let mine = mark(signer);
    let found = written(files.bytes.as_ref(), &mine).await;
    let found = found.map_err(|error| {
        StartError(format!(
            "it is not known whose {place} is, for `{OWNER}` cannot be used: {error}"
        ))
    })?;
    if found == mine.as_bytes() {
        return Ok(());
    }
    Err(StartError(format!(
        "{place} is another server's, as its object `{OWNER}` says: name another bucket, or, if that server and this one are to \
         share accounts, bring its signing.key; if it is no more, remove that object"
    )))
}

/// The mark that stands in the store, which is this one when there was none.
async fn written(store: &dyn ObjectStore, mine: &str) -> Result<Vec<u8>, StoreError> {
    let key = Path::from(OWNER);
    if let Some(found) = read(store, &key).await? {
        return Ok(found);
    }
    let put = store.put_opts(&key, mine.to_owned().into(), PutMode::Create.into());
    match put.await {
        Ok(_) => Ok(mine.as_bytes().to_vec()),
        // Another one was faster.
        Err(Error::AlreadyExists { .. }) => Ok(read(store, &key).await?.unwrap_or_default()),
        Err(error) => Err(decisive("write", error)),
    }
}

async fn read(store: &dyn ObjectStore, key: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let failed = |error| harmless("read", error);
    match store.get(key).await {
        // Something else, which is nobody's mark.
        Ok(found) if found.meta.size > LONGEST => Ok(Some(Vec::new())),
        Ok(found) => Ok(Some(found.bytes().await.map_err(failed)?.to_vec())),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// It tells nothing of the key that it is made from.
fn mark(signer: &Signer) -> String {
    let bytes = signer.derived("owner of the bucket");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Under a first part that no asset's key has.
const OWNER: &str = "picora/owner";

/// A mark has half of it.
const LONGEST: u64 = 64;
