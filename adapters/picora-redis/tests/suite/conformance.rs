//! The public suite, and histories verdict for verdict, on one server and on a cluster.

use crate::world::OnRedis;
use picora_ratelimit::conformance::{Course, Harness, a_random_history};

mod together {
    use crate::world::OnRedis;
    picora_ratelimit::limiter_conformance!(OnRedis::Together);
}

mod alone {
    use crate::world::OnRedis;
    picora_ratelimit::limiter_conformance!(OnRedis::Alone);
}

mod on_a_cluster {
    use crate::world::OnRedis;
    picora_ratelimit::limiter_conformance!(OnRedis::Cluster);
}

/// The script is the rule: after every step of many histories, also those in which the clock goes back, to the last number.
#[test]
fn the_script_is_the_rule() {
    let seeds = if std::env::var_os("PICORA_SOAK").is_some() {
        2_000
    } else {
        40
    };
    for seed in 0..seeds {
        let (_guard, limiter) = OnRedis::Together.fresh();
        let history = a_random_history(&*limiter, seed, 400, Course::Wild);
        OnRedis::Together.run(history);
    }
}
