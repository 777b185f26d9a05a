//! What goes wrong, and when.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Chance;

/// What becomes of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused before anything happens, with this status and the vendor's word for "try later".
    Refuse(u16),
    /// The same, and the answer says after how many seconds it may be tried again.
    RefuseFor(u16, u32),
    /// It is done, and refused as if it were not.
    DoneAndRefused(u16),
    /// It is refused before anything happens, with this status and this word for it.
    Deny(u16, &'static str),
    /// The connection is closed before anything happens.
    Drop,
    /// It is done, and the connection is closed instead of an answer.
    DoneAndDropped,
    /// It is done so much later, when its connection was closed long before.
    DoneLate(Duration),
    /// It is done when a test says so ([`Cloud::release`](crate::Cloud::release)), when its connection was closed long before.
    Held,
    /// Nothing is done, and the answer is 200 with an error as its body.
    ErrorInside,
    /// The answer's body ends after so many bytes.
    Truncated(usize),
    /// Something in front of the store answers with this status and a page for people. Nothing is done.
    Page(u16),
    /// The same after it was done.
    DoneAndPage(u16),
    /// Nothing is done, and the store answers 200 with something that is no document.
    Garbage(Garbage),
    /// The connection is closed when so many bytes of the request's body have come. Nothing is done.
    CutRequest(usize),
    /// It is done, and answered so much later.
    Hang(Duration),
    /// It is done, and answered at once with its status, then with so many spaces, each after so long, and with its document in the end.
    Drips(usize, Duration),
    /// One bit of the request's body changes on its way.
    FlippedOnTheWay,
    /// One bit of the answer's body changes on its way.
    Flipped,
    /// A restore begins and never ends.
    NeverReady,
    /// Somebody has deleted the object just before.
    Vanished,
}

/// What a store could send instead of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garbage {
    /// Bytes that mean nothing.
    Noise,
    /// Entities that expand to entities that expand.
    Bomb,
    /// Elements in elements, 100,000 deep.
    Deep,
    /// An element that goes on for 256 MiB.
    Long,
}

/// Faults for the requests that come next: scripted ones, each used once by the first request of its operation, and random ones.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Plan>);

#[derive(Debug, Default)]
struct Plan {
    scripted: VecDeque<(String, Fault)>,
    random: Option<(Chance, u32)>,
    met: Vec<(&'static str, Fault)>,
}

impl Faults {
    /// The next request of this operation, by the vendor's name for it such as `CopyObject`, meets this.
    pub fn script(&self, operation: &str, fault: Fault) {
        let mut plan = self.plan();
        plan.scripted.push_back((operation.to_owned(), fault));
    }

    /// From now on so many of a thousand requests meet a fault, of any kind that its operation can meet from a vendor who keeps what he has
    /// acknowledged. That an object vanishes is none of these. A test prints the seed.
    pub fn random(&self, seed: u64, per_mille: u32) {
        self.plan().random = Some((Chance::new(seed), per_mille));
    }

    /// From now on nothing goes wrong any more.
    pub fn calm(&self) {
        let mut plan = self.plan();
        (plan.random, plan.scripted) = (None, VecDeque::new());
    }

    /// The faults that requests have met, each with its operation.
    #[must_use]
    pub fn met(&self) -> Vec<(&'static str, Fault)> {
        self.plan().met.clone()
    }

    /// Takes the fault of a request. `ranged`: only a part of an object is asked for.
    pub(crate) fn take(&self, operation: &'static str, ranged: bool) -> Option<Fault> {
        let mut plan = self.plan();
        let scripted = plan.scripted.iter().position(|(of, _)| of == operation);
        let fault = match scripted {
            Some(at) => plan.scripted.remove(at).map(|(_, fault)| fault)?,
            None => {
                let (chance, per_mille) = plan.random.as_mut()?;
                if !chance.per_mille(*per_mille) {
                    return None;
                }
                let kinds = honest(operation, ranged, chance);
                chance.one(&kinds).clone()
            }
        };
        plan.met.push((operation, fault.clone()));
        Some(fault)
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What can happen to a request of an operation although the vendor keeps his word: half of the time something that not all operations know.
fn honest(operation: &str, ranged: bool, chance: &mut Chance) -> Vec<Fault> {
    let special = special(operation, ranged, chance);
    if !special.is_empty() && chance.per_mille(500) {
        return special;
    }
    vec![
        Fault::Refuse(503),
        Fault::Refuse(500),
        // At once: a second for each would be minutes for a history.
        Fault::RefuseFor(429, 0),
        Fault::RefuseFor(503, 0),
        Fault::DoneAndRefused(500),
        Fault::Drop,
        Fault::DoneAndDropped,
        Fault::Page(200),
        Fault::Page(404),
        Fault::Page(502),
        Fault::DoneAndPage(504),
        Fault::Hang(SOON),
    ]
}

fn special(operation: &str, ranged: bool, chance: &mut Chance) -> Vec<Fault> {
    let reads = operation.starts_with("List") || matches!(operation, "GetObject" | "HeadObject");
    let mut kinds = Vec::new();
    if !reads {
        kinds.push(Fault::DoneLate(SOON));
    }
    match operation {
        "PutObject" | "UploadPart" => {
            kinds.push(Fault::CutRequest(chance.length_below(2_000)));
            kinds.push(Fault::FlippedOnTheWay);
        }
        "GetObject" => {
            kinds.push(Fault::Truncated(chance.length_below(2_000)));
            // The vendors tell no digest of a part: nobody can find what has changed in it.
            if !ranged {
                kinds.push(Fault::Flipped);
            }
        }
        "RestoreObject" => kinds.push(Fault::NeverReady),
        "CopyObject" | "CompleteMultipartUpload" => kinds.push(Fault::ErrorInside),
        _ => {}
    }
    if answers_with_a_document(operation) {
        kinds.push(Fault::Truncated(chance.length_below(300)));
        // Long ones are for tests of their own: each would take a second.
        kinds.extend([Garbage::Noise, Garbage::Bomb, Garbage::Deep].map(Fault::Garbage));
    }
    kinds
}

fn answers_with_a_document(operation: &str) -> bool {
    operation.starts_with("List")
        || matches!(
            operation,
            "CopyObject" | "InitiateMultipartUpload" | "CompleteMultipartUpload"
        )
}

const SOON: Duration = Duration::from_millis(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_everything_and_scripts_come_first() {
        let met = |seed| {
            let faults = Faults::default();
            faults.script("PutObject", Fault::Vanished);
            faults.random(seed, 300);
            for _ in 0..200 {
                let _ = faults.take("PutObject", false);
            }
            faults.met()
        };
        assert_eq!(met(1), met(1));
        assert_ne!(met(1), met(2));
        assert_eq!(met(1)[0].1, Fault::Vanished);
        assert!((40..90).contains(&met(1).len()), "{}", met(1).len());
    }

    #[test]
    fn no_bit_flips_where_nobody_could_see_it() {
        let mut chance = Chance::new(1);
        assert!(!special("GetObject", true, &mut chance).contains(&Fault::Flipped));
        assert!(special("GetObject", false, &mut chance).contains(&Fault::Flipped));
    }
}
