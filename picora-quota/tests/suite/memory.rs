use std::future::Future;

use picora_core::memory::{MemoryStore, MemoryTx};
use picora_quota::Books;
use picora_quota::conformance::Harness;

struct Memory;

impl Harness for Memory {
    type Tx = MemoryTx<Books>;
    type Store = MemoryStore<Books>;
    type Guard = ();

    fn run<F: Future>(&self, future: F) -> F::Output {
        futures::executor::block_on(future)
    }

    fn fresh(&self) -> ((), MemoryStore<Books>) {
        ((), MemoryStore::new(Books::default()))
    }
}

picora_quota::ledger_conformance!(Memory);
