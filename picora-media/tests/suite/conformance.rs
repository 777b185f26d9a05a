use std::future::Future;

use picora_core::memory::MemoryTx;
use picora_media::conformance::Harness;
use picora_media::memory::{MediaState, MemoryMedia};

struct Memory;

impl Harness for Memory {
    type Tx = MemoryTx<MediaState>;
    type Store = MemoryMedia;
    type Guard = ();

    fn run<F: Future>(&self, future: F) -> F::Output {
        futures::executor::block_on(future)
    }

    fn fresh(&self) -> ((), MemoryMedia) {
        ((), MemoryMedia::new(MediaState::default()))
    }
}

picora_media::catalogue_conformance!(Memory);
