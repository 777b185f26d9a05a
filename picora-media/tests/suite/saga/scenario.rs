//! The use cases that every kind of trouble is tried on.

use futures::FutureExt;
use futures::future::BoxFuture;
use picora_core::{AssetId, MediaKind, StoreError, StoreErrorKind};
use picora_media::{Asset, Janitor, NewUpload, Tidied, UploadError, Uploaded};

use super::audit::stored;
use super::host::{Host, OWNER, TTL};
use super::requests::{chunked, created, image, live, new, png};
use super::sagas::poll;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    /// A document that is new.
    Document,
    /// An image in chunks whose reservation grows twice.
    GrowingImage,
    /// An image that said how long it is.
    KnownImage,
    /// Removing a document.
    RemoveDocument,
    /// Removing an image.
    RemoveImage,
    /// The janitor, when there is something to do of each kind.
    Tidy,
}

pub(super) enum Answer {
    Removed(Result<Option<Asset>, StoreError>),
    Tidied(Result<Tidied, StoreError>),
    Uploaded(Result<Uploaded, UploadError>),
}

impl Scenario {
    pub(super) const ALL: [Self; 6] = [
        Self::Document,
        Self::GrowingImage,
        Self::KnownImage,
        Self::RemoveDocument,
        Self::RemoveImage,
        Self::Tidy,
    ];
    pub(super) const UPLOADS: [Self; 3] = [Self::Document, Self::GrowingImage, Self::KnownImage];

    /// A host that is ready for it, with one asset stored that no scenario touches.
    pub(super) fn host(self) -> Host {
        let host = Host::new();
        created(host.upload(image(), chunked(&png(5_000), 4_096)));
        match self {
            Self::Document | Self::GrowingImage | Self::KnownImage => {}
            Self::RemoveDocument => {
                created(host.upload(new(MediaKind::Document), chunked(&DOCUMENT.into(), 7)));
            }
            Self::RemoveImage => {
                created(host.upload(image(), chunked(&png(REMOVED_BYTES), 4_096)));
            }
            Self::Tidy => leave_work(&host),
        }
        host
    }

    /// The use case as its caller holds it, on a host that is ready for it.
    pub(super) fn begin(self, host: &Host) -> BoxFuture<'static, Answer> {
        let media = host.media.clone();
        match self {
            Self::Document => {
                let body = chunked(&DOCUMENT.into(), 7);
                async move { Answer::Uploaded(media.upload(new(MediaKind::Document), body).await) }
                    .boxed()
            }
            Self::GrowingImage => {
                let body = chunked(&png(18_000), 4_096);
                async move { Answer::Uploaded(media.upload(image(), body).await) }.boxed()
            }
            Self::KnownImage => {
                let known = NewUpload {
                    bound_bytes: Some(9_050),
                    ..image()
                };
                let body = chunked(&png(9_000), 4_096);
                async move { Answer::Uploaded(media.upload(known, body).await) }.boxed()
            }
            Self::RemoveDocument => remove(host, |asset| asset.id.kind() == MediaKind::Document),
            Self::RemoveImage => remove(host, |asset| asset.bytes == REMOVED_BYTES as u64),
            Self::Tidy => async move { Answer::Tidied(Janitor::new(media).tidy().await) }.boxed(),
        }
    }
}

impl Answer {
    /// What an answer promises is so when everything rests.
    pub(super) fn assert_kept(&self, host: &Host, run: &dyn std::fmt::Debug) {
        let assets = stored(host);
        let exists = |id: AssetId| assets.iter().any(|asset| asset.id == id);
        match self {
            Self::Uploaded(Ok(Uploaded::Created(asset))) => assert!(exists(asset.id), "{run:?}"),
            Self::Uploaded(Ok(other)) => panic!("{run:?}: nothing was there before: {other:?}"),
            Self::Removed(Ok(Some(asset))) => assert!(!exists(asset.id), "{run:?}"),
            Self::Removed(Ok(None)) => panic!("{run:?}: there was one"),
            _ if self.is_unknown() || matches!(self, Self::Tidied(_)) => {}
            Self::Uploaded(Err(_)) => assert_eq!(assets.len(), 1, "{run:?}: stored all the same"),
            Self::Removed(Err(_)) => assert_eq!(assets.len(), 2, "{run:?}: removed all the same"),
            Self::Tidied(_) => {}
        }
    }

    pub(super) fn error(&self) -> Option<StoreErrorKind> {
        match self {
            Self::Removed(Err(error))
            | Self::Tidied(Err(error))
            | Self::Uploaded(Err(UploadError::Store(error))) => Some(error.kind()),
            _ => None,
        }
    }

    fn is_unknown(&self) -> bool {
        self.error() == Some(StoreErrorKind::Unknown)
    }
}

fn remove(host: &Host, which: impl Fn(&Asset) -> bool) -> BoxFuture<'static, Answer> {
    let media = host.media.clone();
    let asset = stored(host).into_iter().find(|asset| which(asset));
    let id = asset.expect("the scenario stored it").id;
    async move { Answer::Removed(media.remove(OWNER, id).await) }.boxed()
}

/// Leaves an upload that nobody finishes and an object that could not be removed.
fn leave_work(host: &Host) {
    let condemned = created(host.upload(image(), chunked(&png(4_500), 4_096)));
    host.objects.set_down(true);
    host.remove(condemned.id).unwrap();
    host.objects.set_down(false);
    let (sender, body) = live();
    sender.unbounded_send(png(4_500)).unwrap();
    let mut upload = Box::pin(host.media.upload(image(), body));
    for _ in 0..9 {
        assert!(poll(upload.as_mut()).is_pending());
        host.sagas.step();
    }
    host.sagas.crash();
    host.clock.advance(TTL);
}

const DOCUMENT: &str = "# Notes\n\n![one](one.png)\n";
const REMOVED_BYTES: usize = 6_000;
