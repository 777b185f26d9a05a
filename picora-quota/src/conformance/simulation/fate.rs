//! What may become of a call on its way.

use super::chance::Chance;

/// The fate of a call. What the caller is told of the last three is the same: nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is carried out, and answered.
    Answered,
    /// It never leaves: the store cannot be reached.
    Refused,
    /// It is lost on its way there.
    Lost,
    /// It is carried out, and its answer is lost on its way back.
    Unheard,
    /// It is carried out some steps later, when nobody waits for it any more.
    Late,
}

impl Fate {
    /// Two calls of ten go wrong.
    pub(super) fn of(chance: &Chance) -> Self {
        match chance.below(20) {
            0 => Self::Refused,
            1 => Self::Lost,
            2 => Self::Unheard,
            3 => Self::Late,
            _ => Self::Answered,
        }
    }
}
