//! The program around the audit: reads files, prints the report, answers an exit code.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::Parser;
use picora_openapi_audit::{
    Baseline, BaselineError, DocumentError, Format, Glob, Policy, Report, document,
};

/// Finds operations of an OpenAPI document that forget to declare their rate-limit headers
///
/// Every 2xx, 2XX and default response of every operation has to declare RateLimit-Limit, RateLimit-Remaining and
/// RateLimit-Reset. References within the document are followed; what leads elsewhere is a finding.
///
/// Exempt unless told otherwise: /health, /openapi.json, /openapi-public.json, /openapi-internal.json, /.well-known/**,
/// /webhooks/**. In a pattern, * stays within a segment and ** is any number of segments (at the end, one or more).
#[derive(Debug, Parser)]
#[command(name = "picora-openapi-audit", version, after_help = EXIT_CODES)]
struct Cli {
    /// The document, OpenAPI 3.0, 3.1 or 3.2 as JSON; - for standard input
    #[arg(value_name = "FILE")]
    document: String,
    /// Also ask for X-RateLimit-*, for `required: true`, and for all of it on the response that covers 429
    #[arg(long)]
    strict: bool,
    /// Ask nothing of the paths that match; may be given several times
    #[arg(long, value_name = "GLOB")]
    exempt: Vec<Glob>,
    /// Drop the standard exemptions; only those of --exempt count
    #[arg(long)]
    no_default_exemptions: bool,
    /// Known findings, a JSON list: others fail, and so do entries that no longer occur
    #[arg(long, value_name = "FILE")]
    baseline: Option<String>,
    /// How to write the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// Why there is no report, as one sentence.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("cannot read {0:?}: {1}")]
    File(String, #[source] io::Error),
    #[error("cannot audit {0:?}: {1}")]
    Document(String, #[source] DocumentError),
    #[error("cannot use the baseline {0:?}: {1}")]
    Baseline(String, #[source] BaselineError),
    #[error("cannot write the report: {0}")]
    Report(#[source] io::Error),
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(sentence) => {
            eprintln!("picora-openapi-audit: {sentence}");
            ExitCode::from(2)
        }
    }
}

/// Whether the gate may pass.
fn run(cli: &Cli) -> Result<bool, Unreadable> {
    let document = document::read(&bytes_of(&cli.document)?)
        .map_err(|error| Unreadable::Document(cli.document.clone(), error))?;
    let baseline = cli.baseline.as_deref().map(baseline_of).transpose()?;
    let report = Report::of(&document, &cli.policy(), baseline.as_ref());
    let format = if cli.json { Format::Json } else { cli.format };
    let text = report.render(format, &cli.document, cli.baseline.as_deref());
    match io::stdout().lock().write_all(text.as_bytes()) {
        // `| head` has read enough; the exit code still counts.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Unreadable::Report(error)),
        _ => Ok(report.is_clean() || format == Format::Baseline),
    }
}

fn baseline_of(file: &str) -> Result<Baseline, Unreadable> {
    Baseline::read(&bytes_of(file)?).map_err(|error| Unreadable::Baseline(file.to_owned(), error))
}

fn bytes_of(file: &str) -> Result<Vec<u8>, Unreadable> {
    let read = match file {
        "-" => {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
        }
        file => std::fs::read(file),
    };
    read.map_err(|error| Unreadable::File(file.to_owned(), error))
}

impl Cli {
    fn policy(&self) -> Policy {
        let base = match self.no_default_exemptions {
            true => Policy::without_exemptions(),
            false => Policy::default(),
        };
        let base = if self.strict { base.strict() } else { base };
        let globs = self.exempt.iter().cloned();
        globs.fold(base, Policy::exempting)
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0  nothing to report beyond the baseline
  1  findings, or entries of the baseline that no longer occur
  2  a file cannot be read, or an argument is wrong

Examples:
  picora-openapi-audit openapi.json --strict --exempt '/health/**'
  picora-openapi-audit openapi.json --format baseline > known.json
  picora-openapi-audit openapi.json --baseline known.json --format github";
