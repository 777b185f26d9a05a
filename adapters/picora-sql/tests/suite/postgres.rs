//! PostgreSQL.

use crate::world::{self, Postgres};

picora_quota::ledger_conformance!(Postgres::start());

#[test]
fn twenty_histories_are_those_of_the_books() {
    world::follows_the_books(&Postgres::start());
}
