//! Looking for objects that belong to nobody.

use std::time::Duration;

use futures::TryStreamExt;
use object_store::path::Path;
use picora_core::{AssetId, StoreError};
use picora_storage::ObjectKey;

use crate::janitor::Janitor;

/// How to go about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scavenging {
    /// A younger object may be somebody's work under way, and is left alone.
    pub grace: Duration,
    /// Also removes more than [`Scavenged::brakes`] lets go, for an operator who knows why so many are nobody's.
    pub force: bool,
}

/// What a run saw and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scavenged {
    /// Objects under keys of ours.
    pub seen: u64,
    /// Those of them that are nobody's and old enough.
    pub strays: u64,
    /// Those that were removed.
    pub removed: u64,
    /// Whether they were left because they are too many to be what crashes leave; somebody has to look.
    pub braked: bool,
}

impl Scavenged {
    /// Whether so many strays are rather a fault of the database: one that is another's, or a restored dump that knows less than there
    /// is. True above a hundred and above one in a hundred of all objects. **Boundaries**: at either it is not.
    #[must_use]
    pub const fn brakes(strays: u64, seen: u64) -> bool {
        strays > FEW && strays > seen / 100
    }
}

impl<T: Send + 'static> Janitor<T> {
    /// Removes objects that belong to nobody and are older than the grace, at most ten thousand, once it has seen all that there are.
    ///
    /// No step of the use cases leaves such an object; this is for restored backups and for faults of an object store that removed nothing
    /// though it said so. Keys that are not ours are left alone. **Errors**: [`StoreError`]; some may have been removed. It may be dropped
    /// at any time.
    pub async fn scavenge(&self, how: Scavenging) -> Result<Scavenged, StoreError> {
        let (mut done, found) = self.strays(how.grace).await?;
        if !how.force && Scavenged::brakes(done.strays, done.seen) {
            done.braked = true;
            return Ok(done);
        }
        for (path, asset) in found {
            // Listing may have taken hours.
            if !self.0.store.knows(asset).await? {
                picora_storage::object::remove(&self.0.objects, &path).await?;
                done.removed += 1;
            }
        }
        Ok(done)
    }

    /// Counts them, and names as many as one run removes.
    async fn strays(
        &self,
        grace: Duration,
    ) -> Result<(Scavenged, Vec<(Path, AssetId)>), StoreError> {
        let media = &self.0;
        let newest = media.now().saturating_sub(grace).unix_seconds();
        let mut listing = media.objects.list(Some(&ObjectKey::prefix()));
        let (mut done, mut found) = (Scavenged::default(), Vec::new());
        while let Some(object) = listing
            .try_next()
            .await
            .map_err(|error| picora_storage::error::harmless("list", error))?
        {
            let Some(key) = ObjectKey::parse(&object.location) else {
                continue;
            };
            done.seen += 1;
            if object.last_modified.timestamp() < newest && !media.store.knows(key.asset).await? {
                done.strays += 1;
                if found.len() < MOST {
                    found.push((object.location, key.asset));
                }
            }
        }
        Ok((done, found))
    }
}

/// What may go whatever its share: a small host loses more than one in a hundred when one upload went wrong.
const FEW: u64 = 100;

/// How many one run removes, so that their names need no more than some megabytes; the next run goes on.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_brakes_above_a_hundred_and_one_in_a_hundred() {
        for (strays, seen, brakes) in [
            (0, 0, false),
            (1, 1, false),
            (100, 100, false),
            (101, 101, true),
            (101, 10_099, true),
            (101, 10_100, false),
            (1_000, 100_000, false),
            (1_001, 100_000, true),
            (u64::MAX, u64::MAX, true),
        ] {
            let answer = Scavenged::brakes(strays, seen);
            assert_eq!(answer, brakes, "{strays} of {seen}");
        }
    }
}
