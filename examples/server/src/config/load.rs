//! Layers the sources of a configuration and checks the sum.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Config;

/// Why a configuration cannot be used; one sentence that names the key or the file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A source does not fit; the text names the key and the source.
    #[error("the configuration cannot be used: {0}")]
    Source(String),
    /// A value makes no sense.
    #[error("the configuration cannot be used: `{key}` {problem}")]
    Value {
        /// Its key.
        key: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Reads the configuration: defaults, then the file, then the environment, then the flags, each over the one before.
///
/// **Errors**: [`ConfigError`]; an unknown key is one. Without `file`, no file is read.
pub fn load(file: Option<&Path>, flags: &[(&'static str, String)]) -> Result<Config, ConfigError> {
    let defaults = config::Config::try_from(&Config::default()).map_err(fault)?;
    let mut layers = config::Config::builder().add_source(defaults);
    if let Some(file) = file {
        layers = layers.add_source(config::File::new(
            &file.to_string_lossy(),
            config::FileFormat::Toml,
        ));
    }
    readable(std::env::vars_os())?;
    let environment = config::Environment::with_prefix("PICORA")
        .prefix_separator("__")
        .separator("__")
        .list_separator(",")
        .with_list_parse_key("captcha.turnstile.hostnames")
        .with_list_parse_key("trusted_proxies")
        .try_parsing(true);
    layers = layers.add_source(environment);
    for key in VERBATIM {
        let variable = format!("PICORA__{}", key.replace('.', "__").to_uppercase());
        if let Ok(value) = std::env::var(variable) {
            layers = layers.set_override(*key, value).map_err(fault)?;
        }
    }
    for (key, value) in flags {
        layers = layers.set_override(*key, value.as_str()).map_err(fault)?;
    }
    let config: Config = layers
        .build()
        .and_then(config::Config::try_deserialize)
        .map_err(fault)?;
    check(config)
}

/// Whether all variables of ours are text. What is none may be a secret, so that only its key is told.
fn readable(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<(), ConfigError> {
    for (name, value) in variables {
        let name = name.to_string_lossy();
        if name.starts_with("PICORA__") && value.to_str().is_none() {
            let says = format!("the variable {name} is no text in UTF-8");
            return Err(ConfigError::Source(says));
        }
    }
    Ok(())
}

fn check(mut config: Config) -> Result<Config, ConfigError> {
    let positive = [
        ("uploads.max_open", u64::from(config.uploads.max_open)),
        (
            "uploads.reservation_ttl_seconds",
            config.uploads.reservation_ttl_seconds,
        ),
        (
            "uploads.idle_timeout_seconds",
            config.uploads.idle_timeout_seconds,
        ),
        (
            "uploads.largest_file_bytes",
            config.uploads.largest_file_bytes,
        ),
        (
            "uploads.largest_document_bytes",
            config.uploads.largest_document_bytes,
        ),
        ("events.per_account", config.events.per_account.into()),
        ("events.poll_millis", config.events.poll_millis),
        (
            "events.keep_alive_seconds",
            config.events.keep_alive_seconds,
        ),
        ("jobs.tidy_seconds", config.jobs.tidy_seconds),
        ("jobs.fold_seconds", config.jobs.fold_seconds),
        ("mail.look_seconds", config.mail.look_seconds),
        ("echo.read_ms", config.echo.read_ms),
        ("echo.look_ms", config.echo.look_ms),
    ];
    if let Some((key, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
        return Err(ConfigError::Value {
            key,
            problem: "must be at least 1",
        });
    }
    // With the five seconds that credentials are cached, a revoked one ends a stream within thirty.
    if config.events.keep_alive_seconds > 25 {
        return Err(ConfigError::Value {
            key: "events.keep_alive_seconds",
            problem: "must be at most 25",
        });
    }
    if config.data_dir == PathBuf::new() {
        return Err(ConfigError::Value {
            key: "data_dir",
            problem: "must name a folder",
        });
    }
    while config.public_url.ends_with('/') {
        config.public_url.pop();
    }
    let url_like = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    if !config.public_url.is_empty() && !url_like(&config.public_url) {
        return Err(ConfigError::Value {
            key: "public_url",
            problem: "must start with http:// or https://",
        });
    }
    config.proxies()?;
    config.prefixes()?;
    config.database.check()?;
    config.deployment.check(&config)?;
    Ok(config)
}

/// What is taken from the environment as it is: what reads like a number or a truth value must not become one.
const VERBATIM: &[&str] = &[
    "captcha.aliyun.access_key_id",
    "captcha.aliyun.interactive_scene",
    "captcha.aliyun.managed_scene",
    "captcha.aliyun.secret",
    "captcha.turnstile.interactive_secret",
    "captcha.turnstile.managed_secret",
    "echo.kv.token",
    "mail.smtp.password",
    "storage.cos.access_key_id",
    "storage.cos.bucket",
    "storage.cos.secret",
    "storage.cos.token",
    "storage.local.archive_dir",
    "storage.oss.access_key_id",
    "storage.oss.bucket",
    "storage.oss.secret",
    "storage.oss.token",
    "storage.r2.access_key_id",
    "storage.r2.bucket",
    "storage.r2.secret",
    "storage.r2.token",
];

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` wants it")]
fn fault(error: config::ConfigError) -> ConfigError {
    ConfigError::Source(in_one_line(&without_values(&error.to_string())))
}

/// Without the texts that serde quotes: `storage.r2 = "…"` is of the wrong type, and may be a secret in the wrong place.
fn without_values(sentence: &str) -> String {
    let (mut told, mut rest) = (String::new(), sentence);
    while let Some((before, value)) = rest.split_once(QUOTED) {
        told = told + before + QUOTED + "…";
        let mut escaped = false;
        let end = value.find(|char| {
            let ends = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            ends
        });
        rest = end.map_or("", |end| &value[end..]);
    }
    told + rest
}

/// How serde begins to quote.
const QUOTED: &str = "string \"";

/// A sentence without line ends, and without what a parser of TOML draws: the line at fault, as `3 | secret = "…`. Its number is told.
#[must_use]
pub fn in_one_line(sentence: &str) -> String {
    let drawn = |line: &str| {
        line.trim_start_matches(|char: char| char.is_ascii_digit() || char == ' ')
            .starts_with('|')
    };
    let told = sentence.lines().filter(|line| !drawn(line));
    told.map(str::trim).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_named_and_not_shown() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = |text: &[u8]| OsString::from_vec(text.to_vec());
        let odd = || bytes(b"\xffhush");
        let name = |text: &str| bytes(text.as_bytes());
        assert!(readable([(name("OTHER"), odd())].into_iter()).is_ok());
        let fault = readable([(name("PICORA__STORAGE__R2__SECRET"), odd())].into_iter());
        let told = fault.unwrap_err().to_string();
        assert!(
            told.contains("PICORA__STORAGE__R2__SECRET") && !told.contains("hush"),
            "{told}"
        );
    }

    fn load_text(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("picora.toml");
        std::fs::write(&file, text).unwrap();
        load(Some(&file), &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_goes_over_the_defaults_and_flags_over_the_file() {
        assert_eq!(load(None, &[]).unwrap(), Config::default());
        let config = load_text(
            "listen = \"127.0.0.1:9\"\n[rate_limits]\nread = { per_minute = 60, burst = 3 }",
        )
        .unwrap();
        assert_eq!(
            (
                config.listen.port(),
                config.rate_limits.read.burst,
                config.rate_limits.upload.burst
            ),
            (9, 3, 5)
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("picora.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:9\"").unwrap();
        let config = load(Some(&file), &[("listen", "127.0.0.1:10".to_owned())]).unwrap();
        assert_eq!(config.listen.port(), 10);
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let text = "[database]\nurl = \"postgres://me:hunter2@db/picora\"\nshared_folder = true";
        let config = load_text(text).unwrap();
        assert!(config.database.url().unwrap().contains("hunter2"));
        let shown = format!("{config:?}{}", toml::to_string(&config).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        for (wrong, name) in [
            ("\"mysql://me:hunter2@db\"", "url"),
            ("[\"postgres://me:hunter2@db\"]", "url"),
            ("\"postgres://me:hunter2@db", "picora.toml"), // whose line is not drawn
        ] {
            let fault = load_text(&format!("[database]\nurl = {wrong}")).unwrap_err();
            assert!(
                !fault.contains("hunter2") && fault.contains(name),
                "{fault}"
            );
        }
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_shown_nowhere() {
        for (text, name) in [
            ("storage = \"hunter2\"", "storage"),
            ("[storage]\nr2 = \"hunter2\"", "storage.r2"),
            ("[storage]\nr2 = 'a\"hunter2\\'", "storage.r2"),
            ("[captcha]\nturnstile = \"hunter2\"", "captcha.turnstile"),
            ("[captcha.aliyun]\nsecret = { a = \"hunter2\" }", "secret"),
            ("database = \"postgres://me:hunter2@db\"", "database"),
            (
                "[storage.r2]\nbucket_in_path = \"hunter2\"",
                "bucket_in_path",
            ),
            ("[mail]\nsmtp = \"hunter2\"", "mail.smtp"),
        ] {
            let fault = load_text(text).expect_err(text);
            assert!(!fault.contains("hunter2"), "{fault}");
            assert!(fault.contains(name), "{text}: {fault}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (text, names) in [
            ("lisen = \"127.0.0.1:9\"", "lisen"),
            ("[uploads]\nmax_opn = 1", "max_opn"),
            ("listen = \"nowhere\"", "listen"),
            ("[uploads]\nmax_open = 0", "uploads.max_open"),
            ("public_url = \"picora.me\"", "public_url"),
            ("data_dir = \"\"", "data_dir"),
            ("trusted_proxies = [\"10.0.0.1/8\"]", "10.0.0.0/8"),
            ("trusted_proxies = [\"10.0.0.1\"]", "`10.0.0.1`"),
            ("trusted_proxies = 10", "trusted_proxies"),
            ("trusted_header = \"x\"", "trusted_header"),
            (
                "[rate_limits]\nipv6_prefix_bits = 0",
                "rate_limits.ipv6_prefix_bits",
            ),
            (
                "[rate_limits]\nipv6_prefix_bits = 129",
                "rate_limits.ipv6_prefix_bits",
            ),
            ("[rate_limits]\nreset = \"clock\"", "rate_limits.reset"),
            ("[rate_limits]\ndraft = \"v9\"", "rate_limits.draft"),
            (
                "[rate_limits.fail]\nread = \"never\"",
                "rate_limits.fail.read",
            ),
            ("[rate_limits.fail]\nreads = \"open\"", "reads"),
            ("[rate_limits]\nreplicas = 0", "replicas"),
            ("[[[", "picora.toml"),
            ("deployment = \"moon\"", "moon"),
            ("[storage.s3]\nbucket = \"a\"", "s3"),
            ("[captcha.turnstile]\nsecret = \"a\"", "secret"),
            ("[events]\nper_account = 0", "events.per_account"),
            ("[events]\nkeep_alive_seconds = 26", "keep_alive_seconds"),
            ("[database]\nurl = \"mysql://a\"", "database.url"),
            ("[database]\nshared_folder = true", "database.shared_folder"),
            ("[database]\nurls = \"postgres://a\"", "urls"),
            ("[mail]\nlook_seconds = 0", "mail.look_seconds"),
            ("[echo]\nread_ms = 0", "echo.read_ms"),
            ("[echo.kv]\nurl = \"a\"", "url"),
            ("[mail.smtp]\ntls = \"perhaps\"", "mail.smtp.tls"),
            ("[mail.smtp]\nhots = \"a\"", "hots"),
        ] {
            let fault = load_text(text).expect_err(text);
            assert!(fault.contains(names), "{text}: {fault}");
        }
        assert!(load(Some(Path::new("/nowhere/picora.toml")), &[]).is_err());
    }
}
