//! Random histories under random faults: what was acknowledged is there, what is unknown is one of two things, and nothing else ever is.
//!
//! What is promised and what is not: see [`late`](super::late).

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::future::join_all;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, MultipartUpload, ObjectMeta,
    ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions,
};
use picora_core::StoreErrorKind;
use picora_tiering::{Guard, Moved, RestoreAck, RestoreSpeed, Tier};

use super::Store;
use super::model::{Broken, Model, Version, Written};
use crate::{Chance, Cloud, Fault};

/// Eight histories; 2,000 under `PICORA_SOAK=1`. `PICORA_SEED` has one run again.
pub async fn random_faults_lose_and_damage_nothing<S: Store>(fresh: impl Fn() -> (Cloud, S)) {
    let seed = std::env::var("PICORA_SEED").ok();
    let seeds = match seed.and_then(|text| text.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None if std::env::var_os("PICORA_SOAK").is_some() => 1..2_001,
        None => 1..9,
    };
    let all: Vec<u64> = seeds.collect();
    for some in all.chunks(AT_ONCE) {
        println!("seeds from {}", some[0]);
        let lived = join_all(some.iter().map(|seed| live(fresh(), *seed))).await;
        for (seed, lived) in some.iter().zip(lived) {
            if let Err(broken) = lived {
                panic!("PICORA_SEED={seed}: {broken}");
            }
        }
    }
}

async fn live<S: Store>((cloud, store): (Cloud, S), seed: u64) -> Result<(), Broken> {
    let mut history = History {
        model: Model::of(&KEYS.map(Path::from)),
        chance: Chance::new(seed),
        cloud,
        store,
    };
    history.cloud.faults().random(seed, FAULTS_PER_MILLE);
    for step in 0..STEPS {
        let before = history.cloud.faults().met().len();
        let lived = history.step().await;
        history.settled().await;
        let met = history.cloud.faults().met().split_off(before);
        lived.map_err(|broken| format!("step {step}: {broken}; it met {met:?}"))?;
    }
    let met = history.cloud.faults().met().len();
    history.cloud.faults().calm();
    history.end().await?;
    if met < STEPS / 10 {
        return Err(format!("only {met} faults in {STEPS} steps"));
    }
    match history.cloud.surprises().first() {
        Some(surprise) => Err(surprise.clone()),
        None => Ok(()),
    }
}

struct History<S> {
    cloud: Cloud,
    store: S,
    model: Model,
    chance: Chance,
}

impl<S: Store> History<S> {
    /// One operation, and what may be concluded from its outcome.
    async fn step(&mut self) -> Result<(), Broken> {
        let key = Path::from(*self.chance.one(&KEYS));
        match self.chance.below(100) {
            0..18 => self.put(&key, PutMode::Overwrite).await,
            18..28 => self.put(&key, PutMode::Create).await,
            28..42 => self.read(&key, None).await,
            42..52 => self.read_range(&key).await,
            52..58 => self.list().await,
            58..66 => self.copy(&key).await,
            66..78 => self.change_tier(&key).await,
            78..86 => self.restore(&key).await,
            86..93 => self.delete(&key).await,
            93..97 => self.upload(&key).await,
            _ => {
                let hours = self.chance.below(30);
                self.cloud
                    .clock()
                    .advance(Duration::from_secs(hours * 3_600));
                Ok(())
            }
        }
    }

    async fn put(&mut self, key: &Path, mode: PutMode) -> Result<(), Broken> {
        let length = self.chance.length_below(3_000);
        let (new, written) = self.write(length);
        let creates = mode == PutMode::Create;
        let mut options = PutOptions::from(mode);
        options.attributes = written.attributes;
        let put = self.store.put_opts(key, written.bytes.into(), options);
        match put.await {
            Ok(_) => {
                if creates {
                    self.model.seen(key, "created", Option::is_none)?;
                }
                self.model.is(key, new);
                Ok(())
            }
            Err(Error::AlreadyExists { .. }) if creates => {
                self.model.seen(key, "there already", Option::is_some)
            }
            Err(Error::Generic { .. }) => {
                if !creates || self.model.possible(key).contains(&None) {
                    self.model.may_be(key, new);
                }
                Ok(())
            }
            Err(other) => Err(format!("put {key}: {other:?}")),
        }
    }

    async fn read(&mut self, key: &Path, range: Option<Range<usize>>) -> Result<(), Broken> {
        let flips = self.flips();
        let bounds = range.clone().unwrap_or(0..usize::MAX);
        let range = range.map(|it| GetRange::Bounded(it.start as u64..it.end as u64));
        let options = GetOptions::default().with_range(range);
        let read = async {
            let found = self.store.get_opts(key, options).await?;
            let (meta, attributes) = (found.meta.clone(), found.attributes.clone());
            Ok((found.bytes().await?, meta, attributes))
        };
        match read.await {
            Ok((bytes, meta, attributes)) => {
                self.model.read(key, bounds, &bytes, &meta, &attributes)
            }
            Err(Error::NotFound { .. }) => self.model.seen(key, "missing", Option::is_none),
            Err(Error::PermissionDenied { .. }) => self.model.seen(key, "frozen", is_archived),
            Err(Error::Generic { source, .. }) => {
                if source.to_string().contains("CRC-64") && self.flips() == flips {
                    return Err(format!("a false alarm on {key}: {source}"));
                }
                Ok(())
            }
            Err(other) => Err(format!("read {key}: {other:?}")),
        }
    }

