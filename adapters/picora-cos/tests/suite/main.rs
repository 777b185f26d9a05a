//! The adapter against the strict emulator, which the vendor's own clients have judged.

#![expect(clippy::unwrap_used, reason = "what is amiss in a test shall stop it")]

mod world;

picora_testcloud::store_promises!(crate::world::fresh);
picora_testcloud::store_promises!(strangers: crate::world::start, crate::world::opened);
picora_testcloud::store_promises!(liars: crate::world::start, crate::world::opened);
picora_testcloud::gigabyte_promise!("cos", crate::world::at);
