//! Known findings, which may only shrink.

use std::collections::HashSet;

use crate::Finding;

/// The omissions that a document had when its audit began; each is to be mended, and none may be added (#253).
///
/// ```
/// use picora_openapi_audit::{Baseline, Finding, Problem};
/// let known = br#"[{"path": "/v1/old", "method": "GET", "status": "200", "problem": "missing_headers",
///                   "headers": ["RateLimit-Limit", "RateLimit-Reset"]}]"#;
/// let baseline = Baseline::read(known)?;
/// let mended = baseline.compare(&[]);
/// assert_eq!(mended.stale.len(), 1); // time to remove the entry
/// # Ok::<(), picora_openapi_audit::BaselineError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline(Vec<Finding>);

/// Findings beside a baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Those that are not in the baseline.
    pub new: Vec<Finding>,
    /// Those that are.
    pub known: Vec<Finding>,
    /// Entries that no longer occur.
    pub stale: Vec<Finding>,
}

/// Why a text is no [`Baseline`].
#[derive(Debug, thiserror::Error)]
#[error("it is not a JSON list of findings: {0}")]
pub struct BaselineError(#[from] serde_json::Error);

impl Baseline {
    /// Reads a baseline: a JSON list of findings, as the format `baseline` prints it.
    ///
    /// **Errors**: [`BaselineError`] also for members that a finding does not have.
    pub fn read(text: &[u8]) -> Result<Self, BaselineError> {
        Ok(Self(serde_json::from_slice(text)?))
    }

    /// Tells new findings from known ones, and what no longer occurs.
    ///
    /// **Units**: header by header, so that mending one of three leaves one stale entry with that header and two known ones.
    /// **Boundaries**: names of headers are compared without case, everything else exactly. A strict audit has another
    /// baseline than a plain one.
    /// **Errors**: none. **Source**: #253.
    #[must_use]
    pub fn compare(&self, findings: &[Finding]) -> Comparison {
        let (found, known) = (keys(findings), keys(&self.0));
        Comparison {
            new: parts(findings, |key| !known.contains(key)),
            known: parts(findings, |key| known.contains(key)),
            stale: parts(&self.0, |key| !found.contains(key)),
        }
    }
}

fn keys(findings: &[Finding]) -> HashSet<Finding> {
    findings
        .iter()
        .flat_map(Finding::split)
        .map(|part| key(&part))
        .collect()
}

/// A part of a finding as it is compared.
fn key(part: &Finding) -> Finding {
    let headers = part.headers.iter();
    Finding {
        headers: headers.map(|it| it.to_ascii_lowercase()).collect(),
        ..part.clone()
    }
}

/// The findings with only those of their headers that are wanted; without any, they are left out.
fn parts(findings: &[Finding], wanted: impl Fn(&Finding) -> bool) -> Vec<Finding> {
    let kept = |finding: &Finding| {
        let parts = finding.split().filter(|part| wanted(&key(part)));
        parts.reduce(|mut whole, part| {
            whole.headers.extend(part.headers);
            whole
        })
    };
    findings.iter().filter_map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problem;

    fn missing(path: &str, headers: &[&str]) -> Finding {
        Finding {
            method: Some("GET".to_owned()),
            status: Some("200".to_owned()),
            headers: headers.iter().map(|it| (*it).to_owned()).collect(),
            ..Finding::new(path.to_owned(), Problem::MissingHeaders)
        }
    }

    #[test]
    fn the_same_findings_are_known() {
        let findings = [
            missing("/a", &["A", "B"]),
            Finding::new("/b".to_owned(), Problem::NoSuccess),
        ];
        let comparison = Baseline(findings.to_vec()).compare(&findings);
        assert_eq!(comparison.known, findings);
        assert_eq!((comparison.new, comparison.stale), (vec![], vec![]));
    }

    #[test]
    fn headers_are_compared_one_by_one() {
        let baseline = Baseline(vec![missing("/a", &["a", "B"])]);
        let comparison = baseline.compare(&[missing("/a", &["A", "C"])]);
        assert_eq!(comparison.known, [missing("/a", &["A"])]);
        assert_eq!(comparison.new, [missing("/a", &["C"])]);
        assert_eq!(comparison.stale, [missing("/a", &["B"])]);
    }

    #[test]
    fn an_entry_covers_its_own_place_only() {
        let known = missing("/a", &["A"]);
        let others = [
            Finding {
                path: "/b".to_owned(),
                ..known.clone()
            },
            Finding {
                method: Some("PUT".to_owned()),
                ..known.clone()
            },
            Finding {
                status: Some("201".to_owned()),
                ..known.clone()
            },
            Finding {
                problem: Problem::OptionalHeaders,
                ..known.clone()
            },
            Finding {
                status: None,
                ..known.clone()
            },
        ];
        for other in others {
            let comparison = Baseline(vec![known.clone()]).compare(std::slice::from_ref(&other));
            assert_eq!(comparison.new, [other]);
            assert_eq!(comparison.stale, std::slice::from_ref(&known));
        }
    }

    #[test]
    fn only_a_list_of_findings_is_read() {
        assert_eq!(Baseline::read(b"[]").unwrap(), Baseline::default());
        for text in [
            "",
            "{}",
            "[{}]",
            "[7]",
            r#"[{"path": "/a", "problem": "surprise"}]"#,
        ] {
            let error = Baseline::read(text.as_bytes()).unwrap_err().to_string();
            assert!(
                error.starts_with("it is not a JSON list of findings: "),
                "{error}"
            );
        }
    }
}
