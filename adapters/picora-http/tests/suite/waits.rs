//! Row #242 and the headers over a matrix of policies, on a clock that the test turns.

use std::collections::HashMap;
use std::time::Duration;

use picora_http::{Draft, LimitOptions};
use picora_ratelimit::{Limit, Policy};
use proptest::prelude::*;

use crate::world::{Answer, Fixed, World, request, send};

/// One limit; the bursts and lengths are such that a denial comes soon, and their waits are seldom whole seconds.
fn limit(at: usize) -> impl Strategy<Value = Limit> {
    let name = format!("l{at}");
    (0..5, 3_u64..12, 1_u64..90_000, 3_u64..9).prop_map(move |(kind, most, millis, burst)| {
        let length = Duration::from_millis(millis);
        match kind {
            0 => Limit::window(&name, most, length),
            1 => Limit::rolling(&name, most, length),
            2 => Limit::daily(&name, most),
            3 => Limit::monthly(&name, most),
            _ => Limit::gcra(&name, 1, length, burst),
        }
        .unwrap()
    })
}

fn policies() -> impl Strategy<Value = Vec<Policy>> {
    let limits = || (limit(0), limit(1), limit(2), 1_usize..4);
    let policy = |name: &'static str| {
        limits().prop_map(move |(a, b, c, count)| {
            Policy::new(name, [a, b, c].into_iter().take(count)).unwrap()
        })
    };
    (policy("one"), policy("two"), 1_usize..3)
        .prop_map(|(one, two, count)| [one, two].into_iter().take(count).collect())
}

/// What the draft's field says of each limit: what is left, and the time.
fn told(answer: &Answer) -> HashMap<String, (u64, Option<u64>)> {
    let list = answer.header("RateLimit").unwrap_or_default();
    let items = list.split(", ").filter(|item| !item.is_empty());
    let item = |item: &str| {
        let mut parts = item.split(';');
        let name = parts.next().unwrap().trim_matches('"').to_owned();
        let numbers: HashMap<_, u64> = parts
            .map(|it| it.split_once('=').unwrap())
            .map(|(name, number)| (name.to_owned(), number.parse().unwrap()))
            .collect();
        (name, (numbers["r"], numbers.get("t").copied()))
    };
    items.map(item).collect()
}

/// Asks until it is refused, and looks at all that is told on the way.
async fn until_refused(world: &World, service: &crate::world::Service, cost: u64) -> Answer {
    let mut before = None;
    loop {
        let answer = send(service, request(None)).await;
        let now = told(&answer);
        let spent = if answer.status == 200 { cost } else { 0 };
        if let Some((earlier, left)) = before {
            for (name, (left, _)) in left {
                assert_eq!(
                    now[&name].0 + spent,
                    left,
                    "{name} falls by what was charged"
                );
            }
            a_window_falls(earlier, answer.triplet(), cost);
        }
        if answer.status != 200 {
            assert_eq!(answer.status, 429);
            return answer;
        }
        assert_eq!(answer.header("Retry-After"), None);
        before = Some((answer.triplet(), now));
        assert!(world.served() < 1_000, "nothing refuses");
    }
}

/// The triplet, of which both families are found equal: while one window is shown, it falls by the cost or stays.
fn a_window_falls(earlier: Option<[u64; 3]>, later: Option<[u64; 3]>, cost: u64) {
    if let (Some([limit, left, reset]), Some([other, now, end])) = (earlier, later)
        && (limit, reset) == (other, end)
    {
        assert!(
            left == now || left == now + cost,
            "{left}, then {now} of {limit}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Whoever waits exactly `Retry-After` passes, and a second less is too early; each limit falls by what was charged; no `t` of a
    /// denial is later than `Retry-After`.
    #[test]
    fn whoever_waits_as_long_as_told_passes(policies in policies(), cost in 1_u64..4, start in 0_u64..100_000_000, v11: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let draft = if v11 { Draft::V11 } else { Draft::V10 };
        let world = World {
            options: LimitOptions { draft: Some(draft), ..LimitOptions::default() },
            ..World::new()
        };
        world.clock.advance(Duration::from_micros(start));
        let service = world.charging(Fixed::of(policies, cost));
        runtime.block_on(async {
            for _ in 0..3 {
                let denied = until_refused(&world, &service, cost).await;
                let wait: u64 = denied.header("Retry-After").unwrap().parse().unwrap();
                assert!(denied.body.contains(&format!(r#""meta":{{"retryAfterSec":{wait}}}"#)));
                assert!(told(&denied).values().all(|(_, time)| time.is_none_or(|time| time <= wait)));
                world.clock.advance(Duration::from_secs(wait - 1));
                assert_eq!(send(&service, request(None)).await.status, 429);
                world.clock.advance(Duration::from_secs(1));
                assert_eq!(send(&service, request(None)).await.status, 200);
            }
        });
    }
}
