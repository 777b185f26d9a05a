//! How the vendors differ.

use picora_core::Timestamp;

use super::{seal_cos, seal_oss};
use crate::answer::Refusal;
use crate::call::Call;
use crate::cloud::BUCKET;
use crate::keys::Keys;

/// The habits of a vendor.
#[derive(Debug)]
pub(crate) struct Habits {
    /// What its headers begin with.
    prefix: &'static str,
    /// The name that it gives itself.
    pub(super) server: &'static str,
    /// Its headers that are known, without the prefix; those of the user's own are known by themselves.
    pub(super) headers: &'static [&'static str],
    /// The names in queries that are known.
    pub(super) queries: &'static [&'static str],
    /// The class of what names none.
    pub(super) standard: &'static str,
    /// All classes.
    pub(super) classes: &'static [&'static str],
    /// Those that are read after a restore only.
    pub(super) archives: &'static [&'static str],
    /// Whether the standard class is told.
    pub(super) tells_standard: bool,
    /// Whether entity tags are in lower case.
    pub(super) small_tags: bool,
    /// Whether a refusal's document is repeated in a header, for answers to HEAD have no other.
    pub(super) repeats_errors: bool,
    /// What replaces headers in a copy.
    pub(super) replaces: &'static str,
    /// Whether a copy onto itself takes its headers from the request, whatever it says.
    pub(super) self_copy_drops: bool,
    /// Whether a copy onto itself that keeps its headers is refused.
    pub(super) self_copy_must_replace: bool,
    /// The largest object that one copy takes.
    pub(super) largest_copy: u64,
    /// The bytes that every part but the last has at least.
    pub(crate) smallest_part: usize,
    /// Whether a restore must say for how many days and at which speed. (It need not send the digest of its document: the vendor's own
    /// client does not.)
    pub(super) restores_in_full: bool,
    /// What is answered to a restore of something that is not archived.
    pub(super) not_archived: (u16, &'static str),
    /// Whether a request is signed.
    pub(super) seal: fn(&Call, &Keys, Timestamp) -> Result<(), Refusal>,
    /// The bucket of a host; where there is none it stands in the path.
    bucket_of: fn(&str) -> Option<String>,
}

impl Habits {
    /// A header's name.
    pub(super) fn name(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    /// One of its headers in a request.
    pub(super) fn header<'c>(&self, call: &'c Call, rest: &str) -> Option<&'c str> {
        call.header(&self.name(rest))
    }

    /// What the user's own headers begin with.
    pub(super) fn meta(&self) -> String {
        self.name("meta-")
    }

    /// The bucket of a host.
    pub(crate) fn bucket_of(&self, host: &str) -> Option<String> {
        (self.bucket_of)(host)
    }

    /// Whether this class is read after a restore only.
    pub(super) fn is_archive(&self, class: &str) -> bool {
        self.archives.contains(&class)
    }

    /// MD5 as an object that was put whole is named.
    pub(super) fn etag(&self, bytes: &[u8]) -> String {
        self.cased(crate::object::etag(bytes))
    }

    /// A name in upper case, as the vendor writes it.
    pub(super) fn cased(&self, tag: String) -> String {
        if self.small_tags {
            tag.to_lowercase()
        } else {
            tag
        }
    }
}

/// Aliyun's.
pub(crate) const OSS: Habits = Habits {
    prefix: "x-oss-",
    server: "AliyunOSS",
    headers: &[
        "content-sha256",
        "copy-source",
        "copy-source-if-match",
        "copy-source-if-modified-since",
        "copy-source-if-none-match",
        "copy-source-if-unmodified-since",
        "date",
        "forbid-overwrite",
        "metadata-directive",
        "security-token",
        "storage-class",
        "user-agent",
    ],
    queries: &[
        "continuation-token",
        "delete",
        "delimiter",
        "encoding-type",
        "fetch-owner",
        "list-type",
        "marker",
        "max-keys",
        "objectMeta",
        "partNumber",
        "prefix",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "start-after",
        "uploadId",
        "uploads",
        "x-oss-additional-headers",
        "x-oss-credential",
        "x-oss-date",
        "x-oss-expires",
        "x-oss-security-token",
        "x-oss-signature",
        "x-oss-signature-version",
    ],
    standard: "Standard",
    classes: &[
        "Standard",
        "IA",
        "Archive",
        "ColdArchive",
        "DeepColdArchive",
    ],
    archives: &["Archive", "ColdArchive", "DeepColdArchive"],
    tells_standard: true,
    small_tags: false,
    repeats_errors: true,
    replaces: "REPLACE",
    self_copy_drops: true,
    self_copy_must_replace: false,
    largest_copy: 1 << 30,
    smallest_part: 100 << 10,
    restores_in_full: false,
    not_archived: (400, "OperationNotSupported"),
    seal: seal_oss::verify,
    bucket_of: |host| {
        if host == OWN_DOMAIN {
            return Some(BUCKET.to_owned());
        }
        let (bucket, rest) = host.split_once('.')?;
        rest.starts_with("oss-").then(|| bucket.to_owned())
    },
};

/// Tencent's. Every host is the bucket's: the vendor's, or a domain of one's own.
pub(crate) const COS: Habits = Habits {
    prefix: "x-cos-",
    server: "tencent-cos",
    headers: &[
        "copy-source",
        "copy-source-if-match",
        "copy-source-if-modified-since",
        "copy-source-if-none-match",
        "copy-source-if-unmodified-since",
        "forbid-overwrite",
        "metadata-directive",
        "security-token",
        "storage-class",
    ],
    queries: &[
        "delete",
        "delimiter",
        "encoding-type",
        "marker",
        "max-keys",
        "partNumber",
        "prefix",
        "q-ak",
        "q-header-list",
        "q-key-time",
        "q-sign-algorithm",
        "q-sign-time",
        "q-signature",
        "q-url-param-list",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "uploadId",
        "uploads",
        "x-cos-security-token",
    ],
    standard: "STANDARD",
    classes: &[
        "STANDARD",
        "STANDARD_IA",
        "INTELLIGENT_TIERING",
        "ARCHIVE",
        "DEEP_ARCHIVE",
        "MAZ_STANDARD",
        "MAZ_STANDARD_IA",
    ],
    archives: &["ARCHIVE", "DEEP_ARCHIVE"],
    tells_standard: false,
    small_tags: true,
    repeats_errors: false,
    replaces: "Replaced",
    self_copy_drops: false,
    self_copy_must_replace: true,
    largest_copy: 5 << 30,
    smallest_part: 1 << 20,
    restores_in_full: true,
    not_archived: (405, "MethodNotAllowed"),
    seal: seal_cos::verify,
    bucket_of: |_| Some(BUCKET.to_owned()),
};

/// A domain of one's own that is bound to the bucket: the one name that leads to this machine everywhere.
const OWN_DOMAIN: &str = "localhost";
