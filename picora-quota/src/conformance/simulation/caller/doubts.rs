//! What became of calls without an answer: asked again, under the same names.

use super::journal::{Posted, State};
use super::{Caller, Chance, Taken, is_pending, is_unknown};
use crate::conformance::simulation::call::{Answer, Call};
use crate::conformance::simulation::wire::Line;
use crate::{Recounted, ReservationState, Settled};
use picora_core::StoreErrorKind;

impl Caller {
    /// Asks after everything that it does not know, once.
    ///
    /// **Errors**: as [`Caller::act`].
    pub async fn clear_doubts(
        &mut self,
        line: &mut impl Line,
        chance: &Chance,
    ) -> Result<(), Taken> {
        for upload in 0..self.journal.uploads.len() {
            match &self.journal.uploads[upload].state {
                State::Asked => self.ask_for_room(line, upload).await?,
                State::Settling(_) | State::GivingUp => {
                    if chance.one_in(6) {
                        // Whatever it was about to do, it now wants to give it up; if it was done, that is what it is told.
                        self.journal.uploads[upload].state = State::GivingUp;
                    }
                    self.ask_to_settle(line, upload).await;
                }
                // Held, and nobody works on it any more: somebody restarted.
                State::Held if !self.at_work.contains(&upload) => {
                    if chance.one_in(2) {
                        self.at_work.insert(upload);
                    } else {
                        self.give_up(line, upload).await;
                    }
                }
                State::Gone(_) | State::Held | State::Over | State::Stored(_) => {}
            }
        }
        for bill in 0..self.journal.bills.len() {
            if self.journal.bills[bill].state == Posted::InDoubt {
                self.ask_to_post(line, bill).await;
            }
        }
        for count in 0..self.journal.recounts.len() {
            if self.journal.recounts[count].by.is_none() {
                self.ask_to_correct(line, count).await;
            }
        }
        Ok(())
    }

    pub(super) async fn ask_to_settle(&mut self, line: &mut impl Line, upload: usize) {
        let entry = &self.journal.uploads[upload];
        let id = entry.request.id;
        let call = match &entry.state {
            State::Settling(actual) => Call::Commit(id, actual.clone()),
            _ => Call::Release(id),
        };
        let state = match line.ask(call).await {
            Ok(Answer::Settled(Settled::Done(held) | Settled::Earlier(held))) => match held.state {
                ReservationState::Committed => State::Stored(held.granted),
                _ if is_pending(&held) => return,
                _ => State::Over,
            },
            Ok(Answer::Settled(Settled::Exceeds(_))) => State::Held,
            Ok(Answer::Settled(Settled::Unknown)) => State::Over,
            _ => return,
        };
        self.journal.uploads[upload].state = state;
    }

    pub(super) async fn ask_to_post(&mut self, line: &mut impl Line, bill: usize) {
        let posting = self.journal.bills[bill].posting.clone();
        let lost = self.journal.bills[bill].lost;
        let state = match line.ask(Call::Post(posting)).await {
            Ok(_) => Posted::Done, // now, or before
            Err(error) if error.kind() == StoreErrorKind::OutOfRange => Posted::Refused,
            Err(error) if is_unknown(&error) => {
                self.journal.bills[bill].lost = true;
                return;
            }
            // Nothing has happened, so nothing need be asked: it may do without.
            Err(_) if !lost && bill.is_multiple_of(2) => Posted::Refused,
            Err(_) => return,
        };
        self.journal.bills[bill].state = state;
    }

    pub(super) async fn ask_to_correct(&mut self, line: &mut impl Line, count: usize) {
        let recount = self.journal.recounts[count].recount.clone();
        let by = i128::from(recount.truth.get()) - i128::from(recount.seen.used.get());
        let asked_before = self.journal.recounts[count].asked;
        self.journal.recounts[count].asked = true;
        let level = recount.cell().is_some();
        self.journal.recounts[count].by = match line.ask(Call::Correct(recount)).await {
            Ok(Answer::Recounted(Recounted::Posted { .. })) => Some(by),
            // Its own key is used: the answer that was lost said so.
            Ok(Answer::Recounted(Recounted::Refused)) if asked_before && level => Some(by),
            Ok(_) => Some(0),
            Err(error) if is_unknown(&error) => None,
            Err(_) => {
                self.journal.recounts[count].asked = asked_before;
                None
            }
        };
    }
}
