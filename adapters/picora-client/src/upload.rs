//! A file on its way to the server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::{self, Stream};
use picora_core::{Entropy, MediaKind};
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::error::Error;

/// What to upload, and how the server shall keep it.
///
/// ```
/// use picora_client::Upload;
/// use picora_core::MediaKind;
/// let upload = Upload::new("cat.gif", MediaKind::Image).tag("pets").private();
/// ```
#[derive(Clone)]
pub struct Upload {
    pub(crate) path: PathBuf,
    pub(crate) kind: MediaKind,
    file_name: Option<String>,
    tags: Vec<String>,
    is_public: bool,
    idempotency_key: Option<String>,
    progress: Option<Progress>,
}

/// One attempt to send a file: how far it is, and whether the file itself broke off.
#[derive(Debug, Default)]
pub(crate) struct Journey {
    pub(crate) moved: AtomicU64,
    fault: Mutex<Option<std::io::Error>>,
}

/// Is told how many of how many bytes are on their way. When an attempt is repeated, it begins at 0 again.
pub type Progress = Arc<dyn Fn(u64, u64) + Send + Sync>;

impl Upload {
    /// The file at a path, of this kind, public and without tags. The server takes the file's name for its own.
    pub fn new(path: impl Into<PathBuf>, kind: MediaKind) -> Self {
        Self {
            path: path.into(),
            kind,
            file_name: None,
            tags: Vec::new(),
            is_public: true,
            idempotency_key: None,
            progress: None,
        }
    }

    /// With one more tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// For its owner, and for those who get a signed address from him.
    #[must_use]
    pub const fn private(mut self) -> Self {
        self.is_public = false;
        self
    }

    /// Under another name than the file's.
    #[must_use]
    pub fn named(mut self, file_name: impl Into<String>) -> Self {
        self.file_name = Some(file_name.into());
        self
    }

    /// Under a key of the caller's own, so that the upload can be repeated by another process: 1 to 200 visible ASCII characters. Without
    /// one, each call has a fresh key, and only its own attempts are recognised.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// Tells of its progress.
    #[must_use]
    pub fn progress(mut self, told: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(told));
        self
    }

    /// The key of this call's attempts.
    pub(crate) fn key(&self, entropy: &dyn Entropy) -> Result<String, Error> {
        let Some(key) = &self.idempotency_key else {
            let mut bytes = [0; 16];
            entropy.fill(&mut bytes);
            return Ok(format!("{:032x}", u128::from_be_bytes(bytes)));
        };
        let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if key.is_empty() || key.len() > LONGEST_KEY || !visible {
            return Err(Error::Request(
                "an idempotency key is 1 to 200 visible ASCII characters".to_owned(),
            ));
        }
        Ok(key.clone())
    }

    /// The form of one attempt. The file is opened anew each time, and read while it is sent.
    ///
    /// **Errors**: [`Error::File`].
    pub(crate) async fn form(&self, journey: &Arc<Journey>) -> Result<Form, Error> {
        let (file, length) = open(&self.path)
            .await
            .map_err(|source| self.unread(source))?;
        let (on_its_way, progress) = (journey.clone(), self.progress.clone());
        let journey = journey.clone();
        let remember = move |error: &std::io::Error| journey.break_off(error);
        let told = move |sent: u64| {
            on_its_way.moved.store(sent, Ordering::Relaxed);
            if let Some(progress) = &progress {
                progress(sent, length);
            }
        };
        told(0);
        let body = Body::wrap_stream(pieces(file, length, told).inspect_err(remember));
        let part = Part::stream_with_length(body, length).file_name(self.name());
        // Names go as they are, in UTF-8: RFC 7578 §4.2 forbids `filename*` in forms.
        let form = Form::new().percent_encode_noop();
        let form = self
            .tags
            .iter()
            .fold(form, |form, tag| form.text("tags", tag.clone()));
        let form = if self.is_public {
            form
        } else {
            form.text("is_public", "false")
        };
        Ok(form.part("file", part))
    }

    /// The error of a file that cannot be read.
    pub(crate) fn unread(&self, source: std::io::Error) -> Error {
        Error::File {
            path: self.path.clone(),
            source,
        }
    }

    fn name(&self) -> String {
        let of_path = || {
            self.path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        let name = self.file_name.clone().or_else(of_path).unwrap_or_default();
        name.chars().filter(|it| !it.is_control()).collect()
    }
}

impl Journey {
    fn break_off(&self, error: &std::io::Error) {
        let copy = std::io::Error::new(error.kind(), error.to_string());
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy);
    }

    /// Why the file could not be read to its end, if that is why the attempt failed.
    pub(crate) fn fault(&self) -> Option<std::io::Error> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = (&self.path, self.kind, &self.tags, self.is_public);
        f.debug_tuple("Upload")
            .field(&known)
            .finish_non_exhaustive()
    }
}

/// The kind that a file's name promises; none when it promises nothing that the host stores. The server looks at the content.
///
/// ```
/// use picora_client::kind_of;
/// use picora_core::MediaKind;
/// assert_eq!(kind_of("a/cat.GIF".as_ref()), Some(MediaKind::Image));
/// assert_eq!(kind_of("README.md".as_ref()), Some(MediaKind::Document));
/// assert_eq!(kind_of("cat".as_ref()), None);
/// ```
#[must_use]
pub fn kind_of(path: &Path) -> Option<MediaKind> {
    let mime = mime_guess::from_path(path).first()?;
    match (mime.type_().as_str(), mime.subtype().as_str()) {
        ("image", _) => Some(MediaKind::Image),
        ("video", _) => Some(MediaKind::Video),
        ("audio", _) => Some(MediaKind::Audio),
        ("text", "markdown" | "plain") => Some(MediaKind::Document),
        _ => None,
    }
}

async fn open(path: &Path) -> std::io::Result<(File, u64)> {
    let known = tokio::fs::metadata(path).await?; // before it is opened: opening a pipe would wait for its writer
    if !known.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let file = File::open(path).await?;
    let length = file.metadata().await?.len();
    if length == 0 {
        return Err(std::io::Error::other(
            "it is empty, and the host stores no empty files",
        ));
    }
    Ok((file, length))
}

/// The file's first `length` bytes, in pieces. A file that became shorter fails; what was added to it meanwhile is not sent.
fn pieces(
    file: File,
    length: u64,
    told: impl Fn(u64),
) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::unfold(Some((file, told, 0)), move |state| async move {
        let (mut file, told, sent) = state?;
        if sent == length {
            return None;
        }
        match piece(&mut file, length - sent).await {
            Ok(piece) => {
                let sent = sent + piece.len() as u64;
                told(sent);
                Some((Ok(piece), Some((file, told, sent))))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
}

async fn piece(file: &mut File, left: u64) -> std::io::Result<Bytes> {
    let most = left.min(PIECE_BYTES);
    let mut piece = Vec::with_capacity(usize::try_from(most).unwrap_or_default());
    match file.take(most).read_to_end(&mut piece).await? {
        0 => Err(std::io::Error::other("it became shorter while it was read")),
        _ => Ok(piece.into()),
    }
}

/// Large enough that the disk is not asked often, small enough that progress is seen.
const PIECE_BYTES: u64 = 64 << 10;
const LONGEST_KEY: usize = 200;