    async fn read_range(&mut self, key: &Path) -> Result<(), Broken> {
        let start = self.chance.length_below(1_500);
        let end = start + 1 + self.chance.length_below(1_500);
        self.read(key, Some(start..end)).await
    }

    async fn list(&mut self) -> Result<(), Broken> {
        let listed: object_store::Result<Vec<ObjectMeta>> =
            self.store.list(None).try_collect().await;
        match listed {
            Ok(listed) => self.model.listed(&listed),
            Err(Error::Generic { .. }) => Ok(()),
            Err(other) => Err(format!("list: {other:?}")),
        }
    }

    async fn copy(&mut self, from: &Path) -> Result<(), Broken> {
        let to = Path::from(*self.chance.one(&KEYS));
        if to == *from {
            return Ok(());
        }
        let copied = if self.chance.per_mille(500) {
            let copied = self.store.copy_if_not_exists(from, &to).await;
            if copied.is_ok() {
                self.model
                    .seen(&to, "copied to if missing", Option::is_none)?;
            }
            copied
        } else {
            self.store.copy(from, &to).await
        };
        let copies = self.model.possible(from).into_iter().flatten();
        let copies: Vec<_> = copies
            .map(|it| Version {
                tier: Tier::Hot,
                ..it
            })
            .collect();
        match copied {
            Ok(()) => {
                self.model.seen(from, "copied", Option::is_some)?;
                let mut copies = copies.into_iter().map(Some);
                self.model.is(&to, copies.next().flatten());
                copies.for_each(|copy| self.model.may_be(&to, copy));
                Ok(())
            }
            Err(Error::NotFound { .. }) => self.model.seen(from, "missing", Option::is_none),
            Err(Error::PermissionDenied { .. }) => self.model.seen(from, "frozen", is_archived),
            Err(Error::AlreadyExists { .. }) => {
                self.model.seen(&to, "there already", Option::is_some)
            }
            Err(Error::Generic { .. }) => {
                for copy in copies {
                    self.model.may_be(&to, Some(copy));
                }
                Ok(())
            }
            Err(other) => Err(format!("copy {from} to {to}: {other:?}")),
        }
    }

    async fn change_tier(&mut self, key: &Path) -> Result<(), Broken> {
        let Ok(present) = self.store.probe(key).await else {
            return Ok(());
        };
        self.model.probed(key, present.as_ref())?;
        let Some(present) = present else {
            return Ok(());
        };
        let guard = Guard {
            etag: present.etag.clone().ok_or("a probe without an etag")?,
            size: present.size,
        };
        let to = *self.chance.one(&[Tier::Archive, Tier::Archive, Tier::Hot]);
        let moved = self.store.set_tier(key, to, &guard, &present.headers);
        let moved = moved.await.map_err(|error| error.kind());
        let there = self.model.possible(key).into_iter().flatten();
        let there: Vec<_> = there.map(|it| Version { tier: to, ..it }).collect();
        match moved {
            Ok(Moved::Done) => {
                let mut there = there.into_iter().map(Some);
                self.model.is(key, there.next().flatten());
                there.for_each(|state| self.model.may_be(key, state));
                Ok(())
            }
            Ok(Moved::Frozen) => self.model.seen(key, "frozen", is_archived),
            Ok(other) => Err(format!("{key}, which nobody else touches, is {other:?}")),
            Err(StoreErrorKind::Unknown) => {
                there
                    .into_iter()
                    .for_each(|it| self.model.may_be(key, Some(it)));
                Ok(())
            }
            Err(StoreErrorKind::Unavailable) => Ok(()),
            Err(other) => Err(format!("move {key}: {other:?}")),
        }
    }

