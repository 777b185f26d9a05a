//! What a reader sees of an object besides its bytes.

use std::collections::BTreeMap;

/// The headers with which an object is served. A move sends all of them again, because some stores forget what is not sent.
///
/// **Boundaries**: names of `metadata` are in lower case and without the vendor's prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectHeaders {
    /// What it is.
    pub content_type: Option<String>,
    /// How long it may be kept near by.
    pub cache_control: Option<String>,
    /// Whether it is shown or saved, and under which name.
    pub content_disposition: Option<String>,
    /// How it is compressed.
    pub content_encoding: Option<String>,
    /// In which language it is.
    pub content_language: Option<String>,
    /// When it ends, as an HTTP date.
    pub expires: Option<String>,
    /// The user's own.
    pub metadata: BTreeMap<String, String>,
}

impl ObjectHeaders {
    /// The standard headers that are set, by their names in lower case.
    pub fn standard(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("content-type", &self.content_type),
            ("cache-control", &self.cache_control),
            ("content-disposition", &self.content_disposition),
            ("content-encoding", &self.content_encoding),
            ("content-language", &self.content_language),
            ("expires", &self.expires),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }

    /// Takes over one header of an answer, by its name in lower case; `false` when it is none of these. `prefix` is the vendor's, such as
    /// `x-oss-meta-`.
    ///
    /// ```
    /// use picora_tiering::ObjectHeaders;
    /// let mut headers = ObjectHeaders::default();
    /// assert!(headers.read("content-type", "image/png", "x-oss-meta-"));
    /// assert!(headers.read("x-oss-meta-sha256", "ab12", "x-oss-meta-"));
    /// assert!(!headers.read("etag", "\"1\"", "x-oss-meta-"));
    /// assert_eq!(headers.metadata["sha256"], "ab12");
    /// ```
    pub fn read(&mut self, name: &str, value: &str, prefix: &str) -> bool {
        let field = match name {
            "content-type" => &mut self.content_type,
            "cache-control" => &mut self.cache_control,
            "content-disposition" => &mut self.content_disposition,
            "content-encoding" => &mut self.content_encoding,
            "content-language" => &mut self.content_language,
            "expires" => &mut self.expires,
            _ => {
                let Some(name) = name.strip_prefix(prefix) else {
                    return false;
                };
                self.metadata.insert(name.to_owned(), value.to_owned());
                return true;
            }
        };
        *field = Some(value.to_owned());
        true
    }
}
