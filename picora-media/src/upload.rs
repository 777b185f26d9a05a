//! Uploading an image, a video or an audio file.

use bytes::Bytes;
use futures::StreamExt;
use futures::channel::oneshot;
use picora_core::{
    AccountId, Amount, AssetId, Dimension, MediaKind, ReservationId, StoreError, StoreErrorKind,
    Timestamp,
};
use picora_quota::{
    Denial, Extended, Item, Items, RequestHash, Reservation, ReservationState, Reserve, Reserved,
    Settled,
};
use picora_storage::{Measured, ObjectKey, ObjectWriter};
use sha2::{Digest, Sha256};

use crate::asset::{Asset, Tags};
use crate::body::{Body, BodyError, take_head, until_gone};
use crate::content;
use crate::media::{Media, retrying};
use crate::{Condemned, UploadIntent};

/// What somebody wants to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUpload {
    /// Whose it will be.
    pub account: AccountId,
    /// What it must be.
    pub kind: MediaKind,
    /// Whether the account's plan hosts video (C82).
    pub video: bool,
    /// What its owner calls it.
    pub file_name: Option<String>,
    /// Its tags.
    pub tags: Tags,
    /// Whether anybody may fetch it.
    pub is_public: bool,
    /// The most bytes that can come, if the sender said how long the request is. It is a bound for the reservation, never believed.
    pub bound_bytes: Option<u64>,
    /// The client's idempotency key and what it stands for, if it sent one.
    pub idempotency: Option<(ReservationId, RequestHash)>,
}

/// A successful upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// The same document was stored before; nothing was charged (C32).
    AlreadyThere(Asset),
    /// It is stored.
    Created(Asset),
    /// The same idempotency key stored this before; nothing was charged.
    Replayed(Asset),
}

/// Why an upload stored nothing. In every case nothing is charged, and what was held is given back, at once or at the latest when its
/// reservation expires.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The bytes stopped coming.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A limit is in the way; here are its numbers.
    #[error("a limit is in the way")]
    Denied(Denial),
    /// There was not one byte.
    #[error("the file is empty")]
    Empty,
    /// The upload took longer than its reservation held.
    #[error("the upload took too long")]
    Expired,
    /// Another request with this idempotency key is under way, stands for something else, or was tried too often.
    #[error("the idempotency key belongs to another attempt")]
    KeyInUse,
    /// The plan does not host this kind (C82).
    #[error("the plan does not host this kind of file")]
    PlanForbids,
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More came than this server takes, whatever the plan.
    #[error("the file is larger than this server takes")]
    TooLarge {
        /// The most that it takes. **Units**: bytes.
        most_bytes: u64,
    },
    /// Its content is not of the wanted kind.
    #[error("the content is not of the wanted kind")]
    WrongKind,
}

/// What an upload under way holds.
pub(crate) struct Held {
    pub(crate) intent: UploadIntent,
    pub(crate) reservation: Reservation,
}

