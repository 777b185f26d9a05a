//! A caller of the ledger: it stores things, removes them and serves them, and must know at any time what it has paid for.

use std::collections::BTreeSet;
use std::time::Duration;

use picora_core::{
    AccountId, Amount, Dimension, Posting, PostingKey, PostingReason, ReservationId, StoreError,
    Tally,
};

use self::journal::{Bill, Count, State, Upload};
use super::call::{Answer, Call};
use super::chance::Chance;
use super::wire::Line;
use crate::conformance::TTL;
use crate::{
    Counter, Extended, Item, Items, Recount, RequestHash, Reservation, ReservationState, Reserve,
    Reserved,
};

pub use self::journal::Journal;

mod doubts;
mod journal;

/// Somebody who uses a ledger over a line on which calls are lost.
///
/// It writes down what it is about to do, does it, and writes down the answer. When there is none it asks again under the same name, now
/// or after a crash: what became of a call is probed, never guessed.
#[derive(Debug)]
pub struct Caller {
    /// Makes its names its own.
    name: u64,
    number: u64,
    accounts: Vec<AccountId>,
    journal: Journal,
    /// Uploads that it is working on; a crash forgets them.
    at_work: BTreeSet<usize>,
}

/// A name that was taken by somebody else, although nobody else makes such names.
#[derive(Debug)]
pub struct Taken(ReservationId);

impl Caller {
    /// A caller on these accounts. `name` is its own among all that use the same ledger.
    #[must_use]
    pub fn new(name: u64, accounts: Vec<AccountId>) -> Self {
        Self {
            name,
            number: 0,
            accounts,
            journal: Journal::default(),
            at_work: BTreeSet::new(),
        }
    }

    /// What it has written down.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Does one thing that callers do.
    ///
    /// **Errors**: [`Taken`] when the ledger says of one of its own names that it was used for another request.
    pub async fn act(&mut self, line: &mut impl Line, chance: &Chance) -> Result<(), Taken> {
        match chance.below(20) {
            0..5 => self.upload(line, chance).await?,
            5..10 => self.settle(line, chance).await,
            10 => self.grow(line, chance).await,
            11 => self.beat(line, chance).await,
            12..14 => self.remove(line, chance).await,
            14..16 => self.serve(line, chance).await,
            16 => self.unlock(line, chance).await,
            17 => self.ask_again(line, chance).await,
            18 => self.crash(),
            _ => self.clear_doubts(line, chance).await?,
        }
        if chance.one_in(30) {
            self.crash();
        }
        Ok(())
    }

    /// Forgets everything that is not in its journal.
    pub fn crash(&mut self) {
        self.at_work.clear();
    }

    /// What it has asked for by now.
    pub(super) fn requests(&self) -> Vec<Reserve> {
        let uploads = self.journal.uploads.iter();
        uploads.map(|it| it.request.clone()).collect()
    }

    async fn upload(&mut self, line: &mut impl Line, chance: &Chance) -> Result<(), Taken> {
        let (items, tally) = contents(chance);
        self.number += 1;
        let id = (u128::from(self.name) << 64) + u128::from(self.number);
        let request = Reserve {
            id: ReservationId::from_bytes(id.to_be_bytes()),
            account: *chance.pick(&self.accounts),
            request: RequestHash([chance.below(256).to_le_bytes()[0]; 32]),
            items,
            tally,
            expires_after: *chance.pick(&[TTL, TTL, Duration::from_secs(60)]),
        };
        self.journal.uploads.push(Upload {
            request,
            state: State::Asked,
            since: line.now(),
        });
        let upload = self.journal.uploads.len() - 1;
        self.at_work.insert(upload);
        self.ask_for_room(line, upload).await
    }

    /// Asks for room, perhaps once more.
    async fn ask_for_room(&mut self, line: &mut impl Line, upload: usize) -> Result<(), Taken> {
        let request = self.journal.uploads[upload].request.clone();
        let id = request.id;
        let Ok(Answer::Reserved(told)) = line.ask(Call::Reserve(request)).await else {
            return Ok(());
        };
        self.journal.uploads[upload].state = match told {
            Reserved::Admitted(held) | Reserved::Replayed(held) if is_pending(&held) => State::Held,
            Reserved::Admitted(_) | Reserved::Replayed(_) | Reserved::Denied(_) => State::Over,
            Reserved::KeyReused => return Err(Taken(id)),
        };
        Ok(())
    }

    /// Ends an upload that it works on: it is stored, or came to nothing.
    async fn settle(&mut self, line: &mut impl Line, chance: &Chance) {
        let Some(upload) = self.pick_held(chance) else {
            return;
        };
        let entry = &mut self.journal.uploads[upload];
        entry.since = line.now();
        entry.state = match chance.below(5) {
            0 => State::GivingUp,
            1 => State::Settling(came(&entry.request, chance)),
            _ => State::Settling(Vec::new()),
        };
        self.ask_to_settle(line, upload).await;
    }

