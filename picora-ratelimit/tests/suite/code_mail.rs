//! Mails with codes: the documents' rows, histories against a list of sends, and faults at every call.

mod breaker;
mod captcha;
mod faults;
mod history;
mod model;
mod rows;
mod world;
