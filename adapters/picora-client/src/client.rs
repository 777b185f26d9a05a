//! The client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::Stream;
use http::Method;
use http::header::AUTHORIZATION;
use picora_core::{AssetId, MediaKind};
use reqwest::{RequestBuilder, Url};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::answer::Answer;
use crate::backoff::Setback;
use crate::error::{Error, SettingError};
use crate::retry::{IDEMPOTENCY_KEY, Retry, Trouble};
use crate::retry_after::RetryAfter;
use crate::setting::{ApiKey, Options, ServerUrl};
use crate::shapes::{Identity, Page, Resource, Usage};
use crate::turn::{Turns, repeat};
use crate::upload::{Journey, Upload};

/// A client of one host with one key. Cloning it is cheap, and clones share connections and take turns when they are limited.
#[derive(Clone, Debug)]
pub struct Picora(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    url: ServerUrl,
    authorization: http::HeaderValue,
    options: Options,
    retry: Retry,
    reads: Turns,
    uploads: Turns,
    changes: Turns,
}

/// Which resources to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// How many at once: 1 to 100; the server's default without it.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only those with this tag.
    pub tag: Option<String>,
}

impl Picora {
    /// A client of the host at `url`, with the default patience.
    ///
    /// **Errors**: [`SettingError`].
    pub fn new(url: ServerUrl, key: &ApiKey) -> Result<Self, SettingError> {
        Self::with(url, key, Options::default())
    }

