//! What wrong ledgers tell.

use std::time::Duration;

use async_trait::async_trait;
use picora_core::{
    AccountId, Amount, CalendarDay, ChangeMark, Changes, Dimension, StoreError, Timestamp, Window,
};
use picora_quota::conformance::{self, NOW};
use picora_quota::{
    AccountFacts, Adjustment, Alert, Counter, HistoryPoint, HistoryQuery, Ledger, LedgerReports,
    Reserve, Seen,
};

use super::{Broken, Fault};

impl Broken {
    /// Alerts of a reservation as if it were committed.
    pub(super) fn tell_of_what_is_held(&self, request: &Reserve, now: Timestamp) {
        let items = request.items.iter().map(|item| Alert {
            account: request.account,
            dimension: item.dimension,
            permille: 1_000,
            window: Window::Always,
            arming: 0,
            used: item.amount,
            limit: item.amount,
            raised_at: now,
        });
        self.seen().told_anyway.extend(items);
    }
}

#[async_trait]
impl LedgerReports for Broken {
    async fn adjustments(&self, account: AccountId) -> Result<Vec<Adjustment>, StoreError> {
        self.inner.adjustments(account).await
    }
    async fn alerts(&self, account: AccountId) -> Result<Vec<Alert>, StoreError> {
        let mut alerts = self.inner.alerts(account).await?;
        alerts.extend(self.seen().told_anyway.iter());
        alerts.retain(|alert| !self.seen().untold.contains(&alert.key()));
        match self.fault {
            Fault::NeverArms => alerts.retain(|alert| alert.arming == 0),
            Fault::TellsOncePerLevel => {
                let mut told = Vec::new();
                alerts.retain(|alert| {
                    let new = !told.contains(&alert.permille);
                    told.push(alert.permille);
                    new
                });
            }
            Fault::TellsTwice => alerts = alerts.iter().flat_map(|alert| [*alert; 2]).collect(),
            Fault::TellsEveryLevel => {
                let all = |alert: &Alert| {
                    let levels = [800, 1_000, 1_100, 1_200];
                    let alert = *alert;
                    let reached = levels
                        .into_iter()
                        .filter(move |level| *level <= alert.permille);
                    reached.map(move |permille| Alert { permille, ..alert })
                };
                alerts = alerts.iter().flat_map(all).collect();
            }
            _ => {}
        }
        Ok(alerts)
    }
    async fn history(
        &self,
        account: AccountId,
        query: &HistoryQuery,
    ) -> Result<Vec<HistoryPoint>, StoreError> {
        let mut points = self.inner.history(account, query).await?;
        for point in &mut points {
            match self.fault {
                Fault::CountsTheLastHourForTomorrow => {
                    let hour = point.start.saturating_add(Duration::from_secs(3_600));
                    if CalendarDay::of(hour).start() == hour {
                        point.start = hour;
                    }
                }
                Fault::LosesWhatItRollsUp if self.seen().rolled_up => point.moved -= 1,
                Fault::TellsNoLevels => {
                    point.level = Amount::saturating(point.moved.unsigned_abs());
                }
                _ => {}
            }
        }
        Ok(points)
    }
    async fn roll_up(&self, most: u32, now: Timestamp) -> Result<u32, StoreError> {
        let early = u64::from(self.has(Fault::RollsUpEarly)) * 366 * 86_400;
        let now = now.saturating_add(Duration::from_secs(early));
        let rolled = self.inner.roll_up(most, now).await?;
        self.seen().rolled_up |= rolled > 0;
        Ok(rolled)
    }
    async fn accounts(
        &self,
        after: Option<AccountId>,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        self.inner.accounts(after, most).await
    }
    async fn seen(&self, account: AccountId, counter: Counter) -> Result<Seen, StoreError> {
        self.inner.seen(account, counter).await
    }
    async fn facts(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Option<AccountFacts>, StoreError> {
        let mut facts = self.inner.facts(account, now).await?;
        if self.has(Fault::Drifts)
            && let Some(facts) = &mut facts
        {
            let sums = facts.cells.values_mut().map(|(_, moved)| moved);
            sums.filter(|moved| **moved > 20)
                .for_each(|moved| *moved -= 1);
        }
        Ok(facts)
    }
}

#[async_trait]
impl Changes for Broken {
    async fn marks(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<ChangeMark>, StoreError> {
        let number = match self.fault {
            Fault::MarksAllAlike => self
                .inner
                .read(|books| format!("{books:?}").bytes().map(u64::from).sum()),
            Fault::MarksEveryCall => {
                self.seen().marks += 1;
                self.seen().marks
            }
            Fault::MarksUsedOnly => {
                conformance::numbers(self as &dyn Ledger, Dimension::ImgStorage, now)
                    .await
                    .0
            }
            Fault::MarksNoDays => return self.inner.marks(accounts, NOW).await,
            _ => return self.inner.marks(accounts, now).await,
        };
        Ok(vec![ChangeMark::new("", number); accounts.len()])
    }
}