    async fn grow(&mut self, line: &mut impl Line, chance: &Chance) {
        let Some(upload) = self.pick_held(chance) else {
            return;
        };
        let request = &self.journal.uploads[upload].request;
        let items = request.items.iter().map(|item| {
            let more = Amount::from(chance.below(60));
            let amount = Amount::saturating(item.amount.get() + more.get());
            Item::up_to(item.dimension, amount, Amount::from(chance.below(90)))
        });
        let totals = Items::new(items).expect("small amounts");
        if let Ok(Answer::Extended(Extended::Resolved(_))) =
            line.ask(Call::Extend(request.id, totals)).await
        {
            self.give_up(line, upload).await;
        }
    }

    async fn beat(&mut self, line: &mut impl Line, chance: &Chance) {
        let Some(upload) = self.pick_held(chance) else {
            return;
        };
        let id = self.journal.uploads[upload].request.id;
        if let Ok(Answer::Beat(None)) = line.ask(Call::Heartbeat(id, TTL)).await {
            self.give_up(line, upload).await;
        }
    }

    /// It has ended. Mostly it has expired; but a commit that was late, and was thought to have failed, may have come after all.
    async fn give_up(&mut self, line: &mut impl Line, upload: usize) {
        self.journal.uploads[upload].since = line.now();
        self.journal.uploads[upload].state = State::GivingUp;
        self.ask_to_settle(line, upload).await;
    }

    /// Deletes something that is stored: what it took is freed, under a key that exists once.
    async fn remove(&mut self, line: &mut impl Line, chance: &Chance) {
        let Some(upload) = self.pick_stored(chance) else {
            return;
        };
        let entry = &mut self.journal.uploads[upload];
        let levels = entry.levels();
        if let State::Stored(granted) = &entry.state {
            entry.state = State::Gone(granted.clone());
        }
        let (id, account) = (entry.request.id, entry.request.account);
        for (dimension, tally, amount) in levels {
            let posting = Posting {
                key: PostingKey::new("free", &format!("{id}:{dimension}")),
                account,
                dimension,
                tally,
                delta: -amount.to_i64(),
                reason: PostingReason::Free,
                happened_at: line.now(),
            };
            self.post(line, posting).await;
        }
    }

    /// Bytes were served, up to two hours ago.
    async fn serve(&mut self, line: &mut impl Line, chance: &Chance) {
        let audio = chance.one_in(3);
        let (dimension, tally) = match chance.below(2) {
            0 => (Dimension::ImgBandwidth, None),
            _ => (
                Dimension::MediaBandwidth,
                audio.then_some(Tally::AudioBandwidth),
            ),
        };
        let ago = chance.seconds(*chance.pick(&[0, 60, 7_200]));
        let posting = Posting {
            key: self.key("meter"),
            account: *chance.pick(&self.accounts),
            dimension,
            tally,
            delta: i64::from(chance.below(60)),
            reason: PostingReason::Meter,
            happened_at: line.now().saturating_sub(ago),
        };
        self.post(line, posting).await;
    }

    /// By order of somebody, whatever the limit; sometimes by mistake, so that a number would leave its range.
    async fn unlock(&mut self, line: &mut impl Line, chance: &Chance) {
        let (dimension, tally, delta) = match chance.below(8) {
            0 => (Dimension::MediaStorage, Some(Tally::AudioStorage), -1_000),
            1 => (Dimension::ImgStorage, None, i64::MAX),
            2 => (Dimension::DocMaxFile, None, 1),
            3 => (Dimension::ImgStorage, Some(Tally::AudioStorage), 1),
            4 => (Dimension::UploadsPerDay, None, 1),
            _ => (
                Dimension::MediaBandwidth,
                None,
                i64::from(chance.below(120)),
            ),
        };
        let posting = Posting {
            key: self.key("force"),
            account: *chance.pick(&self.accounts),
            dimension,
            tally,
            delta,
            reason: PostingReason::Force,
            happened_at: line.now(),
        };
        self.post(line, posting).await;
    }

    /// Sends a request that it has sent before; or another one under the same name, which must not pass for it.
    async fn ask_again(&mut self, line: &mut impl Line, chance: &Chance) {
        if self.journal.uploads.is_empty() {
            return;
        }
        let upload = chance.pick(&self.journal.uploads);
        let mut request = upload.request.clone();
        // One that it still means to settle may have been forgotten, and another request would take its name.
        let ended = !upload.is_in_doubt() && upload.state != State::Held;
        match chance.below(4) {
            0 if ended => request.request.0[31] ^= 1,
            1 if ended => request.account = *chance.pick(&self.accounts),
            _ => {}
        }
        let _known = line.ask(Call::Reserve(request)).await;
    }

    async fn post(&mut self, line: &mut impl Line, posting: Posting) {
        self.journal.bills.push(Bill {
            posting,
            lost: false,
            state: journal::Posted::InDoubt,
            since: line.now(),
        });
        self.ask_to_post(line, self.journal.bills.len() - 1).await;
    }

