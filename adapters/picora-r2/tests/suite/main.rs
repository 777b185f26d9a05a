//! The adapter against the strict emulator, which clients of others have judged.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod between;
mod integrity;
mod presigned;
mod signatures;
mod world;

picora_testcloud::store_promises!(crate::world::fresh, updates: true);
picora_testcloud::store_promises!(strangers: crate::world::start, crate::world::opened);
picora_testcloud::store_promises!(liars: crate::world::start, crate::world::opened);
picora_testcloud::gigabyte_promise!("r2", crate::world::at);
