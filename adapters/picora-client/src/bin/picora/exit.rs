//! What the exit code says.

use std::process::ExitCode;

use http::StatusCode;
use picora_client::Error;

/// How it ended; of several, the largest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Everything was done.
    Done,
    /// A file or a resource was at fault.
    Fault,
    /// An argument or a setting cannot be used.
    Unusable,
    /// The host does not accept the key.
    Key,
    /// A quota or a rate limit is used up.
    Limit,
    /// The host cannot be reached, or does not answer as Picora does.
    Host,
}

impl Exit {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Refused(refusal) => match refusal.status {
                StatusCode::UNAUTHORIZED => Self::Key,
                StatusCode::TOO_MANY_REQUESTS => Self::Limit,
                _ if refusal.code == "QUOTA_EXCEEDED" => Self::Limit,
                status if status.is_server_error() => Self::Host,
                _ => Self::Fault,
            },
            Error::File { .. } | Error::Request(_) => Self::Fault,
            _ => Self::Host,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Fault => 1,
            Exit::Unusable => 2,
            Exit::Key => 3,
            Exit::Limit => 4,
            Exit::Host => 5,
        })
    }
}
