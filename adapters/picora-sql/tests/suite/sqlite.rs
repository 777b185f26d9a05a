//! SQLite.

use crate::world::{self, Sqlite};

picora_quota::ledger_conformance!(Sqlite::start());

#[test]
fn twenty_histories_are_those_of_the_books() {
    world::follows_the_books(&Sqlite::start());
}
