//! What content is, read from the content: neither a file's name nor a client's header is believed.

use picora_core::MediaKind;

/// How many bytes of a stream are looked at; enough for every format that is known here.
pub const HEAD_BYTES: usize = 4_096;

/// Says what the first bytes of an upload are, when that is of the wanted kind.
///
/// **Shapes**: the answer is a MIME type. Documents are UTF-8 without NUL and are answered `text/markdown`. SVG is no image here: it can
/// carry scripts that would run under the media host's name. **Errors**: none; `None` is an answer.
///
/// ```
/// use picora_core::MediaKind;
/// use picora_media::content::sniff;
/// assert_eq!(sniff(MediaKind::Image, b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
/// assert_eq!(sniff(MediaKind::Image, b"<svg onload=alert(1)>"), None);
/// assert_eq!(sniff(MediaKind::Document, "# Grüße".as_bytes()), Some("text/markdown"));
/// ```
#[must_use]
pub fn sniff(kind: MediaKind, head: &[u8]) -> Option<&'static str> {
    if kind == MediaKind::Document {
        return is_text(head).then_some(MARKDOWN);
    }
    let found = infer::get(head)?.mime_type();
    KNOWN
        .iter()
        .find(|known| known.kind == kind && known.sniffed == found)
        .map(|known| known.mime)
}

/// Whether bytes are UTF-8 text without NUL.
#[must_use]
pub fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'))
}

/// The ending of an address for content of this type; `bin` for one that is not known here.
#[must_use]
pub fn extension_of(content_type: &str) -> &'static str {
    if content_type == MARKDOWN {
        return "md";
    }
    KNOWN
        .iter()
        .find(|known| known.mime == content_type)
        .map_or("bin", |known| known.extension)
}

struct Known {
    kind: MediaKind,
    /// What the sniffer calls it.
    sniffed: &'static str,
    /// The registered name that answers carry.
    mime: &'static str,
    extension: &'static str,
}

const fn known(
    kind: MediaKind,
    sniffed: &'static str,
    mime: &'static str,
    extension: &'static str,
) -> Known {
    Known {
        kind,
        sniffed,
        mime,
        extension,
    }
}

const MARKDOWN: &str = "text/markdown";

const KNOWN: &[Known] = &[
    known(MediaKind::Image, "image/avif", "image/avif", "avif"),
    known(MediaKind::Image, "image/bmp", "image/bmp", "bmp"),
    known(MediaKind::Image, "image/gif", "image/gif", "gif"),
    known(MediaKind::Image, "image/heif", "image/heif", "heif"),
    known(MediaKind::Image, "image/jpeg", "image/jpeg", "jpg"),
    known(MediaKind::Image, "image/jxl", "image/jxl", "jxl"),
    known(MediaKind::Image, "image/png", "image/png", "png"),
    known(MediaKind::Image, "image/tiff", "image/tiff", "tiff"),
    known(
        MediaKind::Image,
        "image/vnd.microsoft.icon",
        "image/vnd.microsoft.icon",
        "ico",
    ),
    known(MediaKind::Image, "image/webp", "image/webp", "webp"),
    known(MediaKind::Audio, "audio/aac", "audio/aac", "aac"),
    known(MediaKind::Audio, "audio/m4a", "audio/mp4", "m4a"),
    known(MediaKind::Audio, "audio/midi", "audio/midi", "mid"),
    known(MediaKind::Audio, "audio/mpeg", "audio/mpeg", "mp3"),
    known(MediaKind::Audio, "audio/ogg", "audio/ogg", "ogg"),
    known(MediaKind::Audio, "audio/opus", "audio/opus", "opus"),
    known(MediaKind::Audio, "audio/x-aiff", "audio/aiff", "aiff"),
    known(MediaKind::Audio, "audio/x-flac", "audio/flac", "flac"),
    known(MediaKind::Audio, "audio/x-wav", "audio/wav", "wav"),
    known(MediaKind::Video, "video/mp4", "video/mp4", "mp4"),
    known(MediaKind::Video, "video/mpeg", "video/mpeg", "mpeg"),
    known(
        MediaKind::Video,
        "video/quicktime",
        "video/quicktime",
        "mov",
    ),
    known(MediaKind::Video, "video/webm", "video/webm", "webm"),
    known(MediaKind::Video, "video/x-m4v", "video/x-m4v", "m4v"),
    known(
        MediaKind::Video,
        "video/x-matroska",
        "video/matroska",
        "mkv",
    ),
    known(MediaKind::Video, "video/x-msvideo", "video/vnd.avi", "avi"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_matter_and_kinds_do() {
        let wav = b"RIFF\0\0\0\0WAVEfmt ";
        assert_eq!(sniff(MediaKind::Audio, wav), Some("audio/wav"));
        assert_eq!(sniff(MediaKind::Image, wav), None);
        assert_eq!(sniff(MediaKind::Image, b"GIF89a"), Some("image/gif"));
        assert_eq!(sniff(MediaKind::Image, &[0; HEAD_BYTES]), None);
        assert_eq!(sniff(MediaKind::Image, b""), None);
        assert_eq!(sniff(MediaKind::Document, b"\xff\xfe"), None);
        assert_eq!(sniff(MediaKind::Document, b"a\0b"), None);
        assert_eq!(
            sniff(MediaKind::Video, b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
            Some("video/mp4")
        );
    }

    #[test]
    fn every_known_type_has_one_extension() {
        for known in KNOWN {
            assert_eq!(extension_of(known.mime), known.extension);
        }
    }
}
