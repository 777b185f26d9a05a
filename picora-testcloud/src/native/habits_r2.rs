//! Cloudflare's habits.
//!
//! **Source**: its pages "S3 API compatibility" (what each operation takes), "Extensions" (conditions of copies, `MERGE`, what is ASCII),
//! "Error codes", "Multipart upload" and "Limits".

use http::Method;

use super::habits::{Habits, SelfCopy};
use super::seal_r2;
use crate::answer::Refusal;
use crate::call::Call;
use crate::cloud::BUCKET;

/// Cloudflare's. It has no operation that restores: its colder class is read as the other one.
pub(crate) const R2: Habits = Habits {
    prefix: "x-amz-",
    request_id: "cf-ray",
    tells_of_errors: false,
    server: "cloudflare",
    headers: &["content-sha256", "date", "security-token", "user-agent"],
    queries: &[
        "X-Amz-Algorithm",
        "X-Amz-Content-Sha256",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "x-id",
    ],
    only: &[
        ("cf-copy-destination-if-match", COPIES),
        ("cf-copy-destination-if-modified-since", COPIES),
        ("cf-copy-destination-if-none-match", COPIES),
        ("cf-copy-destination-if-unmodified-since", COPIES),
        ("continuation-token", LISTS),
        ("delete", &["DeleteObjects"]),
        ("delimiter", LISTS),
        ("encoding-type", LISTS),
        ("fetch-owner", LISTS),
        ("if-match", CONDITIONAL),
        ("if-modified-since", CONDITIONAL),
        ("if-none-match", CONDITIONAL),
        ("if-unmodified-since", CONDITIONAL),
        ("list-type", LISTS),
        ("marker", LISTS),
        ("max-keys", LISTS),
        ("partNumber", &["UploadPart"]),
        ("prefix", LISTS),
        ("response-cache-control", READS),
        ("response-content-disposition", READS),
        ("response-content-encoding", READS),
        ("response-content-language", READS),
        ("response-content-type", READS),
        ("response-expires", READS),
        ("start-after", LISTS),
        ("uploadId", UPLOADS),
        ("uploads", &["CreateMultipartUpload"]),
        ("x-amz-checksum-algorithm", &["CreateMultipartUpload"]),
        ("x-amz-checksum-crc32", CHECKED),
        ("x-amz-checksum-crc32c", CHECKED),
        ("x-amz-checksum-crc64nvme", CHECKED),
        ("x-amz-checksum-mode", READS),
        ("x-amz-checksum-sha1", CHECKED),
        ("x-amz-checksum-sha256", CHECKED),
        (
            "x-amz-checksum-type",
            &["CompleteMultipartUpload", "CreateMultipartUpload"],
        ),
        ("x-amz-copy-source", COPIES),
        ("x-amz-copy-source-if-match", COPIES),
        ("x-amz-copy-source-if-modified-since", COPIES),
        ("x-amz-copy-source-if-none-match", COPIES),
        ("x-amz-copy-source-if-unmodified-since", COPIES),
        ("x-amz-metadata-directive", COPIES),
        (
            "x-amz-sdk-checksum-algorithm",
            &["DeleteObjects", "PutObject", "UploadPart"],
        ),
        (
            "x-amz-storage-class",
            &["CopyObject", "CreateMultipartUpload", "PutObject"],
        ),
    ],
    renamed: &[
        ("DeleteMultipleObjects", "DeleteObjects"),
        ("InitiateMultipartUpload", "CreateMultipartUpload"),
    ],
    unknown: NOT_IMPLEMENTED,
    no_such_operation: NOT_IMPLEMENTED,
    bounds,
    copied_key: |source| {
        let source = source.strip_prefix('/').unwrap_or(source);
        source.strip_prefix(BUCKET)?.strip_prefix('/')
    },
    standard: "STANDARD",
    classes: &["STANDARD", "STANDARD_IA"],
    no_such_class: "InvalidStorageClass",
    archives: &[],
    tells_standard: false,
    small_tags: true,
    repeats_errors: false,
    replaces: "REPLACE",
    merges: Some("MERGE"),
    self_copy: SelfCopy::MustChange,
    copy_is_named_anew: true,
    largest_copy: 5 << 30,
    smallest_part: 5 << 20,
    equal_parts: true,
    conditional_writes: true,
    tells_crc64: false,
    digest_differs: "BadDigest",
    deletes_by_md5: false,
    ranges_must_fit: true,
    cuts_ranges_for: None,
    page: 1_000,
    pages_shrink: true,
    restores_in_full: false,
    not_archived: NOT_IMPLEMENTED,
    seal: seal_r2::verify,
    bucket_of: |_| None,
};

/// Keys have at most 1,024 bytes; the user's own headers at most 8,192, all of them ASCII; what is put says how long it is.
fn bounds(call: &Call) -> Result<(), Refusal> {
    if call.key.len() > 1_024 {
        let message = "The specified object name is not valid: it is too long.";
        return Err(Refusal::new(400, "InvalidObjectName", message));
    }
    let mut size = 0;
    for (name, value) in &call.headers {
        let Some(name) = name.as_str().strip_prefix("x-amz-meta-") else {
            continue;
        };
        if !value.as_bytes().is_ascii() {
            let message = "Metadata must be ASCII, or encoded as RFC 2047 has it.";
            return Err(Refusal::new(400, "InvalidArgument", message));
        }
        size += name.len() + value.len();
    }
    if size > 8_192 {
        let message = "Your metadata headers exceed the maximum allowed metadata size.";
        return Err(Refusal::new(400, "MetadataTooLarge", message));
    }
    if call.method == Method::PUT && call.headers.contains_key("transfer-encoding") {
        let message = "You must provide the Content-Length HTTP header.";
        return Err(Refusal::new(411, "MissingContentLength", message));
    }
    Ok(())
}

const CHECKED: &[&str] = &[
    "CompleteMultipartUpload",
    "DeleteObjects",
    "PutObject",
    "UploadPart",
];
const CONDITIONAL: &[&str] = &["GetObject", "HeadObject", "PutObject"];
const COPIES: &[&str] = &["CopyObject"];
const LISTS: &[&str] = &["ListObjects", "ListObjectsV2"];
const READS: &[&str] = &["GetObject", "HeadObject"];
const UPLOADS: &[&str] = &[
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "UploadPart",
];
const NOT_IMPLEMENTED: (u16, &str) = (501, "NotImplemented");
