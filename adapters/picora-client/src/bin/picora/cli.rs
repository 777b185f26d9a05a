//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use picora_client::backoff::Rule;
use picora_client::{ApiKey, Options, Picora, ServerUrl};
use picora_core::MediaKind;

/// Uploads, lists and removes files on a Picora media host.
///
/// When the host limits requests (429), picora waits as long as the host says and asks again, at most three times for each request;
/// several uploads at once then take turns.
#[derive(Debug, Parser)]
#[command(name = "picora", version, after_help = AFTER)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print JSON: one value, or one a line for several
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Which host, whose key, and how patient.
#[derive(Args)]
pub(crate) struct Connection {
    /// The host, such as `https://media.example`
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "PICORA_URL",
        hide_env_values = true
    )]
    url: Option<String>,
    /// The API key. Other users of this machine can see arguments: better set the variable, or use --api-key-file
    #[arg(
        long,
        global = true,
        value_name = "KEY",
        env = "PICORA_API_KEY",
        hide_env_values = true
    )]
    api_key: Option<String>,
    /// A file that holds the API key; it goes before the variable
    #[arg(long, global = true, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Hand a 429 on instead of waiting
    #[arg(long, global = true)]
    no_retry: bool,
    /// The longest wait that the host may ask for, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 120)]
    max_wait: u64,
    /// How long the host may take for an answer, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Upload files
    Upload(Upload),
    /// List what is stored, the newest first
    Ls(List),
    /// Remove resources
    Rm(Remove),
    /// Show what is used, and what is allowed
    Usage,
    /// Show who the key belongs to
    Whoami,
}

#[derive(Debug, Args)]
pub(crate) struct Upload {
    /// The files; folders are not looked into
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// What they are; without it, what their names say
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,
    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// Only those with a signed address may fetch them
    #[arg(long)]
    pub(crate) private: bool,
    /// How many to upload at once
    #[arg(long, value_name = "NUMBER", default_value_t = 4,
        value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) jobs: u8,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only this kind
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,
    /// Only those with this tag
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// At most so many of each kind
    #[arg(long, value_name = "NUMBER")]
    pub(crate) most: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The ids, such as img_01kavq2mfa3fz5tc6wkcdcqzyn
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Image,
    Video,
    Audio,
    /// Markdown
    #[value(alias = "document")]
    Doc,
}

impl Kind {
    pub(crate) const fn media(self) -> MediaKind {
        match self {
            Self::Image => MediaKind::Image,
            Self::Video => MediaKind::Video,
            Self::Audio => MediaKind::Audio,
            Self::Doc => MediaKind::Document,
        }
    }
}

impl Connection {
    /// The client, or a sentence that says what to set. The key is in neither.
    pub(crate) fn client(&self) -> Result<Picora, String> {
        let url = self.url.as_deref().filter(|it| !it.is_empty());
        let url = url.ok_or("no host is set; give --url, or set PICORA_URL")?;
        let url = ServerUrl::new(url).map_err(|error| error.to_string())?;
        let key = self.key()?;
        let retry = Rule {
            retry_on_rate_limit: !self.no_retry,
            longest_wait: Duration::from_secs(self.max_wait),
            ..Rule::default()
        };
        let answer_within = Duration::from_secs(self.timeout);
        let options = Options {
            retry,
            answer_within,
            ..Options::default()
        };
        Picora::with(url, &key, options).map_err(|error| error.to_string())
    }

    fn key(&self) -> Result<ApiKey, String> {
        if let Some(file) = &self.api_key_file {
            let unread = |error| format!("the key's file {file:?} cannot be read: {error}");
            let text = std::fs::read_to_string(file).map_err(unread)?;
            return ApiKey::new(&text)
                .map_err(|error| format!("the file {file:?} holds no key: {error}"));
        }
        let key = self.api_key.as_deref().filter(|it| !it.is_empty());
        let key = key.ok_or("no API key is set; set PICORA_API_KEY, or give --api-key-file")?;
        ApiKey::new(key).map_err(|error| error.to_string())
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("max_wait", &self.max_wait)
            .finish_non_exhaustive()
    }
}

const AFTER: &str = "\
Exit codes:
  0  everything was done
  1  a file or a resource was at fault; the others were done
  2  an argument or a setting cannot be used; nothing was sent
  3  the host does not accept the key
  4  a quota or a rate limit is used up
  5  the host cannot be reached, or does not answer as Picora does
Of several, the largest.

Examples:
  export PICORA_URL=https://media.example PICORA_API_KEY=sk_live_…
  picora upload *.jpg --tag holiday --private
  picora upload --kind doc notes.txt --json
  picora ls --kind image --tag holiday --json | jq -r .id
  picora rm --dry-run img_01kavq2mfa3fz5tc6wkcdcqzyn
  picora usage";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_parsed_command_line_does_not_show_its_key() {
        let arguments = [
            "picora",
            "--api-key",
            "sk_live_secret",
            "--url",
            "http://u",
            "usage",
        ];
        let cli = Cli::try_parse_from(arguments).unwrap();
        assert!(!format!("{cli:?}").contains("secret"));
    }
}