impl<T: Send + 'static> Media<T> {
    /// Stores what comes, or nothing.
    ///
    /// The work runs in a saga of its own ([`Detach`](crate::Detach)): dropping this future, as a server does when the client goes away,
    /// ends the upload and gives back what it held at once.
    ///
    /// **Errors**: [`UploadError`]; nothing is charged in any case. **Source**: #177–#184, #197, C2, design decision 2.
    pub async fn upload(&self, new: NewUpload, body: Body) -> Result<Uploaded, UploadError> {
        let (done, outcome) = oneshot::channel();
        let (waiting, gone) = oneshot::channel();
        let media = self.clone();
        self.detach.detach(Box::pin(async move {
            let result = media.run(new, until_gone(body, gone)).await;
            let _ = done.send(result); // nobody may be waiting any more
        }));
        let result = outcome.await;
        drop(waiting);
        result.unwrap_or(Err(UploadError::Body(BodyError::Gone))) // the saga's runtime is shutting down
    }

    async fn run(&self, new: NewUpload, body: Body) -> Result<Uploaded, UploadError> {
        match new.kind {
            MediaKind::Document => self.store_document(new, body).await,
            MediaKind::Image | MediaKind::Video | MediaKind::Audio => {
                self.store_file(new, body).await
            }
        }
    }

    async fn store_file(&self, new: NewUpload, body: Body) -> Result<Uploaded, UploadError> {
        if new.kind == MediaKind::Video && !new.video {
            return Err(UploadError::PlanForbids);
        }
        let (head, body) = take_head(body, content::HEAD_BYTES).await?;
        if head.is_empty() {
            return Err(UploadError::Empty);
        }
        let content_type = content::sniff(new.kind, &head).ok_or(UploadError::WrongKind)?;
        let mut held = match self.hold(&new, self.file_items(&new, &head)?).await? {
            Ok(held) => held,
            Err(stored) => return Ok(Uploaded::Replayed(stored)),
        };
        match self.stream(&new, &mut held, body).await {
            Ok(measured) => self.settle(&new, held, content_type, measured, &[]).await,
            Err(error) => Err(self.give_up(held, error).await),
        }
    }

    /// What a file asks for: its bound, as far as it is known, and one upload.
    fn file_items(&self, new: &NewUpload, head: &Bytes) -> Result<Items, UploadError> {
        let least = head.len() as u64;
        let (most, at_least) = match new.bound_bytes {
            Some(bound) => (
                bound.max(least),
                bound.saturating_sub(self.policy.slack_bytes).max(least),
            ),
            None => (self.policy.first_step_bytes.max(least), least),
        };
        if least > self.policy.largest_file_bytes || at_least > self.policy.largest_file_bytes {
            return Err(UploadError::TooLarge {
                most_bytes: self.policy.largest_file_bytes,
            });
        }
        let bytes = |dimension| {
            Item::up_to(
                dimension,
                Amount::saturating(most),
                Amount::saturating(at_least),
            )
        };
        items(
            new.kind
                .storage_dimension()
                .map(bytes)
                .into_iter()
                .chain(one_upload()),
        )
    }

    /// Reserves and writes the intent, in one transaction; answers the stored asset when the client's key made one before.
    ///
    /// A client's key stands for one stored resource, not for one try: when the last attempt under it was given up, such as by a lost
    /// connection, the next one begins under the next of the key's reservations.
    pub(crate) async fn hold(
        &self,
        new: &NewUpload,
        items: Items,
    ) -> Result<Result<Held, Asset>, UploadError> {
        let Some((key, request)) = new.idempotency else {
            let id = ReservationId::generate(self.now(), self.entropy.as_ref());
            return match self
                .attempt(new, id, RequestHash::default(), &items)
                .await?
            {
                Attempt::Held(held) => Ok(Ok(held)),
                Attempt::Stored(asset) => Ok(Err(asset)),
                Attempt::GivenUp => Err(UploadError::KeyInUse),
            };
        };
        for number in 0..MOST_ATTEMPTS {
            match self.attempt(new, nth(key, number), request, &items).await? {
                Attempt::Held(held) => return Ok(Ok(held)),
                Attempt::Stored(asset) => return Ok(Err(asset)),
                Attempt::GivenUp => {}
            }
        }
        Err(UploadError::KeyInUse)
    }

    /// One attempt to hold what an upload asks for, under this reservation.
    async fn attempt(
        &self,
        new: &NewUpload,
        id: ReservationId,
        request: RequestHash,
        items: &Items,
    ) -> Result<Attempt, UploadError> {
        let now = self.now();
        let asset = AssetId::generate(new.kind, now, self.entropy.as_ref());
        let asked = Reserve {
            id,
            account: new.account,
            request,
            items: items.clone(),
            tally: None,
            expires_after: self.policy.reservation_ttl,
        };
        match retrying!(self.try_hold(&asked, asset, now))? {
            Reserved::Admitted(reservation) => Ok(Attempt::Held(Held {
                intent: UploadIntent {
                    asset,
                    account: new.account,
                    reservation: id,
                    deadline: reservation.expires_at,
                },
                reservation,
            })),
            Reserved::Denied(denial) => Err(UploadError::Denied(denial)),
            Reserved::KeyReused => Err(UploadError::KeyInUse),
            Reserved::Replayed(earlier) => match earlier.state {
                ReservationState::Committed => {
                    let stored = self.store.asset_of(new.account, id).await?;
                    stored.map(Attempt::Stored).ok_or(UploadError::KeyInUse)
                }
                ReservationState::Expired | ReservationState::Released => Ok(Attempt::GivenUp),
                ReservationState::Pending => Err(UploadError::KeyInUse),
            },
        }
    }

    async fn try_hold(
        &self,
        asked: &Reserve,
        asset: AssetId,
        now: Timestamp,
    ) -> Result<Reserved, StoreError> {
        let mut tx = self.store.begin().await?;
        let answer = self.store.reserve_in(&mut tx, asked, now).await?;
        if let Reserved::Admitted(reservation) = &answer {
            let deadline = reservation.expires_at;
            let intent = UploadIntent {
                asset,
                account: asked.account,
                reservation: asked.id,
                deadline,
            };
            self.store.begin_upload_in(&mut tx, &intent).await?;
        }
        self.store.finish(tx).await?;
        Ok(answer)
    }

    /// Streams the body into the object store while what is held grows and stays alive.
    async fn stream(
        &self,
        new: &NewUpload,
        held: &mut Held,
        mut body: Body,
    ) -> Result<Measured, UploadError> {
        let path = ObjectKey::new(new.account, held.intent.asset).to_path();
        let mut writer = ObjectWriter::new(self.objects.as_ref(), path);
        let outcome = self.pump(new, held, &mut body, &mut writer).await;
        match outcome {
            Ok(()) => Ok(writer.finish().await?),
            Err(error) => {
                if let Err(fault) = writer.abort().await {
                    tracing::warn!(asset = %held.intent.asset, %fault, "staged bytes are left for the janitor");
                }
                Err(error)
            }
        }
    }

    async fn pump(
        &self,
        new: &NewUpload,
        held: &mut Held,
        body: &mut Body,
        writer: &mut ObjectWriter<'_>,
    ) -> Result<(), UploadError> {
        while let Some(chunk) = body.next().await {
            let chunk = chunk?;
            let needed = writer.bytes().get().saturating_add(chunk.len() as u64);
            if needed > self.policy.largest_file_bytes {
                return Err(UploadError::TooLarge {
                    most_bytes: self.policy.largest_file_bytes,
                });
            }
            self.make_room(new, held, needed).await?;
            self.stay_alive(held).await?;
            writer.write(chunk).await?;
        }
        Ok(())
    }

    /// Grows the reservation when `needed` bytes do not fit it: to twice what it holds, or to what remains.
    async fn make_room(
        &self,
        new: &NewUpload,
        held: &mut Held,
        needed: u64,
    ) -> Result<(), UploadError> {
        let Some(dimension) = new.kind.storage_dimension() else {
            return Ok(());
        };
        let granted = held.reservation.amount_of(dimension).get();
        if needed <= granted {
            return Ok(());
        }
        let most = granted.saturating_mul(2).max(needed);
        let totals = items([Item::up_to(
            dimension,
            Amount::saturating(most),
            Amount::saturating(needed),
        )])?;
        let now = self.now();
        match retrying!(self.store.extend(held.reservation.id, &totals, now))? {
            Extended::Grown(reservation) => {
                held.reservation = reservation;
                Ok(())
            }
            Extended::Denied(denial) => Err(UploadError::Denied(denial)),
            Extended::Resolved(_) | Extended::Unknown => Err(UploadError::Expired),
        }
    }

    /// Puts the end of the reservation and of the intent off, once a third of their time is over.
    async fn stay_alive(&self, held: &mut Held) -> Result<(), UploadError> {
        let (ttl, now) = (self.policy.reservation_ttl, self.now());
        if held.intent.deadline.saturating_since(now) > ttl - ttl / 3 {
            return Ok(());
        }
        held.intent.deadline =
            retrying!(self.try_stay_alive(held.intent, now))?.ok_or(UploadError::Expired)?;
        Ok(())
    }

    async fn try_stay_alive(
        &self,
        intent: UploadIntent,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.store.begin().await?;
        let ttl = self.policy.reservation_ttl;
        let Some(deadline) = self
            .store
            .heartbeat_in(&mut tx, intent.reservation, ttl, now)
            .await?
        else {
            return Ok(None);
        };
        if !self
            .store
            .keep_upload_in(&mut tx, intent.asset, deadline)
            .await?
        {
            return Ok(None);
        }
        self.store.finish(tx).await?;
        Ok(Some(deadline))
    }

    /// Makes the asset and commits the reservation, in one transaction.
    pub(crate) async fn settle(
        &self,
        new: &NewUpload,
        held: Held,
        content_type: &str,
        measured: Measured,
        actual: &[(Dimension, Amount)],
    ) -> Result<Uploaded, UploadError> {
        let bytes = new
            .kind
            .storage_dimension()
            .map(|dimension| (dimension, measured.bytes));
        let actual: Vec<_> = bytes.into_iter().chain(actual.iter().copied()).collect();
        let asset = Asset {
            id: held.intent.asset,
            account: new.account,
            reservation: held.intent.reservation,
            file_name: new.file_name.clone(),
            content_type: content_type.to_owned(),
            bytes: measured.bytes.get(),
            sha256: measured.sha256,
            is_public: new.is_public,
            tags: new.tags.as_slice().to_vec(),
            created_at: self.now(),
        };
        match retrying!(self.try_settle(&asset, &actual)) {
            Ok(Settlement::Created) => Ok(Uploaded::Created(asset)),
            Ok(Settlement::AlreadyThere(winner)) => {
                self.give_up(held, UploadError::Expired).await;
                Ok(Uploaded::AlreadyThere(winner))
            }
            Ok(Settlement::Expired) => Err(self.give_up(held, UploadError::Expired).await),
            Err(error) if error.kind() == StoreErrorKind::Unknown => self.probe(asset, error).await,
            Err(error) => Err(self.give_up(held, error.into()).await),
        }
    }

    async fn try_settle(
        &self,
        asset: &Asset,
        actual: &[(Dimension, Amount)],
    ) -> Result<Settlement, StoreError> {
        let (now, id) = (asset.created_at, asset.reservation);
        let mut tx = self.store.begin().await?; // dropped without finish: undone
        match self.store.commit_in(&mut tx, id, actual, now).await? {
            Settled::Done(_) => {}
            Settled::Earlier(_) | Settled::Exceeds(_) | Settled::Unknown => {
                return Ok(Settlement::Expired);
            }
        }
        if let Some(winner) = self.store.insert_in(&mut tx, asset).await? {
            return Ok(Settlement::AlreadyThere(winner));
        }
        if !self.store.end_upload_in(&mut tx, asset.id).await? {
            return Ok(Settlement::Expired);
        }
        self.store.finish(tx).await?;
        Ok(Settlement::Created)
    }

    /// The answer of the commit was lost: either the asset is there, or the intent still is, and the janitor will undo the upload. Nothing is
    /// guessed and nothing is removed here.
    async fn probe(&self, asset: Asset, lost: StoreError) -> Result<Uploaded, UploadError> {
        match self.store.asset(asset.account, asset.id).await {
            Ok(Some(stored)) => Ok(Uploaded::Created(stored)),
            Ok(None) | Err(_) => Err(UploadError::Store(lost)),
        }
    }

    /// Undoes an upload: gives back what it holds, condemns its object, removes it. What fails here is left for the janitor, who finds the
    /// intent. Answers the error that was the reason.
    pub(crate) async fn give_up(&self, held: Held, reason: UploadError) -> UploadError {
        let undone = match retrying!(self.abandon(&held.intent)) {
            Ok(true) => self.bury(held.intent.account, held.intent.asset).await,
            Ok(false) => Ok(()),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = undone {
            tracing::warn!(asset = %held.intent.asset, %fault, "an upload is left for the janitor to undo");
        }
        reason
    }

    /// One transaction: release, end the intent, condemn the object; `false` when the upload was settled after all, and nothing is undone.
    ///
    /// The object is condemned also when somebody else has ended the intent: bytes may have come after he removed them.
    pub(crate) async fn abandon(&self, intent: &UploadIntent) -> Result<bool, StoreError> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let settled = self
            .store
            .release_in(&mut tx, intent.reservation, now)
            .await?;
        if matches!(settled, Settled::Earlier(held) if held.state == ReservationState::Committed) {
            return Ok(false);
        }
        self.store.end_upload_in(&mut tx, intent.asset).await?;
        let condemned = Condemned {
            asset: intent.asset,
            account: intent.account,
            since: now,
        };
        self.store.condemn_in(&mut tx, &condemned).await?;
        self.store.finish(tx).await?;
        Ok(true)
    }
}

