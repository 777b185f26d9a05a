//! A naive model of what clients were promised.

use std::collections::BTreeSet;

use picora_core::{AssetId, MediaKind, StoreErrorKind};
use picora_media::{Asset, UploadError, Uploaded};

use super::requests::asset_of;

/// What the answers so far promise.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// Answered as stored, and nobody has tried to remove it since.
    there: BTreeSet<AssetId>,
    /// Answered as removed.
    gone: BTreeSet<AssetId>,
    /// Whoever tried to remove it does not know whether it is.
    perhaps: BTreeSet<AssetId>,
    /// How many uploads may be stored though nobody was told.
    untold: usize,
    pub(super) seen: Seen,
}

/// What came of a history's work.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) stored: u64,
    pub(super) refused: u64,
    pub(super) removed: u64,
    /// Its answer was lost, or its caller or the process was gone before it came.
    pub(super) lost: u64,
}

impl Seen {
    pub(super) fn add(&mut self, other: Self) {
        self.stored += other.stored;
        self.refused += other.refused;
        self.removed += other.removed;
        self.lost += other.lost;
    }
}

impl Model {
    pub(super) fn uploaded(&mut self, answer: Result<Uploaded, UploadError>) {
        match answer {
            Ok(Uploaded::Created(asset)) => {
                self.seen.stored += 1;
                let contested = self.gone.contains(&asset.id) || self.perhaps.contains(&asset.id);
                let new = contested || self.there.insert(asset.id);
                assert!(new, "two uploads made one asset");
            }
            Ok(there) => assert_eq!(asset_of(there).id.kind(), MediaKind::Document),
            Err(UploadError::Store(error)) if error.kind() == StoreErrorKind::Unknown => {
                self.lost(true);
            }
            Err(_) => self.seen.refused += 1,
        }
    }

    pub(super) fn begin_removal(&mut self, id: AssetId) {
        self.there.remove(&id);
        self.perhaps.insert(id);
    }

    /// `None` when the removal failed.
    pub(super) fn removed(&mut self, id: AssetId, answer: Option<bool>) {
        if answer.is_none() {
            return self.lost(false);
        }
        self.seen.removed += 1;
        self.perhaps.remove(&id);
        self.gone.insert(id);
    }

    /// Nobody is told what came of it.
    pub(super) fn lost(&mut self, upload: bool) {
        self.seen.lost += 1;
        self.untold += usize::from(upload);
    }

    /// What was answered is so in the end, and what is there was asked for.
    pub(super) fn assert_kept(&self, stored: &[Asset]) {
        let there: BTreeSet<_> = stored.iter().map(|asset| asset.id).collect();
        assert!(
            self.there.is_subset(&there),
            "what was answered as stored is gone"
        );
        assert!(
            self.gone.is_disjoint(&there),
            "what was answered as removed is there"
        );
        let unexplained = there.difference(&self.there);
        let unexplained = unexplained.filter(|id| !self.perhaps.contains(id)).count();
        assert!(
            unexplained <= self.untold,
            "more is stored than anybody asked for"
        );
    }
}
