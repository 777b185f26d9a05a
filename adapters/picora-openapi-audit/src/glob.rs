//! Which paths are meant.

use std::fmt;
use std::str::FromStr;

/// A pattern over the paths of a document.
///
/// **Units**: segments between slashes. `*` stands for any run of characters within one segment, `**` as a whole segment for
/// any number of segments; all else is literal, so `{id}` is matched by `{id}` or `*`.
/// **Boundaries**: `**` stands for none or more segments, but at the end for one or more: `/webhooks/**` is what lies under
/// `/webhooks`, at any depth, and not `/webhooks` itself. Case counts, and so does a slash at the end.
/// **Errors**: [`GlobError`] for a pattern that could match nothing, or not what its author expects.
/// **Source**: #249–#252; the meaning of `**` is that of gitignore.
///
/// ```
/// use picora_openapi_audit::Glob;
/// let glob: Glob = "/.well-known/**".parse()?;
/// assert!(glob.matches("/.well-known/acme-challenge/{token}"));
/// assert!(!glob.matches("/.well-known"));
/// assert!("webhooks/**".parse::<Glob>().is_err());
/// # Ok::<(), picora_openapi_audit::GlobError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(String);

/// Why a text is no [`Glob`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GlobError {
    /// All paths of a document start with a slash, so this would match none.
    #[error("`{0}` does not start with a slash, as paths do")]
    Relative(String),
    /// `/a**` looks as if it crossed slashes, and would not.
    #[error("`{0}` uses `**` as part of a segment; it stands for whole segments only")]
    PartOfSegment(String),
}

impl Glob {
    /// Whether a path of a document is meant.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut pattern: Vec<_> = self.0.split('/').collect();
        if pattern.last() == Some(&"**") {
            // At the end, one segment at least.
            pattern.insert(pattern.len() - 1, "*");
        }
        let path: Vec<_> = path.split('/').collect();
        fits(
            &pattern,
            &path,
            |segment| *segment == "**",
            |pattern, segment| segment_fits(pattern, segment),
        )
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        if !text.starts_with('/') {
            return Err(GlobError::Relative(text.to_owned()));
        }
        if text.split('/').any(|it| it != "**" && it.contains("**")) {
            return Err(GlobError::PartOfSegment(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn segment_fits(pattern: &str, segment: &str) -> bool {
    fits(
        pattern.as_bytes(),
        segment.as_bytes(),
        |byte| *byte == b'*',
        |pattern, byte| pattern == byte,
    )
}

/// Matches with one kind of star. Only the last star can need to take more, so the work is at most the product of the lengths.
fn fits<P, T>(
    pattern: &[P],
    text: &[T],
    is_star: impl Fn(&P) -> bool,
    same: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while read < text.len() {
        match (pattern.get(at), last_star) {
            (Some(star), _) if is_star(star) => {
                last_star = Some((at, read));
                at += 1;
            }
            (Some(one), _) if same(one, &text[read]) => {
                at += 1;
                read += 1;
            }
            (_, Some((star, taken))) => {
                last_star = Some((star, taken + 1));
                at = star + 1;
                read = taken + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(is_star)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, path: &str) -> bool {
        glob.parse::<Glob>().unwrap().matches(path)
    }

    #[test]
    fn without_stars_it_is_the_path_itself() {
        assert!(matches("/health", "/health"));
        for other in ["/health/", "/health/ready", "/healthy", "/Health", "/"] {
            assert!(!matches("/health", other), "{other}");
        }
    }

    #[test]
    fn two_stars_at_the_end_are_any_depth_below() {
        for path in [
            "/webhooks/a",
            "/webhooks/a/b",
            "/webhooks/{p}/b/c/d",
            "/webhooks/",
        ] {
            assert!(matches("/webhooks/**", path), "{path}");
        }
        for path in ["/webhooks", "/webhooksmith/a", "/v1/webhooks/a"] {
            assert!(!matches("/webhooks/**", path), "{path}");
        }
        assert!(matches("/**", "/anything/at/all"));
    }

    #[test]
    fn two_stars_inside_may_be_nothing() {
        for path in ["/a/z", "/a/b/z", "/a/b/c/z", "/a/z/z"] {
            assert!(matches("/a/**/z", path), "{path}");
        }
        assert!(!matches("/a/**/z", "/a/b/zz"));
        assert!(matches("/**/z/**/y", "/z/x/z/x/y"));
    }

    #[test]
    fn one_star_stays_within_its_segment() {
        assert!(matches("/openapi*.json", "/openapi-public.json"));
        assert!(matches("/openapi*.json", "/openapi.json"));
        assert!(!matches("/openapi*.json", "/openapi/x.json"));
        assert!(matches("/*/{id}", "/images/{id}"));
        assert!(!matches("/*/{id}", "/images/7"));
        assert!(matches("/*a*b", "/xxaxxaxb"));
    }

    #[test]
    fn patterns_that_mislead_are_refused() {
        let error = |text: &str| text.parse::<Glob>().unwrap_err();
        assert_eq!(error("health"), GlobError::Relative("health".to_owned()));
        assert_eq!(error(""), GlobError::Relative(String::new()));
        assert_eq!(error("/a**"), GlobError::PartOfSegment("/a**".to_owned()));
        assert_eq!(error("/***"), GlobError::PartOfSegment("/***".to_owned()));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let glob = "/**/a".repeat(40) + "/b";
        assert!(!matches(&glob, &"/a".repeat(400)));
        let segment = format!("/{}b", "*a".repeat(40));
        assert!(!matches(&segment, &format!("/{}", "a".repeat(400))));
    }
}
