//! What keys may hold, as far as a client can know.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectMeta};
use picora_tiering::{Class, ObjectHeaders, Present, Tier};

/// What was sent once: its number says which bytes and headers.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) bytes: Bytes,
    pub(super) attributes: Attributes,
}

/// An object: which write it is from, and its tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) write: usize,
    pub(super) tier: Tier,
}

/// A contradiction between what was promised and what is there.
pub(super) type Broken = String;

/// For each key all that may be there; one entry when it is certain.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) writes: Vec<Written>,
    keys: BTreeMap<Path, Vec<Option<Version>>>,
}

impl Model {
    pub(super) fn of(keys: &[Path]) -> Self {
        let nothing = |key: &Path| (key.clone(), vec![None]);
        Self {
            writes: Vec::new(),
            keys: keys.iter().map(nothing).collect(),
        }
    }

    pub(super) fn possible(&self, key: &Path) -> Vec<Option<Version>> {
        self.keys.get(key).cloned().unwrap_or_default()
    }

    /// It is this, whatever it was.
    pub(super) fn is(&mut self, key: &Path, state: Option<Version>) {
        self.keys.insert(key.clone(), vec![state]);
    }

    /// It may be this as well.
    pub(super) fn may_be(&mut self, key: &Path, state: Option<Version>) {
        let states = self.keys.entry(key.clone()).or_default();
        if !states.contains(&state) {
            states.push(state);
        }
    }

    /// It was seen to be one of those for which this holds.
    pub(super) fn seen(
        &mut self,
        key: &Path,
        what: &str,
        holds: impl Fn(&Option<Version>) -> bool,
    ) -> Result<(), Broken> {
        let states = self.keys.entry(key.clone()).or_default();
        let left: Vec<_> = states.iter().copied().filter(holds).collect();
        if left.is_empty() {
            return Err(format!("{key} is {what}, and may only be {states:?}"));
        }
        *states = left;
        Ok(())
    }

    /// What a probe says settles it.
    pub(super) fn probed(&mut self, key: &Path, present: Option<&Present>) -> Result<(), Broken> {
        let Some(present) = present else {
            return self.seen(key, "missing", Option::is_none);
        };
        let fits = self.written(|written| {
            written.bytes.len() as u64 == present.size.get()
                && present.crc64.is_none_or(|it| is_digest(it, &written.bytes))
                && headers(&written.attributes) == present.headers
        });
        let what = format!("{present:?}");
        self.seen(key, &what, |state| {
            state
                .is_some_and(|it| fits.contains(&it.write) && present.class == Class::Tier(it.tier))
        })
    }

    /// What a reader got: all bytes of the range that there are, and what they were served with.
    pub(super) fn read(
        &mut self,
        key: &Path,
        range: Range<usize>,
        bytes: &Bytes,
        meta: &ObjectMeta,
        attributes: &Attributes,
    ) -> Result<(), Broken> {
        let fits = self.written(|written| {
            let end = range.end.min(written.bytes.len());
            let same = written.bytes.get(range.start..end) == Some(bytes.as_ref());
            same && written.bytes.len() as u64 == meta.size
                && headers(&written.attributes) == headers(attributes)
        });
        let what = format!("{} bytes of {} with {attributes:?}", bytes.len(), meta.size);
        self.seen(key, &what, |state| {
            state.is_some_and(|it| fits.contains(&it.write))
        })
    }

    /// What a list says of all keys.
    pub(super) fn listed(&mut self, list: &[ObjectMeta]) -> Result<(), Broken> {
        let strange = list.iter().find(|it| !self.keys.contains_key(&it.location));
        if let Some(strange) = strange {
            return Err(format!(
                "{} is listed, and was never written",
                strange.location
            ));
        }
        for key in self.keys.keys().cloned().collect::<Vec<_>>() {
            let mut entries = list.iter().filter(|it| it.location == key);
            let entry = entries.next();
            if entries.next().is_some() {
                return Err(format!("{key} is listed twice"));
            }
            let fits = self.written(|it| entry.is_some_and(|e| e.size == it.bytes.len() as u64));
            let what = entry.map_or("not listed".to_owned(), |it| {
                format!("listed with {}", it.size)
            });
            self.seen(&key, &what, |state| match state {
                Some(version) => fits.contains(&version.write),
                None => entry.is_none(),
            })?;
        }
        Ok(())
    }

    fn written(&self, fits: impl Fn(&Written) -> bool) -> Vec<usize> {
        let all = self.writes.iter().enumerate();
        all.filter(|(_, it)| fits(it)).map(|(at, _)| at).collect()
    }
}

/// What an object is served with, whatever its class.
pub(super) fn headers(attributes: &Attributes) -> ObjectHeaders {
    let mut headers = ObjectHeaders::default();
    for (attribute, value) in attributes {
        let value = Some(value.to_string());
        match attribute {
            Attribute::ContentType => headers.content_type = value,
            Attribute::CacheControl => headers.cache_control = value,
            Attribute::ContentDisposition => headers.content_disposition = value,
            Attribute::ContentEncoding => headers.content_encoding = value,
            Attribute::ContentLanguage => headers.content_language = value,
            Attribute::Metadata(name) => {
                headers
                    .metadata
                    .extend(value.map(|value| (name.to_string(), value)));
            }
            _ => {}
        }
    }
    headers
}

/// Whether it is one of those that vendors keep.
fn is_digest(crc64: u64, bytes: &[u8]) -> bool {
    let algorithms = [CrcAlgorithm::Crc64Xz, CrcAlgorithm::Crc64Nvme];
    let mut digests = algorithms
        .map(|it| crc_fast::checksum(it, bytes))
        .into_iter();
    digests.any(|it| it == crc64)
}
