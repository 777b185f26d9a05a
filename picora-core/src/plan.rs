//! Plans: what an account may do, and what that costs.

use std::fmt;

use crate::{Limits, Money};
#[cfg(feature = "catalogue")]
pub use catalogue::{CatalogueError, PlanCatalogue};

#[cfg(feature = "catalogue")]
mod catalogue;

/// The name of a plan. **Source**: #19–#27, C26.
///
/// The order is that of what they allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlanId {
    /// Nothing was bought yet; uploads are refused with `PLAN_REQUIRED`.
    None,
    /// Paid once, kept for ever.
    Trial,
    /// A subscription.
    Pro,
    /// A larger subscription.
    ProPlus,
}

impl PlanId {
    /// All plans.
    pub const ALL: [Self; 4] = [Self::None, Self::Trial, Self::Pro, Self::ProPlus];

    /// The name in the catalogue, in answers and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Trial => "trial",
            Self::Pro => "pro",
            Self::ProPlus => "pro_plus",
        }
    }

    /// The plan of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plan| plan.name() == name)
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a plan is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// Never.
    Free,
    /// Once; there is no renewal (#19).
    Once,
    /// Each month or year, by the subscriber's choice (#28).
    Recurring,
}

/// One price of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Price {
    /// For each month.
    Monthly(Money),
    /// Once.
    Once(Money),
    /// For each year.
    Yearly(Money),
}

/// A plan: its limits, what it allows beyond numbers, and its prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub id: PlanId,
    /// How it is paid.
    pub billing: Billing,
    /// The limit of every dimension.
    pub limits: Limits,
    /// Whether videos may be uploaded (C82): audio shares the media pool with video, so a limit of zero could not say this.
    pub video: bool,
    /// Its prices, for each currency that it is sold in.
    pub prices: Vec<Price>,
}
