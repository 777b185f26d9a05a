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
    pub(super) prefix: &'static str,
    /// The header by which it numbers its answers.
    pub(super) request_id: &'static str,
    /// Whether errors say more than their code and a sentence.
    pub(super) tells_of_errors: bool,
    /// The name that it gives itself.
    pub(super) server: &'static str,
    /// Its headers that are known, without the prefix; those of the user's own are known by themselves.
    pub(super) headers: &'static [&'static str],
    /// The names in queries that are known.
    pub(super) queries: &'static [&'static str],
    /// Headers and names in queries that only some of its operations take, in full.
    pub(super) only: &'static [(&'static str, &'static [&'static str])],
    /// Its names for operations that the others call otherwise: theirs, its own.
    pub(super) renamed: &'static [(&'static str, &'static str)],
    /// What is answered to a header or query that it does not know.
    pub(super) unknown: (u16, &'static str),
    /// What is answered to an operation that it does not know.
    pub(super) no_such_operation: (u16, &'static str),
    /// Bounds of its own on any request.
    pub(super) bounds: fn(&Call) -> Result<(), Refusal>,
    /// The class of what names none.
    pub(super) standard: &'static str,
    /// All classes.
    pub(super) classes: &'static [&'static str],
    /// What is answered to another one.
    pub(super) no_such_class: &'static str,
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
    /// What replaces only those headers in a copy that the request has.
    pub(super) merges: Option<&'static str>,
    /// What becomes of a copy onto itself.
    pub(super) self_copy: SelfCopy,
    /// Whether a copy is named after its bytes, also that of an object which was named after its parts.
    pub(super) copy_is_named_anew: bool,
    /// The largest object that one copy takes.
    pub(super) largest_copy: u64,
    /// The bytes that every part but the last has at least.
    pub(crate) smallest_part: usize,
    /// Whether all parts but the last have the same size, and the last is no larger.
    pub(super) equal_parts: bool,
    /// Whether what is written may depend on what is there (HTTP's own headers; those for the destination of a copy are Cloudflare's).
    pub(super) conditional_writes: bool,
    /// Whether every answer has the CRC-64/XZ of its object; else those who ask get the checksum that the uploader gave.
    pub(super) tells_crc64: bool,
    /// What is answered to a body that is not the one of its checksum.
    pub(super) digest_differs: &'static str,
    /// Whether a deletion of many must have its digest by MD5; else any checksum will do.
    pub(super) deletes_by_md5: bool,
    /// Whether a range outside of the object is refused rather than ignored.
    pub(super) ranges_must_fit: bool,
    /// The header, and what it says, of those who want a range cut to the object as HTTP has it; to all others a range that ends outside is
    /// ignored. `None` where that is what everybody gets.
    pub(super) cuts_ranges_for: Option<(&'static str, &'static str)>,
    /// Entries of a page, when the request does not say; more than 1,000 are refused, or are 1,000.
    pub(super) page: usize,
    /// Whether a request may ask for pages that are larger than there are.
    pub(super) pages_shrink: bool,
    /// Whether a restore must say for how many days and at which speed. (It need not send the digest of its document: the vendor's own
    /// client does not.)
    pub(super) restores_in_full: bool,
    /// What is answered to a restore of something that is not archived.
    pub(super) not_archived: (u16, &'static str),
    /// Whether a request is signed.
    pub(super) seal: fn(&Call, &Keys, Timestamp) -> Result<(), Refusal>,
    /// The key in a copy's source, when the bucket before it is ours.
    pub(super) copied_key: fn(&str) -> Option<&str>,
    /// The bucket of a host; where there is none it stands in the path.
    pub(super) bucket_of: fn(&str) -> Option<String>,
}

/// What becomes of a copy onto itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SelfCopy {
    /// It takes its headers from the request, whatever it says.
    Drops,
    /// It is refused unless it replaces the headers.
    MustReplace,
    /// It is refused unless it replaces the headers or changes the class.
    MustChange,
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

    /// Whether an operation takes this header. Those that are neither the vendor's own nor listed are HTTP's; no other vendor's are taken.
    pub(super) fn takes_header(&self, operation: &str, name: &str) -> bool {
        let own = name.strip_prefix(self.prefix);
        let listed = match own {
            Some(rest) => name.starts_with(&self.meta()) || self.headers.contains(&rest),
            None => !name.starts_with(CLOUDFLARE) && !name.starts_with("x-"),
        };
        self.only_for(name)
            .map_or(listed, |only| only.contains(&operation))
    }

    /// Whether an operation takes this name in its query.
    pub(super) fn takes_query(&self, operation: &str, name: &str) -> bool {
        let listed = self.queries.contains(&name);
        self.only_for(name)
            .map_or(listed, |only| only.contains(&operation))
    }

    fn only_for(&self, name: &str) -> Option<&'static [&'static str]> {
        let mut only = self.only.iter();
        only.find(|(it, _)| *it == name).map(|(_, only)| *only)
    }

    /// Whether objects of this class are restored at this speed.
    pub(super) fn restores_at(&self, class: &str, speed: &str) -> bool {
        match speed {
            "Standard" | "Bulk" => true,
            "Expedited" => !class.to_ascii_uppercase().starts_with("DEEP"),
            _ => false,
        }
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
    request_id: "x-oss-request-id",
    tells_of_errors: true,
    server: "AliyunOSS",
    headers: &[
        "content-sha256",
        "copy-source",
        "copy-source-if-match",
        "copy-source-if-modified-since",
        "copy-source-if-none-match",
        "copy-source-if-unmodified-since",
        // The client for Node sends the headers of a copy twice, once behind this; the vendor's own examples of moves do so.
        "copy-source-content-type",
        "copy-source-x-oss-storage-class",
        "date",
        "forbid-overwrite",
        "metadata-directive",
        "range-behavior",
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
    only: &[],
    renamed: &[],
    unknown: (400, "InvalidArgument"),
    no_such_operation: (405, "MethodNotAllowed"),
    bounds: |call| bounded(call, "x-oss-meta-", 1_023, 8 << 10),
    standard: "Standard",
    classes: &[
        "Standard",
        "IA",
        "Archive",
        "ColdArchive",
        "DeepColdArchive",
    ],
    no_such_class: "InvalidArgument",
    archives: &["Archive", "ColdArchive", "DeepColdArchive"],
    tells_standard: true,
    small_tags: false,
    repeats_errors: true,
    replaces: "REPLACE",
    merges: None,
    self_copy: SelfCopy::Drops,
    copy_is_named_anew: false,
    largest_copy: 1 << 30,
    smallest_part: 100 << 10,
    equal_parts: false,
    conditional_writes: false,
    tells_crc64: true,
    digest_differs: "InvalidDigest",
    deletes_by_md5: true,
    ranges_must_fit: false,
    cuts_ranges_for: Some(("range-behavior", "standard")),
    page: 100,
    pages_shrink: false,
    restores_in_full: false,
    not_archived: (400, "OperationNotSupported"),
    seal: seal_oss::verify,
    copied_key: |source| {
        source
            .strip_prefix('/')?
            .strip_prefix(BUCKET)?
            .strip_prefix('/')
    },
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
    request_id: "x-cos-request-id",
    tells_of_errors: true,
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
    only: &[],
    renamed: &[],
    unknown: (400, "InvalidArgument"),
    no_such_operation: (405, "MethodNotAllowed"),
    bounds: |call| bounded(call, "x-cos-meta-", 850, 2 << 10),
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
    no_such_class: "InvalidArgument",
    archives: &["ARCHIVE", "DEEP_ARCHIVE"],
    tells_standard: false,
    small_tags: true,
    repeats_errors: false,
    replaces: "Replaced",
    merges: None,
    self_copy: SelfCopy::MustReplace,
    copy_is_named_anew: false,
    largest_copy: 5 << 30,
    smallest_part: 1 << 20,
    equal_parts: false,
    conditional_writes: false,
    tells_crc64: true,
    digest_differs: "InvalidDigest",
    deletes_by_md5: true,
    ranges_must_fit: false,
    cuts_ranges_for: None,
    page: 100,
    pages_shrink: false,
    restores_in_full: true,
    not_archived: (405, "MethodNotAllowed"),
    seal: seal_cos::verify,
    copied_key: |source| {
        let (host, key) = source.split_once('/')?;
        let (bucket, place) = host.split_once(".cos.")?;
        let owner = bucket.strip_prefix(BUCKET)?.strip_prefix('-')?;
        let place = place.strip_suffix(".myqcloud.com")?;
        let named = owner.bytes().all(|it| it.is_ascii_digit()) && !owner.is_empty();
        (named && place == PLACE_COS).then_some(key)
    },
    bucket_of: |_| Some(BUCKET.to_owned()),
};

/// Where the bucket lies at Tencent.
const PLACE_COS: &str = "ap-guangzhou";

/// Keys have at most so many bytes, and the user's own headers all together.
fn bounded(call: &Call, meta: &str, key: usize, headers: usize) -> Result<(), Refusal> {
    if call.key.len() > key {
        let message = "The specified object is not valid: its name is too long.";
        return Err(Refusal::new(400, "InvalidObjectName", message));
    }
    let own = call.headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(meta)?;
        Some(name.len() + value.len())
    });
    if own.sum::<usize>() > headers {
        let message = "Your metadata headers exceed the maximum allowed metadata size.";
        return Err(Refusal::new(400, "MetadataTooLarge", message));
    }
    Ok(())
}

/// A domain of one's own that is bound to the bucket: the one name that leads to this machine everywhere.
const OWN_DOMAIN: &str = "localhost";

/// What headers begin with that Cloudflare adds to the S3 dialect.
const CLOUDFLARE: &str = "cf-";
