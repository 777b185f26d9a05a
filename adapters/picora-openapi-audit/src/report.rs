//! What a run says.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::audit::asked;
use crate::{Baseline, Comparison, Finding, Policy, audit};

/// The outcome of an audit beside a baseline.
///
/// ```
/// use picora_openapi_audit::{Format, Policy, Report};
/// use serde_json::json;
/// let document = json!({"openapi": "3.1.0", "paths": {"/v1/a": {"get": {"responses": {}}}}});
/// let report = Report::of(&document, &Policy::without_exemptions(), None);
/// assert!(!report.is_clean());
/// let text = report.render(Format::Text, "openapi.json", None);
/// assert!(text.starts_with("GET /v1/a: declares no 2xx response\n"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many operations were audited; those that are exempt are not.
    operations: usize,
    findings: Vec<Finding>,
    known: Vec<Finding>,
    stale: Vec<Finding>,
    unused_exemptions: Vec<String>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line for each finding, and a summary.
    #[default]
    Text,
    /// One object: `operations`, `findings`, `known`, `stale`, `unused_exemptions`.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// A baseline: all findings as a JSON list; beside a baseline only those that it has already. Exit code 0.
    Baseline,
}

impl Report {
    /// Audits, and compares with a baseline when there is one.
    #[must_use]
    pub fn of(document: &Value, policy: &Policy, baseline: Option<&Baseline>) -> Self {
        let findings = audit(document, policy);
        let compared = match baseline {
            Some(baseline) => baseline.compare(&findings),
            None => Comparison {
                new: findings,
                ..Comparison::default()
            },
        };
        let unused = policy.unused_exemptions(document);
        Self {
            operations: asked(document, policy).filter(Result::is_ok).count(),
            findings: compared.new,
            known: compared.known,
            stale: compared.stale,
            unused_exemptions: unused.into_iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether a gate may pass: nothing new, and nothing in the baseline that no longer occurs.
    ///
    /// **Boundaries**: exemptions that match nothing are told, but do not fail: one policy may serve several documents.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.stale.is_empty()
    }

    /// Writes the report, with the names of the files that it speaks of.
    #[must_use]
    pub fn render(&self, format: Format, document: &str, baseline: Option<&str>) -> String {
        match format {
            Format::Text => self.text(),
            Format::Json => lines_of(self),
            Format::Github => self.annotations(document, baseline.unwrap_or(document)),
            Format::Baseline if baseline.is_some() => lines_of(&self.known),
            Format::Baseline => lines_of(&self.findings),
        }
    }

    fn text(&self) -> String {
        let findings = self.findings.iter().map(|it| format!("{it}\n"));
        let stale = self.stale.iter().map(|it| format!("{}\n", advice(it)));
        let unused = self.unused_exemptions.iter().map(|glob| {
            let told = unused(glob);
            format!("note: {told}\n")
        });
        let lines = findings.chain(stale).chain(unused);
        lines.chain([self.summary()]).collect()
    }

    fn annotations(&self, document: &str, baseline: &str) -> String {
        let findings = self
            .findings
            .iter()
            .map(|it| annotation("error", document, &it.to_string()));
        let stale = self
            .stale
            .iter()
            .map(|it| annotation("error", baseline, &advice(it)));
        let unused = self
            .unused_exemptions
            .iter()
            .map(|glob| annotation("notice", document, &unused(glob)));
        let lines = findings.chain(stale).chain(unused);
        lines.chain([self.summary()]).collect()
    }

    fn summary(&self) -> String {
        let operations = counted(self.operations, "operation");
        let mut told = vec![counted(self.findings.len(), "finding")];
        if !self.known.is_empty() {
            told.push(format!("{} known", self.known.len()));
        }
        if !self.stale.is_empty() {
            told.push(format!("{} to remove from the baseline", self.stale.len()));
        }
        format!("{operations} audited: {}\n", told.join(", "))
    }
}

fn advice(stale: &Finding) -> String {
    let (place, what) = (stale.place(), stale.what());
    format!("{place}: no longer {what:?}; remove it from the baseline, which may only shrink")
}

fn unused(glob: &str) -> String {
    format!("the exemption {glob:?} matches no path")
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

fn lines_of(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("findings are text and lists");
    text + "\n"
}

/// A workflow command. **Source**: GitHub Actions, "Workflow commands"; the escapes are those of its toolkit.
fn annotation(level: &str, file: &str, message: &str) -> String {
    let message = escaped(message);
    let file = escaped(file).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} file={file},title=Rate-limit headers::{message}\n")
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problem;
    use serde_json::json;

    fn report() -> Report {
        let known = json!([
            {"path": "/a", "method": "GET", "problem": "no_success"},
            {"path": "/old", "method": "PUT", "problem": "no_success"},
        ]);
        let document = json!({"openapi": "3.1.0", "paths": {
            "/a": {"get": {}}, "/b%": {"get": {}}, "/health": {"get": {}},
        }});
        let policy = Policy::without_exemptions()
            .exempting("/health".parse().unwrap())
            .exempting("/none/*".parse().unwrap());
        let baseline = Baseline::read(known.to_string().as_bytes()).unwrap();
        Report::of(&document, &policy, Some(&baseline))
    }

    #[test]
    fn text_tells_all() {
        let expected = "GET /b%: declares no 2xx response\n\
             PUT /old: no longer \"declares no 2xx response\"; remove it from the baseline, which may only shrink\n\
             note: the exemption \"/none/*\" matches no path\n\
             2 operations audited: 1 finding, 1 known, 1 to remove from the baseline\n";
        assert_eq!(report().render(Format::Text, "x", None), expected);
    }

    #[test]
    fn annotations_are_escaped_and_name_their_file() {
        let expected = "::error file=a%3Ab%2C%25.json,title=Rate-limit headers::GET /b%25: declares no 2xx response\n\
             ::error file=known.json,title=Rate-limit headers::PUT /old: no longer \"declares no 2xx response\"; \
             remove it from the baseline, which may only shrink\n\
             ::notice file=a%3Ab%2C%25.json,title=Rate-limit headers::the exemption \"/none/*\" matches no path\n\
             2 operations audited: 1 finding, 1 known, 1 to remove from the baseline\n";
        let rendered = report().render(Format::Github, "a:b,%.json", Some("known.json"));
        assert_eq!(rendered, expected);
    }

    #[test]
    fn json_tells_the_same() {
        let told: Value =
            serde_json::from_str(&report().render(Format::Json, "x", Some("y"))).unwrap();
        let no_success = |method: &str, path: &str| json!({"path": path, "method": method, "problem": "no_success"});
        let expected = json!({
            "operations": 2,
            "findings": [no_success("GET", "/b%")],
            "known": [no_success("GET", "/a")],
            "stale": [no_success("PUT", "/old")],
            "unused_exemptions": ["/none/*"],
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn a_baseline_beside_a_baseline_never_grows() {
        let read = |text: String| Baseline::read(text.as_bytes()).unwrap();
        let shrunk = read(report().render(Format::Baseline, "x", Some("y")));
        let compared = shrunk.compare(&report().known);
        assert_eq!(compared.known.len(), 1);
        assert_eq!((compared.new, compared.stale), (vec![], vec![]));
    }

    #[test]
    fn either_a_finding_or_a_stale_entry_fails() {
        let clean = Report {
            findings: vec![],
            stale: vec![],
            ..report()
        };
        assert!(clean.is_clean());
        let one = vec![Finding::new(String::new(), Problem::NoSuccess)];
        let found = Report {
            findings: one.clone(),
            ..clean.clone()
        };
        assert!(!found.is_clean());
        assert!(
            !Report {
                stale: one,
                ..clean
            }
            .is_clean()
        );
    }
}
