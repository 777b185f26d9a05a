use std::future::Future;

use picora_core::conformance::Harness;
use picora_core::lease::LeaseBook;
use picora_core::memory::{MemoryStore, MemoryTx};
use picora_core::outbox::MessageBook;

/// What several domains share: one state, one transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    messages: MessageBook,
    leases: LeaseBook,
}

/// A part of the state.
macro_rules! has {
    ($part:ident: $book:ty) => {
        impl AsRef<$book> for World {
            fn as_ref(&self) -> &$book {
                &self.$part
            }
        }
        impl AsMut<$book> for World {
            fn as_mut(&mut self) -> &mut $book {
                &mut self.$part
            }
        }
    };
}

has!(messages: MessageBook);
has!(leases: LeaseBook);

struct Memory;

impl Harness for Memory {
    type Tx = MemoryTx<World>;
    type Store = MemoryStore<World>;
    type Guard = ();

    fn run<F: Future>(&self, future: F) -> F::Output {
        futures::executor::block_on(future)
    }

    fn fresh(&self) -> ((), MemoryStore<World>) {
        ((), MemoryStore::default())
    }
}

mod outbox {
    picora_core::outbox_conformance!(super::Memory);
}

mod leases {
    picora_core::lease_conformance!(super::Memory);
}
