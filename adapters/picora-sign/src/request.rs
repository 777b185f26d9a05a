//! What of a request is signed.

/// A request before it is written: nothing in it is encoded.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// In upper case.
    pub method: &'a str,
    /// The bucket. OSS signs it wherever the request goes, also to a domain of one's own; COS does not: there it is part of the host.
    /// S3 signs the path as it is sent, with the bucket if it stands in it.
    pub bucket: &'a str,
    /// The object, without a slash before it; empty for the bucket itself.
    pub key: &'a str,
    /// Names and values of the query; a value that is empty is no value, as in `?restore`.
    pub query: &'a [(&'a str, &'a str)],
    /// All headers that are sent, but for those of the signature. Names in any case; each at most once.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Pairs with their names in lower case, sorted by name.
pub(crate) fn sorted<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<(String, &'a str)> {
    let mut sorted: Vec<_> = pairs
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    sorted.sort();
    sorted
}
