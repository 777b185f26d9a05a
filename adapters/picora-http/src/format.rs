//! In which format a client wants its errors.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};

/// The format of an error's body.
///
/// ```
/// use http::{HeaderMap, HeaderValue, header::ACCEPT};
/// use picora_http::Format;
/// let mut headers = HeaderMap::new();
/// assert_eq!(Format::of(&headers), Format::Json);
/// headers.insert(ACCEPT, HeaderValue::from_static("application/json;q=0.5, application/problem+json"));
/// assert_eq!(Format::of(&headers), Format::Problem);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The documents' own, `application/json` (rows #240 and #241).
    #[default]
    Json,
    /// RFC 9457, `application/problem+json`.
    Problem,
}

impl Format {
    /// What the request's `Accept` asks for: problems for who names them and does not name `application/json` with more weight.
    ///
    /// **Boundaries**: `*/*` and `application/*` name nothing; a weight that cannot be read counts as 0. **Source**: RFC 9110 §12.5.1.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(problem) = weight(headers, PROBLEM).filter(|weight| *weight > 0) else {
            return Self::Json;
        };
        if weight(headers, JSON).is_some_and(|json| json > problem) {
            return Self::Json;
        }
        Self::Problem
    }

    pub(crate) const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => JSON,
            Self::Problem => PROBLEM,
        })
    }
}

/// The weight of a media type that is named, in thousandths.
fn weight(headers: &HeaderMap, wanted: &str) -> Option<u16> {
    let lines = headers.get_all(ACCEPT).into_iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    let mut ranges = texts.flat_map(|text| text.split(','));
    ranges.find_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next()?.eq_ignore_ascii_case(wanted);
        named.then(|| parts.find_map(quality).unwrap_or(1_000))
    })
}

/// The thousandths of `q=0.123`; none when the parameter is another one.
fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let digits = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths = format!("{part:0<3}").parse().unwrap_or(0);
    Some(match whole {
        "1" if digits && thousandths == 0 => 1_000,
        "0" if digits => thousandths,
        _ => 0,
    })
}

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_names_problems_gets_them() {
        for (accept, wanted) in [
            ("application/problem+json", Format::Problem),
            ("APPLICATION/Problem+JSON ; q=0.001", Format::Problem),
            (
                "text/html, application/problem+json;charset=utf-8;q=1.000",
                Format::Problem,
            ),
            (
                "application/json, application/problem+json",
                Format::Problem,
            ),
            (
                "application/json;q=0.9,application/problem+json;q=0.25",
                Format::Json,
            ),
            (
                "application/json;q=0.25,application/problem+json;q=0.3",
                Format::Problem,
            ),
            ("application/problem+json;q=0", Format::Json),
            ("application/problem+json;q=0.000", Format::Json),
            ("application/problem+json;q=2", Format::Json),
            ("application/problem+json;q=0.1234", Format::Json),
            ("application/problem+json;q=", Format::Json),
            ("application/problem+jsonp", Format::Json),
            ("*/*", Format::Json),
            ("application/*", Format::Json),
            ("application/json", Format::Json),
            ("", Format::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(Format::of(&headers), wanted, "{accept}");
        }
    }

    #[test]
    fn every_line_of_accept_counts() {
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT, HeaderValue::from_bytes(b"\xff").unwrap());
        headers.append(ACCEPT, HeaderValue::from_static("text/html"));
        headers.append(ACCEPT, HeaderValue::from_static(PROBLEM));
        assert_eq!(Format::of(&headers), Format::Problem);
    }
}