/// What became of one attempt to hold quota.
enum Attempt {
    /// It was given up; the next one may begin.
    GivenUp,
    /// It is held.
    Held(Held),
    /// It has stored this already.
    Stored(Asset),
}

enum Settlement {
    AlreadyThere(Asset),
    Created,
    Expired,
}

/// One upload, as the day and the month count it.
pub(crate) fn one_upload() -> [Item; 2] {
    [Dimension::UploadsPerDay, Dimension::UploadsPerMonth]
        .map(|dimension| Item::exactly(dimension, Amount::ONE))
}

/// Collects items; a sum that leaves its range is a file that no server takes.
pub(crate) fn items(items: impl IntoIterator<Item = Item>) -> Result<Items, UploadError> {
    Items::new(items).map_err(|_| UploadError::TooLarge {
        most_bytes: Amount::MAX.get(),
    })
}

/// The reservation of the n-th attempt under a client's key.
fn nth(key: ReservationId, number: u32) -> ReservationId {
    if number == 0 {
        return key;
    }
    let digest = Sha256::new()
        .chain_update(key.as_bytes())
        .chain_update(number.to_be_bytes());
    let digest: [u8; 32] = digest.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    ReservationId::from_bytes(id)
}

/// How many attempts under one key are looked through before it counts as spent for the day.
const MOST_ATTEMPTS: u32 = 16;
