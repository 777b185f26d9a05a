//! The public suite on the limiter in memory; and a broken limiter for each promise, which must fail it.

mod on_memory {
    picora_ratelimit::limiter_conformance!(picora_ratelimit::conformance::MemoryHarness);
}

/// More seeds than the suite's one.
#[test]
fn many_histories_on_memory() {
    use picora_ratelimit::conformance::{Course, Harness, MemoryHarness, a_random_history};
    for seed in 0..200 {
        let (_guard, limiter) = MemoryHarness.fresh();
        MemoryHarness.run(a_random_history(&*limiter, seed, 400, Course::Forward));
    }
}

/// The frame of the broken limiters is sound.
mod without_a_fault {
    use crate::broken::{Broken, Fault};
    picora_ratelimit::limiter_conformance!(Broken(Fault::Nothing));
}

/// A promise that no fault can break proves nothing.
mod promises_can_fail {
    use crate::broken::{Broken, Fault, must_fail};
    use picora_ratelimit::conformance::{self, Harness};

    macro_rules! broken_for {
        ([] $($promise:ident)*) => {$(
            #[test]
            fn $promise() {
                let harness = Broken(Fault::$promise());
                let (_guard, limiter) = harness.fresh();
                must_fail(|| harness.run(conformance::$promise(&*limiter)));
            }
        )*};
    }
    picora_ratelimit::limiter_promises!(broken_for,);

    #[test]
    fn callers_at_once_never_pass_more() {
        must_fail(|| conformance::callers_at_once_never_pass_more(&Broken(Fault::Races)));
    }
}