    /// Once it is readable, readers are refused no more.
    async fn restore(&mut self, key: &Path) -> Result<(), Broken> {
        let before = self.cloud.faults().met().len();
        let asked = self.store.restore(key, 1, RestoreSpeed::Expedited).await;
        self.settled().await;
        self.cloud.clock().advance(Duration::from_secs(61));
        let archived = asked.map_err(|error| error.kind());
        match archived {
            Ok(RestoreAck::Accepted) => {
                self.model.seen(key, "archived", is_archived)?;
                let met = self.cloud.faults().met().split_off(before);
                if met.iter().any(|(_, fault)| *fault == Fault::NeverReady) {
                    return Ok(());
                }
                match self.store.get(key).await {
                    Err(Error::PermissionDenied { .. }) => Err(format!(
                        "{key} is frozen a minute after its restore was accepted"
                    )),
                    _ => self.read(key, None).await,
                }
            }
            Ok(RestoreAck::InProgress | RestoreAck::Readable) => {
                self.model.seen(key, "archived", is_archived)
            }
            // Where nothing has to be restored, that says only that it is there.
            Ok(RestoreAck::NotArchived) if !self.store.caps().needs_restore => {
                self.model.seen(key, "not there", Option::is_some)
            }
            Ok(RestoreAck::NotArchived) => {
                let hot = |state: &Option<Version>| state.is_some_and(|it| it.tier == Tier::Hot);
                self.model.seen(key, "not archived", hot)
            }
            Ok(RestoreAck::Missing) => self.model.seen(key, "missing", Option::is_none),
            Err(StoreErrorKind::Unknown | StoreErrorKind::Unavailable) => Ok(()),
            Err(other) => Err(format!("restore {key}: {other:?}")),
        }
    }

    async fn delete(&mut self, key: &Path) -> Result<(), Broken> {
        match self.store.delete(key).await {
            Ok(()) => self.model.is(key, None),
            Err(Error::Generic { .. }) => self.model.may_be(key, None),
            // Some stores say that there was nothing; ours do not.
            Err(other) => return Err(format!("delete {key}: {other:?}")),
        }
        Ok(())
    }

    /// Nothing of it is seen before it is complete.
    async fn upload(&mut self, key: &Path) -> Result<(), Broken> {
        let parts = 1 + self.chance.length_below(3);
        let part = self.cloud.smallest_part();
        let last = self.chance.length_below(5_000);
        let (new, written) = self.write((parts - 1) * part + last);
        let options = PutMultipartOptions {
            attributes: written.attributes,
            ..PutMultipartOptions::default()
        };
        let Ok(mut upload) = self.store.put_multipart_opts(key, options).await else {
            return Ok(());
        };
        let mut rest = written.bytes;
        for number in 1..=parts {
            let bytes = if number == parts {
                std::mem::take(&mut rest)
            } else {
                rest.split_to(part)
            };
            if upload.put_part(bytes.into()).await.is_err() {
                let _ = upload.abort().await;
                return self.read(key, None).await;
            }
        }
        self.read(key, None).await?;
        self.complete(key, upload, new).await
    }

    async fn complete(
        &mut self,
        key: &Path,
        mut upload: Box<dyn MultipartUpload>,
        new: Option<Version>,
    ) -> Result<(), Broken> {
        match upload.complete().await {
            Ok(_) => self.model.is(key, new),
            Err(Error::Generic { .. }) => self.model.may_be(key, new),
            Err(other) => return Err(format!("complete {key}: {other:?}")),
        }
        Ok(())
    }

    /// Without faults everything can be said of every key.
    async fn end(&mut self) -> Result<(), Broken> {
        for key in KEYS.map(Path::from) {
            let present = self.store.probe(&key).await;
            let present = present.map_err(|error| error.to_string())?;
            self.model.probed(&key, present.as_ref())?;
            if self.model.possible(&key).len() != 1 {
                return Err(format!("{key} is still {:?}", self.model.possible(&key)));
            }
            self.read(&key, None).await?;
        }
        let listed = self.store.list(None).try_collect::<Vec<_>>().await;
        self.model
            .listed(&listed.map_err(|error| error.to_string())?)
    }

    /// Waits for what comes late.
    async fn settled(&self) {
        while self.cloud.late() > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn flips(&self) -> usize {
        let met = self.cloud.faults().met();
        met.iter().filter(|(_, it)| *it == Fault::Flipped).count()
    }

    /// Bytes and headers that were never written before.
    fn write(&mut self, length: usize) -> (Option<Version>, Written) {
        let number = self.model.writes.len();
        let mut bytes = format!("write {number}: ").into_bytes();
        let head = bytes.len();
        bytes.resize_with(length.max(head), || {
            u8::try_from(self.chance.below(256)).unwrap_or_default()
        });
        let pairs = [
            (Attribute::ContentType, "image/png".to_owned()),
            (Attribute::CacheControl, format!("max-age={number}")),
            (Attribute::Metadata("number".into()), number.to_string()),
        ];
        let attributes: Attributes = pairs.into_iter().collect();
        let written = Written {
            bytes: Bytes::from(bytes),
            attributes,
        };
        self.model.writes.push(written.clone());
        let tier = Tier::Hot;
        (
            Some(Version {
                write: number,
                tier,
            }),
            written,
        )
    }
}

fn is_archived(state: &Option<Version>) -> bool {
    state.is_some_and(|it| it.tier == Tier::Archive)
}

const KEYS: [&str; 4] = ["a", "b", "folder/c", "folder/d e"];
const STEPS: usize = 150;
const FAULTS_PER_MILLE: u32 = 200;
/// They wait more than they work.
const AT_ONCE: usize = 64;
