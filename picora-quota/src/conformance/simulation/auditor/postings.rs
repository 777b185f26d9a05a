//! Postings and recounts.

use picora_core::{AccountId, Dimension, Posting, StoreError, Timestamp};

use super::{Auditor, Heard, MOST, broken, heard};
use crate::conformance::simulation::call::Answer;
use crate::conformance::simulation::span::{Spot, spot};
use crate::{Counter, Posted, Recount, Recounted};

type Told = Result<Answer, StoreError>;

impl Auditor {
    pub(super) fn post(&mut self, posting: &Posting, now: Timestamp, answer: &Told) -> Heard {
        let key = posting.key.as_str().to_owned();
        let told = heard!(answer, Posted);
        if self.keys.contains(&key) {
            return match told {
                Some(Posted::Used) => Ok(()),
                _ => broken("I5", format!("{key} was used, and is told {answer:?}")),
            };
        }
        let by = i128::from(posting.delta);
        let counters = [
            Some(Counter::Dimension(posting.dimension)),
            posting.tally.map(Counter::Tally),
        ];
        let of_it = |tally: picora_core::Tally| tally.dimension() == posting.dimension;
        let spots = counters
            .into_iter()
            .flatten()
            .map(|it| spot(it, posting.happened_at));
        let spots: Option<Vec<Spot>> = spots.collect();
        let spots = spots.filter(|_| posting.tally.is_none_or(of_it));
        let fits = spots.filter(|spots| {
            spots.iter().all(|spot| {
                let used = self.used(posting.account, spot) + by;
                used >= 0 && used + self.reserved(posting.account, spot) <= MOST
            })
        });
        let Some(spots) = fits else {
            return match answer {
                Err(_) => Ok(()),
                Ok(told) => broken("I3", format!("a number leaves its range: {told:?}")),
            };
        };
        let before = self.used(posting.account, &spots[0]);
        self.keys.insert(key);
        self.use_all(
            posting.account,
            spots.iter().map(|spot| (spot.clone(), by)),
            posting.happened_at,
            now,
        );
        match told {
            Some(Posted::Done {
                before: from,
                after,
            }) if i128::from(from.used.get()) == before
                && i128::from(after.used.get()) == before + by =>
            {
                Ok(())
            }
            Some(Posted::Used) => broken("I5", "a fresh key is told to be used"),
            Some(told) => broken("I1", format!("{before} was used, and {by} came: {told:?}")),
            None => broken("I3", format!("refused for nothing: {answer:?}")),
        }
    }

    pub(super) fn see(&mut self, account: AccountId, counter: Counter, answer: &Told) -> Heard {
        let Some(seen) = heard!(answer, Seen) else {
            return broken("I3", "a look is no change");
        };
        let spot = (counter, String::new());
        let used = self.used(account, &spot);
        let known = self.account(account);
        let state = (known.moves_of(&spot), known.touched);
        self.seen.insert((account, counter, seen.moves), state);
        if i128::from(seen.used.get()) != used {
            return broken("I1", format!("{seen:?} of {counter:?}, not {used}"));
        }
        Ok(())
    }

    pub(super) fn correct(&mut self, recount: &Recount, now: Timestamp, answer: &Told) -> Heard {
        let spot = (recount.counter, String::new());
        let Some(told) = heard!(answer, Recounted) else {
            return broken("I3", format!("a recount is in range: {answer:?}"));
        };
        let level = matches!(
            recount.counter,
            Counter::Dimension(
                Dimension::ImgStorage | Dimension::MediaStorage | Dimension::DocCount
            ) | Counter::Tally(picora_core::Tally::AudioStorage)
        );
        let key = recount.key.as_str().to_owned();
        if !level || self.keys.contains(&key) {
            return match told {
                Recounted::Refused => Ok(()),
                told => broken("I15", format!("{key} must be refused, and is {told:?}")),
            };
        }
        let known = self.account(recount.account);
        let state = (known.moves_of(&spot), known.touched);
        let saw = (recount.account, recount.counter, recount.seen.moves);
        let Some((moves, touched)) = self.seen.get(&saw).copied() else {
            return broken("I15", "a recount that saw nothing");
        };
        let by = i128::from(recount.truth.get()) - i128::from(recount.seen.used.get());
        if *told == Recounted::Moved {
            // What was held and given back meanwhile may count as a move, and may not.
            return if state == (moves, touched) {
                broken("I15", "nothing has moved since it was counted")
            } else {
                Ok(())
            };
        }
        if state.0 != moves {
            return broken("I15", format!("a stale count is not refused: {told:?}"));
        }
        let largest = recount.truth.max(recount.seen.used).get();
        let plausible = recount.force || by.abs() * 5 <= i128::from(largest);
        let before = self.used(recount.account, &spot);
        let right = match told {
            Recounted::Even => by == 0,
            Recounted::Implausible => by != 0 && !plausible,
            Recounted::Posted {
                before: from,
                after,
            } => {
                by != 0
                    && plausible
                    && i128::from(from.used.get()) == before
                    && i128::from(after.used.get()) == before + by
            }
            Recounted::Moved | Recounted::Refused => false,
        };
        if !right {
            return broken("I15", format!("{by} is missing of {before}: {told:?}"));
        }
        if matches!(told, Recounted::Posted { .. }) {
            self.keys.insert(key);
            self.use_all(recount.account, [(spot, by)], now, now);
        }
        Ok(())
    }

    /// Moves several numbers of an account in one step.
    pub(super) fn use_all(
        &mut self,
        account: AccountId,
        moves: impl IntoIterator<Item = (Spot, i128)>,
        at: Timestamp,
        now: Timestamp,
    ) {
        let moves: Vec<_> = moves.into_iter().filter(|(_, by)| *by != 0).collect();
        self.moved(moves.iter().map(|(spot, _)| spot));
        let known = self.account(account);
        known.touched += 1;
        for (spot, by) in moves {
            known.use_more(&spot, by, at, now);
        }
    }
}
