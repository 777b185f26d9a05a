//! What wrong ledgers do beside what they answer.

use picora_core::{
    Amount, Dimension, Posting, PostingReason, ReservationId, StoreError, Tally, Timestamp,
};
use picora_quota::{
    Counter, Denial, Ledger, Reservation, ReservationState, Reserve, Reserved, Settled, Shortfall,
};

use super::{Broken, Fault};

impl Broken {
    /// Something else moves than is told.
    pub(super) async fn and_something_hidden(
        &self,
        settled: Settled,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        match (self.fault, &settled) {
            (Fault::PaysTwice, Settled::Done(held)) => {
                self.move_more(held, 1, usize::MAX, now).await?;
            }
            (Fault::PaysForHalf, Settled::Done(held)) if held.granted.len() > 1 => {
                self.move_more(held, -1, 1, now).await?;
            }
            (Fault::ResolvesTwice, Settled::Earlier(held))
                if held.state == ReservationState::Committed =>
            {
                self.move_more(held, 1, usize::MAX, now).await?;
                return Ok(Settled::Done(held.clone()));
            }
            _ => {}
        }
        Ok(settled)
    }

    /// Moves what a reservation has committed again, or back.
    async fn move_more(
        &self,
        held: &Reservation,
        sign: i64,
        most: usize,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for granted in held.granted.iter().take(most) {
            let Counter::Dimension(dimension) = granted.key.counter else {
                continue;
            };
            let posting = Posting {
                key: self.key_of_its_own(dimension.field()),
                account: held.account,
                dimension,
                tally: None,
                delta: sign * granted.amount.to_i64(),
                reason: PostingReason::Force,
                happened_at: granted.key.window.start().unwrap_or(now),
            };
            self.inner.post(&posting, now).await?;
        }
        Ok(())
    }

    /// Answers as if it were committed, and gives everything back.
    pub(super) async fn commit_in_words(
        &self,
        id: ReservationId,
        actual: &[(Dimension, Amount)],
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        let told = self
            .inner
            .read(|books| books.clone().commit(id, actual, now));
        let told = told.unwrap();
        if matches!(told, Settled::Done(_)) {
            self.inner.release(id, now).await?;
        }
        Ok(told)
    }

    /// A refusal of what would fit if the dead were gone, as they must be.
    pub(super) fn denied_by_the_dead(&self, request: &Reserve, now: Timestamp) -> Option<Reserved> {
        let fits = self.inner.read(|books| {
            let facts = books.facts(request.account, now).unwrap();
            let dead = facts.is_some_and(|it| it.pending.iter().any(|held| held.is_due(now)));
            let admitted = books.clone().reserve(request, now).unwrap();
            dead && matches!(admitted, Reserved::Admitted(_))
        });
        let short = Shortfall {
            counter: Counter::OpenReservations,
            used: Amount::ZERO,
            reserved: Amount::ONE,
            limit: Amount::ONE,
            requested: Amount::ONE,
            resets_at: None,
        };
        fits.then(|| Reserved::Denied(Denial::of(vec![short]).unwrap()))
    }

    /// The start of a later window of which only the dead hold anything.
    pub(super) fn opened_by_the_dead(
        &self,
        request: &Reserve,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let facts = self.inner.read(|books| books.facts(request.account, now));
        let pending = facts.ok()??.pending;
        let dead = pending.iter().filter(|held| held.is_due(now));
        let granted = dead.flat_map(|held| &held.granted);
        let asked = granted.filter(|it| {
            let of =
                |item: &picora_quota::Item| it.key.counter == Counter::Dimension(item.dimension);
            request.items.iter().any(of)
        });
        let starts = asked.filter_map(|it| it.key.window.start());
        let last = now.saturating_add(picora_quota::reserve::AHEAD);
        let start = starts
            .filter(|start| now < *start && *start <= last)
            .max()?;
        let right = self.inner.read(|books| books.clone().reserve(request, now));
        let by_the_living =
            matches!(right, Ok(Reserved::Admitted(held)) if held.created_at >= start);
        (!by_the_living).then_some(start)
    }

    /// Where a number would become negative, it stops at zero.
    pub(super) fn clamped(&self, posting: &Posting) -> i64 {
        let counters = [
            Some(Counter::Dimension(posting.dimension)),
            posting.tally.map(Counter::Tally),
        ];
        let used = |counter: Counter| {
            let key = counter.key_at(posting.happened_at)?;
            let facts = self
                .inner
                .read(|books| books.facts(posting.account, posting.happened_at));
            let cell = facts.ok()??.cells.get(&key).copied();
            Some(cell.map_or(0, |(cell, _)| cell.used.to_i64()))
        };
        let least = counters.into_iter().flatten().filter_map(used).min();
        let of_it = |tally: Tally| tally.dimension() == posting.dimension;
        if posting.tally.is_none_or(of_it) {
            posting.delta.max(-least.unwrap_or(0))
        } else {
            posting.delta
        }
    }
}
