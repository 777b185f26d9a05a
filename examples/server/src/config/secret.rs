//! Secrets: given in one place, and shown in none.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::Serializer;

use super::ConfigError;

/// The secret of a key, which is given by itself or in the file that `<key>_file` names; `None` without either.
///
/// A line's end after it is cut. **Errors**: [`ConfigError`] names the key or the file, and nothing of the secret: both are given, the file
/// cannot be read, or it is empty.
pub(super) fn secret(
    key: &str,
    given: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, ConfigError> {
    let given = given.filter(|it| !it.expose_secret().is_empty());
    match (given, file) {
        (given, None) => Ok(given.cloned()),
        (None, Some(file)) => read(key, file).map(Some),
        (Some(_), Some(_)) => Err(source(format!(
            "`{key}` and `{key}_file` are both given: one is enough"
        ))),
    }
}

fn read(key: &str, file: &Path) -> Result<SecretString, ConfigError> {
    let text = text(file)?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        let file = file.display();
        return Err(source(format!(
            "{file} is empty: `{key}_file` must name a file with the secret in it"
        )));
    }
    Ok(SecretString::from(secret.to_owned()))
}

/// What a file holds. **Errors**: [`ConfigError`] names it.
pub(super) fn text(file: &Path) -> Result<String, ConfigError> {
    let says = |problem: &str| source(format!("{} cannot be read: {problem}", file.display()));
    let says_error = |error: std::io::Error| says(&error.to_string());
    // Asked before it is opened: opening a pipe that nobody writes to would wait for ever.
    if !std::fs::metadata(file).map_err(says_error)?.is_file() {
        return Err(says("it is no file"));
    }
    let mut text = String::new();
    let opened = File::open(file).map_err(says_error)?;
    opened
        .take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(says_error)?;
    if text.len() as u64 > LONGEST {
        return Err(says(&format!("it has more than {LONGEST} bytes")));
    }
    Ok(text)
}

/// A chain of certificates has some thousand bytes.
const LONGEST: u64 = 1 << 20;

/// A fault that one sentence tells.
pub(super) const fn source(sentence: String) -> ConfigError {
    ConfigError::Source(sentence)
}

/// Writes that there is one.
pub(super) fn hidden<S: Serializer>(
    secret: &Option<SecretString>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => to.serialize_some("(hidden)"),
        None => to.serialize_none(),
    }
}

/// The text, for comparing: a secret has no equality of its own.
pub(super) fn exposed(secret: &Option<SecretString>) -> Option<&str> {
    secret.as_ref().map(ExposeSecret::expose_secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_from_one_place_without_its_lines_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let given = SecretString::from("hush".to_owned());
        let told = |given: Option<&SecretString>, file: Option<&Path>| {
            let secret = secret("a.secret", given, file);
            let secret = secret.map(|it| it.map(|it| it.expose_secret().to_owned()));
            secret.map_err(|error| error.to_string())
        };
        assert_eq!(told(None, None).unwrap(), None);
        assert_eq!(told(Some(&given), None).unwrap().unwrap(), "hush");
        for (held, secret) in [
            ("hush", "hush"),
            ("hush\n", "hush"),
            ("hush\r\n", "hush"),
            (" hu\nsh \n\n", " hu\nsh \n"),
        ] {
            std::fs::write(&file, held).unwrap();
            assert_eq!(told(None, Some(&file)).unwrap().unwrap(), secret);
        }
        let twice = told(Some(&given), Some(&file)).unwrap_err();
        assert!(twice.contains("`a.secret_file` are both given"), "{twice}");
        let empty = SecretString::default();
        assert!(
            told(Some(&empty), Some(&file)).is_ok(),
            "an empty one is none"
        );
        for nothing in ["", "\n", "\r\n"] {
            std::fs::write(&file, nothing).unwrap();
            let fault = told(None, Some(&file)).unwrap_err();
            assert!(fault.contains("is empty") && fault.contains("a.secret_file"));
        }
        std::fs::write(&file, "x".repeat((1 << 20) + 1)).unwrap();
        let fault = told(None, Some(&file)).unwrap_err();
        assert!(fault.contains("more than 1048576 bytes"), "{fault}");
        for none in [folder.path(), Path::new("/dev/zero")] {
            let fault = told(None, Some(none)).unwrap_err();
            assert!(fault.ends_with("it is no file"), "{fault}");
        }
        let fault = told(None, Some(Path::new("/nowhere/secret"))).unwrap_err();
        assert!(fault.contains("/nowhere/secret"), "{fault}");
        assert!(!twice.contains("hush"));
    }
}