    /// Something stored is lost, by somebody else's fault; a recount finds out. Without losses it must find everything even.
    pub(super) async fn recount(&mut self, line: &mut impl Line, chance: &Chance) {
        let account = *chance.pick(&self.accounts);
        if self.journal.in_doubt_since().is_some() {
            return; // it would not know what to count
        }
        let counters = [
            Counter::Dimension(Dimension::ImgStorage),
            Counter::Dimension(Dimension::DocCount),
            Counter::Dimension(Dimension::MediaStorage),
            Counter::Tally(Tally::AudioStorage),
            Counter::Dimension(Dimension::UploadsPerDay), // no level: refused
        ];
        let counter = *chance.pick(&counters);
        let Ok(Answer::Seen(seen)) = line.ask(Call::Seen(account, counter)).await else {
            return;
        };
        if chance.one_in(3) {
            self.upload_and_settle(line, chance).await;
        }
        let truth = self.journal.truth(account, counter);
        let shift = [0, 0, 0, 1, 7, 70][chance.below(6) as usize];
        let recount = Recount {
            key: self.key("recount"),
            account,
            counter,
            seen,
            truth: Amount::saturating(truth + shift),
            force: chance.one_in(2),
        };
        self.journal.recounts.push(Count {
            recount,
            asked: false,
            by: None,
            since: line.now(),
        });
        self.ask_to_correct(line, self.journal.recounts.len() - 1)
            .await;
        let last = self.journal.recounts.len() - 1;
        if chance.one_in(3) && self.journal.recounts[last].by.is_some() {
            let again = self.journal.recounts[last].recount.clone();
            let _refused = line.ask(Call::Correct(again)).await;
        }
    }

    /// Something comes between a count and its correction.
    async fn upload_and_settle(&mut self, line: &mut impl Line, chance: &Chance) {
        if self.upload(line, chance).await.is_ok() {
            self.settle(line, chance).await;
        }
    }

    fn key(&mut self, reason: &str) -> PostingKey {
        self.number += 1;
        PostingKey::new(reason, &format!("{}:{}", self.name, self.number))
    }

    fn pick_held(&self, chance: &Chance) -> Option<usize> {
        let held = |it: &&usize| self.journal.uploads[**it].state == State::Held;
        let held: Vec<usize> = self.at_work.iter().filter(held).copied().collect();
        (!held.is_empty()).then(|| *chance.pick(&held))
    }

    fn pick_stored(&self, chance: &Chance) -> Option<usize> {
        let uploads = self.journal.uploads.iter().enumerate();
        let stored = uploads.filter(|(_, it)| matches!(it.state, State::Stored(_)));
        let stored: Vec<usize> = stored.map(|(at, _)| at).collect();
        (!stored.is_empty()).then(|| *chance.pick(&stored))
    }
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} was used for another request", self.0)
    }
}

impl std::error::Error for Taken {}

/// Whether an error says that the call may have happened.
fn is_unknown(error: &StoreError) -> bool {
    error.kind() == picora_core::StoreErrorKind::Unknown
}

fn is_pending(held: &Reservation) -> bool {
    held.state == ReservationState::Pending
}

/// What is uploaded: an image, a video, audio, a document, or something to be served.
fn contents(chance: &Chance) -> (Items, Option<Tally>) {
    let bytes = Amount::from(chance.below(40));
    let least = Amount::from(chance.below(40));
    let uploads = [Dimension::UploadsPerDay, Dimension::UploadsPerMonth];
    let uploads = uploads.map(|dimension| Item::exactly(dimension, Amount::ONE));
    let (mut items, tally) = match chance.below(6) {
        0 | 1 => (vec![Item::exactly(Dimension::ImgStorage, bytes)], None),
        2 => (
            vec![Item::up_to(Dimension::MediaStorage, bytes, least)],
            None,
        ),
        3 => (
            vec![Item::up_to(Dimension::MediaStorage, bytes, least)],
            Some(Tally::AudioStorage),
        ),
        4 => (
            vec![
                Item::exactly(Dimension::DocCount, Amount::ONE),
                Item::exactly(Dimension::DocMaxFile, bytes),
                Item::exactly(Dimension::DocMaxImagesPerDoc, Amount::from(chance.below(9))),
            ],
            None,
        ),
        _ => {
            let items = vec![Item::up_to(Dimension::MediaBandwidth, bytes, least)];
            return (
                Items::new(items).expect("small amounts"),
                chance.one_in(2).then_some(Tally::AudioBandwidth),
            );
        }
    };
    items.extend(uploads);
    (Items::new(items).expect("small amounts"), tally)
}

/// What really came of a request, now and then more than it has room for.
fn came(request: &Reserve, chance: &Chance) -> Vec<(Dimension, Amount)> {
    let first = request.items.iter().next();
    first.map_or_else(Vec::new, |item| {
        vec![(item.dimension, Amount::from(chance.below(45)))]
    })
}
