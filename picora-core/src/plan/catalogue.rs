//! The plans that a deployment sells, read from TOML.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Billing, Plan, PlanId, Price};
use crate::{Amount, Currency, Dimension, Limit, Limits, Money};

/// Every plan of a deployment, exactly one for each [`PlanId`].
///
/// ```
/// use picora_core::{Amount, Dimension, Limit, PlanCatalogue, PlanId};
/// let plans = PlanCatalogue::default();
/// let trial = plans.plan(PlanId::Trial);
/// assert_eq!(trial.limits.of(Dimension::ImgStorage), Limit::Max(Amount::from(100 * 1024 * 1024)));
/// assert!(!trial.video);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanCatalogue([Plan; PlanId::ALL.len()]);

impl PlanCatalogue {
    /// Reads a catalogue. See `default.toml` beside this file for the form, with a comment for each number.
    ///
    /// **Units**: bytes for the fields that end in `_bytes`, else counts; `"unlimited"` instead of a number lifts a limit; prices are in
    /// minor units. **Errors**: [`CatalogueError`] names the plan and the field; nothing is guessed, a missing field is an error.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let file: CatalogueFile =
            toml::from_str(text).map_err(|error| CatalogueError::Form(error.to_string()))?;
        let mut plans = PlanId::ALL.map(|id| file.plans.get(id.name()).map(|plan| plan.read(id)));
        if let Some(unknown) = file
            .plans
            .keys()
            .find(|name| PlanId::from_name(name).is_none())
        {
            return Err(CatalogueError::UnknownPlan(unknown.clone()));
        }
        let mut take = |id: PlanId| {
            plans[id as usize]
                .take()
                .unwrap_or(Err(CatalogueError::MissingPlan(id)))
        };
        Ok(Self([
            take(PlanId::None)?,
            take(PlanId::Trial)?,
            take(PlanId::Pro)?,
            take(PlanId::ProPlus)?,
        ]))
    }

    /// A plan.
    #[must_use]
    pub fn plan(&self, id: PlanId) -> &Plan {
        &self.0[id as usize]
    }

    /// All plans, the smallest first.
    pub fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.0.iter()
    }

    /// The same catalogue in which the trial hosts nothing but images: the stricter of the documents' two readings (C1).
    #[must_use]
    pub fn with_trial_images_only(mut self) -> Self {
        let trial = &mut self.0[PlanId::Trial as usize];
        for dimension in [
            Dimension::MediaStorage,
            Dimension::MediaBandwidth,
            Dimension::DocCount,
        ] {
            trial.limits = trial.limits.with(dimension, Limit::NOTHING);
        }
        trial.video = false;
        self
    }
}

impl Default for PlanCatalogue {
    /// The catalogue that ships; numbers which the product's documents do not give are marked there as ours (C27).
    fn default() -> Self {
        Self::parse(include_str!("default.toml")).expect("the catalogue that ships is tested")
    }
}

/// Why a text is not a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// It is not TOML of the right form; the text says where.
    #[error("the plan catalogue cannot be read: {0}")]
    Form(String),
    /// A limit of this plan is missing, not a number, or above 2^62.
    #[error(
        "plan {plan}: the limit `{field}` is missing or not a whole number up to 2^62 or \"unlimited\""
    )]
    Limit {
        /// The plan.
        plan: PlanId,
        /// The plan field.
        field: String,
    },
    /// This plan is not in it.
    #[error("the plan catalogue has no plan `{0}`")]
    MissingPlan(PlanId),
    /// A price of this plan is in a currency that Picora does not know, or does not fit how the plan is paid.
    #[error(
        "plan {plan}: the price `{price}` has an unknown currency or does not fit how the plan is paid"
    )]
    Price {
        /// The plan.
        plan: PlanId,
        /// The price's key.
        price: String,
    },
    /// There is no plan of this name.
    #[error("`{0}` is not a plan; plans are none, trial, pro and pro_plus")]
    UnknownPlan(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    plans: BTreeMap<String, PlanFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    billing: BillingFile,
    video: bool,
    limits: BTreeMap<String, LimitFile>,
    #[serde(default)]
    prices: BTreeMap<String, BTreeMap<String, i64>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BillingFile {
    Free,
    Once,
    Recurring,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LimitFile {
    Max(u64),
    Word(String),
}

impl PlanFile {
    fn read(&self, id: PlanId) -> Result<Plan, CatalogueError> {
        let billing = match self.billing {
            BillingFile::Free => Billing::Free,
            BillingFile::Once => Billing::Once,
            BillingFile::Recurring => Billing::Recurring,
        };
        Ok(Plan {
            id,
            billing,
            limits: self.read_limits(id)?,
            video: self.video,
            prices: self.read_prices(id, billing)?,
        })
    }

    fn read_limits(&self, plan: PlanId) -> Result<Limits, CatalogueError> {
        let fault = |field: &str| CatalogueError::Limit {
            plan,
            field: field.to_owned(),
        };
        if let Some(unknown) = self
            .limits
            .keys()
            .find(|field| Dimension::from_field(field).is_none())
        {
            return Err(fault(unknown));
        }
        Dimension::ALL
            .into_iter()
            .try_fold(Limits::NOTHING, |limits, dimension| {
                let limit = self.limits.get(dimension.field()).and_then(LimitFile::read);
                Ok(limits.with(dimension, limit.ok_or_else(|| fault(dimension.field()))?))
            })
    }

    fn read_prices(&self, plan: PlanId, billing: Billing) -> Result<Vec<Price>, CatalogueError> {
        let mut prices = Vec::new();
        for (interval, amounts) in &self.prices {
            for (code, minor) in amounts {
                let fault = || CatalogueError::Price {
                    plan,
                    price: format!("{interval}.{code}"),
                };
                let currency = Currency::from_code(code).ok_or_else(fault)?;
                let money = Money::new(*minor, currency);
                prices.push(match (interval.as_str(), billing) {
                    ("monthly", Billing::Recurring) => Price::Monthly(money),
                    ("once", Billing::Once) => Price::Once(money),
                    ("yearly", Billing::Recurring) => Price::Yearly(money),
                    _ => return Err(fault()),
                });
            }
        }
        Ok(prices)
    }
}

impl LimitFile {
    fn read(&self) -> Option<Limit> {
        match self {
            Self::Max(max) => Amount::new(*max).ok().map(Limit::Max),
            Self::Word(word) => (word == "unlimited").then_some(Limit::Unlimited),
        }
    }
}

#[cfg(test)]
mod tests;
