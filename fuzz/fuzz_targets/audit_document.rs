//! Any document, baseline and glob: the audit neither panics nor contradicts itself.
//!
//! The bytes are up to three texts with a zero byte between them: document, baseline, glob.

#![no_main]

use libfuzzer_sys::fuzz_target;
use picora_openapi_audit::{Baseline, Format, Glob, Policy, Report, audit, document};

fuzz_target!(|bytes: &[u8]| {
    let mut texts = bytes.splitn(3, |byte| *byte == 0);
    let Ok(document) = document::read(texts.next().unwrap_or_default()) else {
        return;
    };
    let baseline = texts.next().and_then(|text| Baseline::read(text).ok());
    let glob = texts.next().and_then(|text| std::str::from_utf8(text).ok());
    let glob: Option<Glob> = glob.and_then(|text| text.parse().ok());
    for policy in policies(glob.as_ref()) {
        let report = Report::of(&document, &policy, baseline.as_ref());
        for format in FORMATS {
            let _ = report.render(
                format,
                "a document",
                baseline.as_ref().map(|_| "a baseline"),
            );
        }

        // What a run prints as baseline makes the next run pass, and says everything that was found.
        let alone = Report::of(&document, &policy, None);
        let known = alone.render(Format::Baseline, "a document", None);
        let known = Baseline::read(known.as_bytes()).expect("its own baseline can be read");
        assert!(Report::of(&document, &policy, Some(&known)).is_clean());
        let findings = audit(&document, &policy);
        assert_eq!(known.compare(&findings).known, findings);
        assert_eq!(alone.is_clean(), findings.is_empty());

        // An exemption takes its own findings only.
        if let Some(glob) = &glob {
            let mut others = findings;
            others.retain(|finding| !glob.matches(&finding.path));
            assert_eq!(audit(&document, &policy.exempting(glob.clone())), others);
        }
    }
});

fn policies(glob: Option<&Glob>) -> [Policy; 3] {
    let exempting = glob.cloned().into_iter();
    [
        Policy::default(),
        Policy::default().strict(),
        exempting.fold(Policy::without_exemptions(), Policy::exempting),
    ]
}

const FORMATS: [Format; 4] = [Format::Text, Format::Json, Format::Github, Format::Baseline];
