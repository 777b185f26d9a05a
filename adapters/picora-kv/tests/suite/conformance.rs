//! The suite that every echo passes, by what KV claims.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use picora_core::{ManualClock, Timestamp};
use picora_quota::conformance::echo::{self, EchoHarness, World};
use picora_testkit::Miniflare;

use crate::world::{Itself, Namespace, run, shared};

#[derive(Clone, Copy, Debug)]
enum On {
    /// KV itself, which shows at once what was written; in real time.
    Itself,
    /// A place that lags by a minute, with KV's limits; on the test's clock.
    Edge,
    /// The same for the status alone.
    EdgeWithoutNumbers,
}

impl EchoHarness for On {
    fn run<F: Future>(&self, future: F) -> F::Output {
        run(future)
    }

    fn fresh(&self) -> World {
        let at_an_edge = Namespace::fresh();
        let config = match self {
            Self::Itself => {
                let direct = at_an_edge.at(Miniflare::shared().port());
                direct.with_staleness(Duration::ZERO)
            }
            Self::Edge => at_an_edge.config(),
            Self::EdgeWithoutNumbers => at_an_edge.config().status_only(),
        };
        let namespace = at_an_edge.id.clone();
        World {
            echo: shared(config.clone()),
            other: shared(config),
            place: match self {
                Self::Itself => Box::new(Itself {
                    namespace,
                    skipped: ManualClock::at(Timestamp::EPOCH),
                }),
                _ => Box::new(at_an_edge),
            },
        }
    }
}

/// The suite holds an echo to the lag that it declares: this one says ten seconds, and its place lags by a minute.
#[test]
fn an_echo_that_lags_more_than_it_declares_is_caught() {
    let namespace = Namespace::fresh();
    let config = namespace.config().with_staleness(Duration::from_secs(10));
    let world = World {
        echo: shared(config.clone()),
        other: shared(config),
        place: Box::new(namespace),
    };
    let suite = AssertUnwindSafe(|| run(echo::says_what_it_was_told(&world)));
    assert!(catch_unwind(suite).is_err());
}

mod itself {
    picora_quota::echo_conformance!(super::On::Itself);
}

mod at_an_edge {
    picora_quota::echo_conformance!(super::On::Edge);
}

mod without_numbers {
    picora_quota::echo_conformance!(super::On::EdgeWithoutNumbers);
}
