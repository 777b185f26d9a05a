//! Questions about one stored object, for which its absence is an answer.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use picora_core::{Amount, StoreError};

use crate::error::{decisive, harmless};
use crate::{Digester, Measured};

/// How long the object is, without reading it; `None` when there is none.
///
/// The probe after a lost answer: an object that is there is whole.
///
/// **Units**: bytes. **Errors**: [`StoreError`] when the store cannot say. State: never changed.
pub async fn length(store: &dyn ObjectStore, path: &Path) -> Result<Option<Amount>, StoreError> {
    let found = absent(store.head(path).await).map_err(|error| harmless("look up", error))?;
    Ok(found.map(|meta| Amount::saturating(meta.size)))
}

/// Reads the whole object and measures it; `None` when there is none.
///
/// For whoever has to know that stored bytes are the uploaded bytes (#65). Memory: one chunk of the store.
///
/// **Errors**: [`StoreError`] when it cannot be read to its end. State: never changed.
pub async fn measure(store: &dyn ObjectStore, path: &Path) -> Result<Option<Measured>, StoreError> {
    let failed = |error| harmless("read", error);
    let Some(object) = absent(store.get(path).await).map_err(failed)? else {
        return Ok(None);
    };
    let (mut chunks, mut digester) = (object.into_stream(), Digester::new());
    while let Some(chunk) = chunks.try_next().await.map_err(failed)? {
        digester.update(&chunk);
    }
    Ok(Some(digester.finish()))
}

/// Removes the object; whether there was one. Removing twice is the same as once.
///
/// Some stores say that they removed what never was, so `true` proves nothing about the past; after either answer it is gone.
///
/// **Errors**: [`StoreError`]; with kind `Unknown` it may be gone: remove it again.
pub async fn remove(store: &dyn ObjectStore, path: &Path) -> Result<bool, StoreError> {
    let removed = absent(store.delete(path).await).map_err(|error| decisive("remove", error))?;
    Ok(removed.is_some())
}

fn absent<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use object_store::memory::InMemory;

    use super::*;

    #[test]
    fn absence_is_an_answer_and_removing_can_be_repeated() {
        block_on(async {
            let (store, path) = (InMemory::new(), Path::from("media/a/b"));
            assert_eq!(length(&store, &path).await.unwrap(), None);
            assert_eq!(measure(&store, &path).await.unwrap(), None);

            store.put(&path, "abc".into()).await.unwrap();
            assert_eq!(
                length(&store, &path).await.unwrap().map(Amount::get),
                Some(3)
            );
            assert_eq!(
                measure(&store, &path).await.unwrap(),
                Some(Measured::of(b"abc"))
            );

            remove(&store, &path).await.unwrap();
            remove(&store, &path).await.unwrap();
            assert_eq!(length(&store, &path).await.unwrap(), None);
        });
    }
}
