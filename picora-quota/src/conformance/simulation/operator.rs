//! Whoever runs the service: plans, overrides, grants, and the jobs.

use picora_core::{
    AccountId, AdjustmentId, Amount, Dimension, Limit, Limits, ReservationId, SetLimits, Timestamp,
};

use super::call::Call;
use super::chance::Chance;
use super::wire::Line;
use crate::{Adjustment, LimitChange};

#[derive(Debug)]
pub(super) struct Operator {
    name: u64,
    accounts: Vec<AccountId>,
    adjustments: Vec<Adjustment>,
}

impl Operator {
    pub(super) const fn new(name: u64, accounts: Vec<AccountId>) -> Self {
        Self {
            name,
            accounts,
            adjustments: Vec::new(),
        }
    }

    /// Gives the accounts their first plans; when that fails, an account has none.
    pub(super) async fn begin(&mut self, line: &mut impl Line, chance: &Chance) {
        for account in self.accounts.clone() {
            let _lost = line.ask(Call::SetLimits(plan(account, chance))).await;
        }
    }

    pub(super) async fn act(&mut self, line: &mut impl Line, chance: &Chance) {
        let account = *chance.pick(&self.accounts);
        let call = match chance.below(16) {
            0..3 => Call::SetLimits(plan(account, chance)),
            3..6 => Call::Adjust(self.adjustment(account, line.now(), chance)),
            6 => {
                let Some(id) = self.known(chance) else { return };
                Call::Withdraw(account, id)
            }
            7 | 8 => Call::Refresh,
            9..11 => Call::Sweep,
            11 => Call::Prune,
            12 => Call::RollUp,
            13 => {
                let name = (u128::from(self.name) << 64) + u128::from(chance.below(20));
                Call::Reservation(ReservationId::from_bytes(name.to_be_bytes()))
            }
            _ => Call::Usage(account),
        };
        let _lost = line.ask(call).await;
    }

    /// So much of everything that only open reservations are scarce: there may be one.
    pub(super) async fn let_one_in(&self, line: &mut impl Line, account: AccountId) {
        let one = SetLimits {
            account,
            limits: all(|_| Limit::Unlimited),
            open_reservations: Amount::ONE,
        };
        line.ask(Call::SetLimits(one))
            .await
            .expect("faults have stopped");
    }

    pub(super) const fn has_adjusted(&self) -> bool {
        !self.adjustments.is_empty()
    }

    fn known(&self, chance: &Chance) -> Option<AdjustmentId> {
        (!self.adjustments.is_empty()).then(|| chance.pick(&self.adjustments).id)
    }

    /// Mostly a new one; sometimes one again, or another under its name; sometimes one that never counts.
    fn adjustment(&mut self, account: AccountId, now: Timestamp, chance: &Chance) -> Adjustment {
        let number = (u128::from(self.name) << 64) + self.adjustments.len() as u128;
        let begins = chance.seconds(90_000);
        let from = now.saturating_add(*chance.pick(&[begins, begins / 50, begins / 1_000]));
        let from = from.saturating_sub(chance.seconds(3_600));
        let amount = Amount::from(chance.below(120));
        let lasts = chance.seconds(*chance.pick(&[0, 600, 7_200, 90_000]));
        let new = Adjustment {
            id: AdjustmentId::from_bytes(number.to_be_bytes()),
            account,
            dimension: *chance.pick(&Dimension::ALL),
            change: match chance.below(12) {
                0..6 => LimitChange::Grant(amount),
                6 => LimitChange::Override(Limit::Unlimited),
                7 => LimitChange::Override(Limit::Max(Amount::MAX)),
                _ => LimitChange::Override(Limit::Max(amount)),
            },
            from,
            until: (!chance.one_in(3)).then(|| from.saturating_add(lasts)),
            reason: "the simulation's".to_owned(),
        };
        if chance.one_in(6) && !self.adjustments.is_empty() {
            let again = chance.pick(&self.adjustments).clone();
            return if chance.one_in(2) {
                again
            } else {
                Adjustment {
                    id: again.id,
                    ..new
                }
            };
        }
        self.adjustments.push(new.clone());
        new
    }
}

/// A plan with small numbers, so that every limit is met.
fn plan(account: AccountId, chance: &Chance) -> SetLimits {
    let scale = *chance.pick(&[0, 60, 200, 200, 600]);
    SetLimits {
        account,
        limits: all(|dimension| match (chance.below(16), dimension) {
            (0, _) => Limit::Unlimited,
            (1, _) => Limit::Max(Amount::MAX),
            (2, _) => Limit::NOTHING,
            (_, Dimension::DocCount | Dimension::UploadsPerDay | Dimension::UploadsPerMonth) => {
                Limit::Max(Amount::from(scale / 20 + chance.below(3)))
            }
            _ => Limit::Max(Amount::from(scale + chance.below(20))),
        }),
        open_reservations: Amount::from(1 + chance.below(6)),
    }
}

fn all(limit: impl Fn(Dimension) -> Limit) -> Limits {
    let with = |limits: Limits, dimension| limits.with(dimension, limit(dimension));
    Dimension::ALL.into_iter().fold(Limits::NOTHING, with)
}
