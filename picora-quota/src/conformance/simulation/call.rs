//! Calls of the ledger as data: so that one can be lost, come late, or be printed.

use std::time::Duration;

use picora_core::{
    AccountId, AdjustmentId, Amount, Dimension, Posting, ReservationId, SetLimits, StoreError,
    Timestamp,
};

use crate::{
    Adjusted, Adjustment, Counter, Extended, Items, Ledger, LedgerReports, Posted, Recount,
    Recounted, Reservation, Reserve, Reserved, Seen, Settled, UsageLine,
};

/// One call of the ports, with everything but the time.
#[derive(Clone, Debug)]
#[expect(
    missing_docs,
    reason = "each is the method of its name, with its arguments"
)]
pub enum Call {
    Adjust(Adjustment),
    Commit(ReservationId, Vec<(Dimension, Amount)>),
    Correct(Recount),
    Extend(ReservationId, Items),
    Heartbeat(ReservationId, Duration),
    Post(Posting),
    Prune,
    Refresh,
    Release(ReservationId),
    Reservation(ReservationId),
    Reserve(Reserve),
    RollUp,
    Seen(AccountId, Counter),
    SetLimits(SetLimits),
    Sweep,
    Usage(AccountId),
    Withdraw(AccountId, AdjustmentId),
}

/// What a call answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the answer of the method of its name")]
pub enum Answer {
    Adjusted(Adjusted),
    Beat(Option<Timestamp>),
    Counted(u32),
    Done,
    Extended(Extended),
    Posted(Posted),
    Recounted(Recounted),
    Reservation(Option<Reservation>),
    Reserved(Reserved),
    Seen(Seen),
    Settled(Settled),
    Usage(Vec<UsageLine>),
    Withdrawn(bool),
}

impl Call {
    /// Makes the call.
    ///
    /// **Errors**: those of the store.
    pub async fn run<S: Ledger + LedgerReports>(
        &self,
        store: &S,
        now: Timestamp,
    ) -> Result<Answer, StoreError> {
        Ok(match self {
            Self::Adjust(adjustment) => Answer::Adjusted(store.adjust(adjustment, now).await?),
            Self::Commit(id, actual) => Answer::Settled(store.commit(*id, actual, now).await?),
            Self::Correct(recount) => Answer::Recounted(store.correct(recount, now).await?),
            Self::Extend(id, totals) => Answer::Extended(store.extend(*id, totals, now).await?),
            Self::Heartbeat(id, after) => Answer::Beat(store.heartbeat(*id, *after, now).await?),
            Self::Post(posting) => Answer::Posted(store.post(posting, now).await?),
            Self::Prune => Answer::Counted(store.prune(u32::MAX, now).await?),
            Self::Refresh => Answer::Counted(store.refresh(u32::MAX, now).await?),
            Self::Release(id) => Answer::Settled(store.release(*id, now).await?),
            Self::Reservation(id) => Answer::Reservation(store.reservation(*id).await?),
            Self::Reserve(request) => Answer::Reserved(store.reserve(request, now).await?),
            Self::RollUp => Answer::Counted(store.roll_up(u32::MAX, now).await?),
            Self::Seen(account, counter) => Answer::Seen(store.seen(*account, *counter).await?),
            Self::SetLimits(limits) => {
                store.set_limits(limits, now).await?;
                Answer::Done
            }
            Self::Sweep => Answer::Counted(store.sweep(u32::MAX, now).await?),
            Self::Usage(account) => Answer::Usage(store.usage(*account, now).await?),
            Self::Withdraw(account, id) => {
                Answer::Withdrawn(store.withdraw(*account, *id, now).await?)
            }
        })
    }

    /// The account that it is about, when it names one.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        Some(match self {
            Self::Adjust(adjustment) => adjustment.account,
            Self::Correct(recount) => recount.account,
            Self::Post(posting) => posting.account,
            Self::Reserve(request) => request.account,
            Self::SetLimits(limits) => limits.account,
            Self::Seen(account, _) | Self::Usage(account) | Self::Withdraw(account, _) => *account,
            _ => return None,
        })
    }
}
