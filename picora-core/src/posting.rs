//! What one domain asks the ledger to write, as data, so that no domain knows another.

use crate::{AccountId, Amount, Dimension, Limits, Tally, Timestamp};

/// The name of a posting: the same key moves the ledger once, however often it is posted.
///
/// **Shape**: 1 to 200 bytes of UTF-8, by convention `reason:subject` such as `delete:img_01…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PostingKey(String);

impl PostingKey {
    /// Joins a reason and what it is about. Longer than 200 bytes, the end is cut: keys are made by us, from ids.
    ///
    /// ```
    /// use picora_core::PostingKey;
    /// assert_eq!(PostingKey::new("delete", &"img_1").as_str(), "delete:img_1");
    /// ```
    #[must_use]
    pub fn new(reason: &str, subject: &dyn std::fmt::Display) -> Self {
        let mut text = format!("{reason}:{subject}");
        let end = (0..=text.len().min(MAX_KEY_BYTES))
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.truncate(end);
        Self(text)
    }

    /// The text that is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why the ledger moves without a reservation. None of these asks for room: a posting may end above the limit, never below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostingReason {
    /// By order of an operator or a rule that may exceed the limit, such as unlocking an archived asset.
    Force,
    /// A resource is gone.
    Free,
    /// Bytes were served.
    Meter,
    /// The truth was counted again and differed.
    Reconcile,
}

impl PostingReason {
    /// The name in the ledger.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Force => "force",
            Self::Free => "free",
            Self::Meter => "meter",
            Self::Reconcile => "reconcile",
        }
    }
}

/// A change of what an account uses, outside any reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Its name: a used key is a no-op.
    pub key: PostingKey,
    /// Whose usage.
    pub account: AccountId,
    /// Of what. A dimension that is checked per item keeps nothing, so posting to it is refused as out of range.
    pub dimension: Dimension,
    /// The part of the dimension that moves with it, if that is kept by itself; one of another dimension is refused as out of range.
    pub tally: Option<Tally>,
    /// By how much; negative frees.
    pub delta: i64,
    /// Why.
    pub reason: PostingReason,
    /// When the thing happened, which decides the window: bytes served in March count for March, also when posted in April (C25).
    pub happened_at: Timestamp,
}

/// What an account's plan allows: a plan change. Overrides and grants of the account are added to it by the ledger. Usage is kept; what is
/// over a lowered limit stays readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// Whose limits.
    pub account: AccountId,
    /// The limit of every dimension.
    pub limits: Limits,
    /// How many reservations may be open at once, so that unfinished uploads stay bounded.
    pub open_reservations: Amount,
}

const MAX_KEY_BYTES: usize = 200;
