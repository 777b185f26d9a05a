//! Whose files they are.
//!
//! Once a day a server removes objects that its database does not know. Given another server's files, or another database than theirs, it
//! would remove all there is. So the first server that starts with a bucket or a folder writes its mark into it: who signs, and which
//! database knows the files. One with another mark does not start.

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode};
use picora_core::{Entropy, StoreError};
use picora_sql::SqlStore;
use picora_storage::error::{decisive, harmless};

use super::Files;
use crate::app::StartError;
use crate::signature::Signer;

/// What the database says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which one it is ([`SqlStore::identity`]).
    pub identity: [u8; 16],
    /// Whether it knows files.
    pub has_files: bool,
}

impl Known {
    /// Asks it. **Errors**: [`StartError`].
    pub async fn ask(store: &SqlStore, entropy: &dyn Entropy) -> Result<Self, StartError> {
        let failed = |error: StoreError| {
            StartError(format!(
                "the database does not say which one it is: {error}"
            ))
        };
        let mut new = [0; 16];
        entropy.fill(&mut new);
        Ok(Self {
            identity: store.identity(new).await.map_err(failed)?,
            has_files: store.has_assets().await.map_err(failed)?,
        })
    }
}

/// Writes this server's mark beside its files, or finds it there.
///
/// Servers that share a key and a database are one, for they also sign for one another; a restored dump is the same database. A mark of
/// before databases had an identity is completed. **Errors**: [`StartError`]; the files are another server's or another database's, or
/// their place does not answer.
pub async fn claim(files: &Files, signer: &Signer, database: Known) -> Result<(), StartError> {
    let place = files.place();
    let mine = Mark::new(signer, database.identity);
    let found = mine.found_in(files.bytes.as_ref()).await;
    let (found, was_unmarked) = found.map_err(|error| {
        StartError(format!(
            "it is not known whose {place} is, for `{OWNER}` cannot be used: {error}"
        ))
    })?;
    if found == mine.text().as_bytes() {
        if was_unmarked && database.has_files {
            // Not a reason to stay away: this is also how a mark is taken over, or files are moved.
            tracing::warn!(
                place,
                "nobody's mark was there, though this database knows files: if they are elsewhere, stop this server and name their place"
            );
        }
        return Ok(());
    }
    Err(StartError(if found.starts_with(mine.server.as_bytes()) {
        format!(
            "{place} holds the files of another database, as its object `{OWNER}` says: look whether `database.url` and `data_dir` name \
             the right one, and restore it from a dump if it is lost; if this database is to take its place, and the files that it does \
             not know may go, remove that object"
        )
    } else {
        format!(
            "{place} is another server's, as its object `{OWNER}` says: name another one, or, if that server and this one are to \
             share accounts, bring its signing.key; if it is no more, remove that object"
        )
    }))
}

/// What a server writes beside its files.
struct Mark {
    /// Who signs; all that a mark had before databases had an identity.
    server: String,
    /// Which database knows the files.
    database: String,
}

impl Mark {
    /// It tells nothing of the key that it is made from.
    fn new(signer: &Signer, database: [u8; 16]) -> Self {
        Self {
            server: hex(signer.derived("owner of the bucket")),
            database: hex(database),
        }
    }

    fn text(&self) -> String {
        format!("{}-{}", self.server, self.database)
    }

    /// The mark that stands in the store, which is this one when there was none; and whether there was none.
    async fn found_in(&self, store: &dyn ObjectStore) -> Result<(Vec<u8>, bool), StoreError> {
        let key = Path::from(OWNER);
        let (how, was_unmarked) = match read(store, &key).await? {
            None => (PutMode::Create, true),
            Some(found) if found == self.server.as_bytes() => (PutMode::Overwrite, false),
            Some(found) => return Ok((found, false)),
        };
        match store.put_opts(&key, self.text().into(), how.into()).await {
            // Another one was faster; some stores say so, and others let the last one win: buckets that keep versions.
            Ok(_) | Err(Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(decisive("write", error)),
        }
        let found = read(store, &key).await?.unwrap_or_default();
        Ok((found, was_unmarked))
    }
}

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

/// Under a first part that no asset's key has.
const OWNER: &str = "picora/owner";

/// A mark has half of it.
const LONGEST: u64 = 130;
