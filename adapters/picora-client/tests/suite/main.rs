//! The client from outside: against servers that are limited, broken or hostile, and against the real one.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod bad_answers;
mod command;
mod host;
mod hostile;
mod policy;
mod real;
mod sender;
mod tls;
