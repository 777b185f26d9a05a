//! How two things are measured fairly.

use std::time::Instant;

/// Odd, so that the median is a measurement; enough to outvote two disturbed ones.
const ROUNDS: usize = 7;

/// Lets ours and the peer take turns, and answers the median of each.
///
/// Both meet the same drift of a machine that warms up, throttles or has visitors. Who goes first changes every round; one round
/// before is not counted.
pub(crate) fn alternate(
    mut ours: impl FnMut() -> f64,
    mut peer: impl FnMut() -> f64,
) -> (f64, f64) {
    let (mut of_ours, mut of_peer) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (a, b) = if round % 2 == 0 {
            let a = ours();
            (a, peer())
        } else {
            let b = peer();
            (ours(), b)
        };
        if round > 0 {
            of_ours.push(a);
            of_peer.push(b);
        }
    }
    (median(of_ours), median(of_peer))
}

/// Operations per second of a piece of work that does so many of them.
pub(crate) fn per_second(operations: usize, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    operations as f64 / started.elapsed().as_secs_f64()
}

/// As [`per_second`] with the work done on several threads at once, each told its number.
pub(crate) fn per_second_on(threads: usize, operations: usize, work: impl Fn(usize) + Sync) -> f64 {
    per_second(threads * operations, || {
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let work = &work;
                scope.spawn(move || work(thread));
            }
        });
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_take_turns_and_the_first_round_does_not_count() {
        let turns = std::cell::RefCell::new(String::new());
        let turn = |who| {
            turns.borrow_mut().push(who);
            turns.borrow().len() as f64
        };
        let _ = alternate(|| turn('o'), || turn('p'));
        assert_eq!(turns.into_inner(), "oppooppooppooppo");
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
    }
}
