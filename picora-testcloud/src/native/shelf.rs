//! The objects of a bucket, and what they will cost.

use std::collections::BTreeMap;
use std::collections::btree_map::Iter;
use std::ops::Deref;

use picora_core::Timestamp;

use crate::bill::Ledger;
use crate::object::Object;

/// Objects by their keys. Whatever comes and goes is in the ledger.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    objects: BTreeMap<String, Object>,
    pub(crate) ledger: Ledger,
    /// When what is done now is done.
    pub(crate) now: Timestamp,
}

impl Shelf {
    pub(super) fn insert(&mut self, key: String, object: Object) {
        let (class, bytes) = (object.class, object.bytes.len() as u64);
        self.ledger.comes(&key, class, bytes, self.now);
        self.objects.insert(key, object);
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.ledger.goes(key, self.now);
        self.objects.remove(key);
    }

    /// Its restore may change; its class and its bytes do not.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Object> {
        self.objects.get_mut(key)
    }
}

impl Deref for Shelf {
    type Target = BTreeMap<String, Object>;

    fn deref(&self) -> &Self::Target {
        &self.objects
    }
}

impl<'s> IntoIterator for &'s Shelf {
    type Item = (&'s String, &'s Object);
    type IntoIter = Iter<'s, String, Object>;

    fn into_iter(self) -> Self::IntoIter {
        self.objects.iter()
    }
}
