//! The server from outside: over HTTP, as a process, and killed.

mod answer;
mod days;
mod upload;
mod world;
