//! The suite that every echo passes, by what KV claims.

use std::future::Future;
use std::time::Duration;

use picora_core::{ManualClock, Timestamp};
use picora_quota::conformance::echo::{EchoHarness, World};
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

mod itself {
    picora_quota::echo_conformance!(super::On::Itself);
}

mod at_an_edge {
    picora_quota::echo_conformance!(super::On::Edge);
}

mod without_numbers {
    picora_quota::echo_conformance!(super::On::EdgeWithoutNumbers);
}
