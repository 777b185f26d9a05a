//! The media host that Picora's documents describe: images, video, audio and Markdown, with quotas and rate limits.
//!
//! This crate assembles the others and holds no rule of its own. It is a library so that tests and the tour can run the very server that
//! the binary runs, on a clock of their own.
//!
//! | module | noun |
//! |---|---|
//! | [`app`] | the parts, assembled |
//! | [`deployment`] | what each deployment is made of |
//! | [`config`], [`cli`], [`commands`] | what an operator decides and does |
//! | [`routes`] | the route table, and the handlers |
//! | [`openapi`] | the documents, from the route table |
//! | [`credential`], [`signature`] | who asks |
//! | [`form`], [`input`], [`lingering`], [`answer`], [`failure`] | requests and answers |
//! | [`doctor`], [`reconcile`] | whether the books are right, and what is done when not |
//! | [`followers`] | who follows his usage live |
//! | [`egress`], [`jobs`], [`serve`] | what is counted, repaired, and how it stops |
//! | [`alerts`], [`unsubscribe`] | what is mailed, and how that ends |
//! | [`echo`] | copies of usage for readers near by |
//! | [`first_run`], [`tour`] | the first minutes |

pub mod alerts;
pub mod answer;
pub mod app;
pub mod cli;
pub mod commands;
pub mod config;
pub mod credential;
pub mod deployment;
pub mod doctor;
pub mod echo;
pub mod egress;
pub mod failure;
pub mod first_run;
pub mod followers;
pub mod form;
pub mod input;
pub mod jobs;
pub mod lingering;
pub mod log;
pub mod openapi;
pub mod reconcile;
pub mod routes;
pub mod scavenge;
pub mod serve;
pub mod signature;
#[cfg(feature = "real-servers")]
pub mod spends;
pub mod system;
pub mod tour;
pub mod unsubscribe;