    /// The same with a patience of the caller's own.
    pub fn with(url: ServerUrl, key: &ApiKey, options: Options) -> Result<Self, SettingError> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(options.connect_within)
            .user_agent(concat!("picora-client/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| SettingError::Tls(error.to_string()))?;
        Ok(Self(Arc::new(Inner {
            http,
            url,
            authorization: key.header()?,
            retry: Retry::new(options.retry.clone()),
            options,
            reads: Turns::default(),
            uploads: Turns::default(),
            changes: Turns::default(),
        })))
    }

    /// Uploads a file. It is streamed, so that memory does not grow with it.
    ///
    /// Each call has an idempotency key, so that an attempt whose answer was lost is repeated without being stored or counted twice. A denial
    /// by quota is kept by the server under its key; the attempt after it, which nothing was stored under, has the next key.
    /// **Errors**: [`Error`]; after one other than [`Error::Lost`] and [`Error::TimedOut`] nothing is stored.
    pub async fn upload(&self, upload: &Upload) -> Result<Resource, Error> {
        let key = upload.key(self.0.retry.entropy())?;
        let url = self.0.url.at(&["v1", collection(upload.kind)]);
        let (mut denied, mut lost) = (0_u32, false);
        repeat(&self.0.retry, &self.0.uploads, true, async |retries| {
            let key = if denied == 0 {
                key.clone()
            } else {
                format!("{key}.{denied}")
            };
            let journey = Arc::new(Journey::default());
            let form = match upload.form(&journey).await {
                Ok(form) => form,
                Err(error) => return (Err(error), None),
            };
            let request = self
                .request(Method::POST, url.clone())
                .header(IDEMPOTENCY_KEY, key)
                .multipart(form);
            let sent = self.send(request, &journey.moved).await;
            if let Some(fault) = journey.fault() {
                return (Err(upload.unread(fault)), None);
            }
            // The attempt before may still be at work, and its key is taken until then.
            let busy = lost
                && sent
                    .as_ref()
                    .is_ok_and(|answer| answer.status == http::StatusCode::CONFLICT);
            denied += u32::from(sent.as_ref().is_ok_and(Answer::is_quota_denial));
            lost |= sent.is_err();
            let trouble = if busy {
                Some(UNKNOWN)
            } else {
                self.trouble(&sent)
            };
            (sent.and_then(|answer| answer.data(retries + 1)), trouble)
        })
        .await
    }

    /// One page of a kind, the newest first.
    pub async fn list(&self, kind: MediaKind, query: &ListQuery) -> Result<Page, Error> {
        let mut url = self.0.url.at(&["v1", collection(kind)]);
        let limit = query.limit.map(|limit| limit.to_string());
        let pairs = [
            ("limit", &limit),
            ("cursor", &query.cursor),
            ("tag", &query.tag),
        ];
        for (name, value) in pairs {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        self.call(Method::GET, url).await
    }

    /// Everything of a kind, the newest first, page by page; it ends after an error.
    pub fn list_all(
        &self,
        kind: MediaKind,
        query: ListQuery,
    ) -> impl Stream<Item = Result<Resource, Error>> {
        let pages = futures::stream::unfold(Some(query), move |state| async move {
            let query = state?;
            match self.list(kind, &query).await {
                Ok(page) => {
                    // A cursor that stands still would list for ever.
                    let next = page
                        .next_cursor
                        .filter(|it| Some(it) != query.cursor.as_ref());
                    let next = next.map(|cursor| ListQuery {
                        cursor: Some(cursor),
                        ..query
                    });
                    Some((page.items.into_iter().map(Ok).collect::<Vec<_>>(), next))
                }
                Err(error) => Some((vec![Err(error)], None)),
            }
        });
        futures::StreamExt::flat_map(pages, futures::stream::iter)
    }

    /// One resource.
    pub async fn resource(&self, id: AssetId) -> Result<Resource, Error> {
        self.call(Method::GET, self.address_of(id)).await
    }

    /// Deletes a resource; its quota is free at once.
    ///
    /// When the answer of an attempt was lost and the next one does not find the resource, it is deleted: that is no error then.
    pub async fn delete(&self, id: AssetId) -> Result<(), Error> {
        let url = self.address_of(id);
        let mut lost = false;
        repeat(&self.0.retry, &self.0.changes, true, async |retries| {
            let sent = self
                .send(
                    self.request(Method::DELETE, url.clone()),
                    &AtomicU64::new(0),
                )
                .await;
            let trouble = self.trouble(&sent);
            let gone = lost
                && sent
                    .as_ref()
                    .is_ok_and(|it| it.status == http::StatusCode::NOT_FOUND);
            lost |= sent.is_err();
            if gone {
                return (Ok(()), None);
            }
            let data = sent.and_then(|answer| answer.data::<IgnoredAny>(retries + 1));
            (data.map(drop), trouble)
        })
        .await
    }

    /// What the account uses, and may.
    pub async fn usage(&self) -> Result<Usage, Error> {
        self.call(Method::GET, self.0.url.at(&["v1", "user", "me", "usage"]))
            .await
    }

    /// Who the key belongs to.
    pub async fn verify(&self) -> Result<Identity, Error> {
        self.call(Method::GET, self.0.url.at(&["v1", "auth", "verify"]))
            .await
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, url: Url) -> Result<T, Error> {
        repeat(&self.0.retry, &self.0.reads, true, async |retries| {
            let sent = self
                .send(
                    self.request(method.clone(), url.clone()),
                    &AtomicU64::new(0),
                )
                .await;
            let trouble = self.trouble(&sent);
            (sent.and_then(|answer| answer.data(retries + 1)), trouble)
        })
        .await
    }

    fn address_of(&self, id: AssetId) -> Url {
        self.0
            .url
            .at(&["v1", collection(id.kind()), &id.to_string()])
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.0
            .http
            .request(method, url)
            .header(AUTHORIZATION, self.0.authorization.clone())
    }

    /// Sends a request and reads its answer, while something moves.
    async fn send(&self, request: RequestBuilder, moved: &AtomicU64) -> Result<Answer, Error> {
        let within = self.0.options.answer_within;
        let exchange = async { Answer::read(request.send().await?).await };
        while_it_moves(within, moved, exchange)
            .await
            .ok_or(Error::TimedOut { within })?
            .map_err(reqwest::Error::without_url)
            .map_err(|error| {
                if error.is_connect() {
                    Error::Unreachable(error)
                } else {
                    Error::Lost(error)
                }
            })
    }

    /// What to do about an attempt. Whoever cannot be reached is not asked again: nothing was sent, and waiting seldom mends an address.
    fn trouble(&self, sent: &Result<Answer, Error>) -> Option<Trouble> {
        match sent {
            Ok(answer) => self.0.retry.trouble(answer.status, &answer.headers),
            Err(Error::Lost(_) | Error::TimedOut { .. }) => Some(UNKNOWN),
            Err(_) => None,
        }
    }
}

/// Waits for a future as long as `moved` changes within each `span`; `None` when it stood still.
async fn while_it_moves<T>(
    span: Duration,
    moved: &AtomicU64,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut seen = moved.load(Ordering::Relaxed);
    loop {
        if let Ok(done) = tokio::time::timeout(span, &mut future).await {
            return Some(done);
        }
        let now = moved.load(Ordering::Relaxed);
        if now == seen {
            return None;
        }
        seen = now;
    }
}

/// The word in the path.
const fn collection(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "images",
        MediaKind::Video => "videos",
        MediaKind::Audio => "audio",
        MediaKind::Document => "docs",
    }
}

const UNKNOWN: Trouble = Trouble {
    setback: Setback::Unknown,
    retry_after: RetryAfter::Absent,
};
