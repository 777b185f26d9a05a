//! Histories against the list of what was sent.

use std::sync::Arc;
use std::time::Duration;

use picora_core::Clock;
use picora_ratelimit::MemoryLimiter;
use picora_ratelimit::code_mail::{CodeMailAnswer, CodeMailPolicies, CodeMailReceipt};
use proptest::prelude::*;

use super::model::{Model, Sent, small};
use super::world::World;

#[derive(Clone, Debug)]
enum Action {
    Ask {
        address: usize,
        client: usize,
    },
    /// Asks again exactly when told to, and a microsecond earlier.
    Obey {
        address: usize,
        client: usize,
    },
    GiveBack {
        nth: usize,
    },
    Pass {
        micros: u64,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let spans = vec![
        1,
        1_000_000,
        30_000_000,
        59_999_999,
        60_000_000,
        1_800_000_000,
        3_600_000_000,
        20_000_000_000,
    ];
    prop_oneof![
        6 => (0..3_usize, 0..3_usize).prop_map(|(address, client)| Action::Ask { address, client }),
        1 => (0..3_usize, 0..3_usize).prop_map(|(address, client)| Action::Obey { address, client }),
        1 => any::<usize>().prop_map(|nth| Action::GiveBack { nth }),
        4 => prop::sample::select(spans).prop_map(|micros| Action::Pass { micros }),
    ]
}

struct History {
    world: World,
    model: Model,
    receipts: Vec<(CodeMailReceipt, Sent)>,
}

impl History {
    fn of(policies: CodeMailPolicies) -> Self {
        Self {
            model: Model::of(&policies),
            world: World::on(Arc::new(MemoryLimiter::new()), policies),
            receipts: Vec::new(),
        }
    }

    /// Asks, and compares every number with the model; answers the wait.
    fn ask(&mut self, address: usize, client: usize) -> Duration {
        let at = self.world.clock.now();
        let mail = Sent {
            at,
            address,
            client,
        };
        let answer = self
            .world
            .ask(&format!("u{address}@example.com"), &format!("c{client}"));
        match (answer, self.model.wait(mail)) {
            (CodeMailAnswer::Send(receipt), None) => {
                self.model.sent.push(mail);
                self.receipts.push((receipt, mail));
                Duration::ZERO
            }
            (CodeMailAnswer::Refused(refusal), Some(expected)) => {
                assert_eq!((refusal.cause, refusal.retry_after), expected);
                refusal.retry_after
            }
            (answer, expected) => panic!("{answer:?}, and the model says {expected:?}"),
        }
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Ask { address, client } => {
                self.ask(address, client);
            }
            Action::Obey { address, client } => {
                let wait = self.ask(address, client);
                if let Some(before) = wait.checked_sub(Duration::from_micros(1)) {
                    self.world.clock.advance(before);
                    assert_eq!(self.ask(address, client), Duration::from_micros(1));
                    self.world.clock.advance(Duration::from_micros(1));
                    assert_eq!(self.ask(address, client), Duration::ZERO);
                }
            }
            Action::GiveBack { nth } => {
                if !self.receipts.is_empty() {
                    let (receipt, mail) = self.receipts.swap_remove(nth % self.receipts.len());
                    self.world.give_back(receipt).unwrap();
                    let at = self
                        .model
                        .sent
                        .iter()
                        .position(|sent| *sent == mail)
                        .unwrap();
                    self.model.sent.remove(at);
                }
            }
            Action::Pass { micros } => {
                self.world.clock.advance(Duration::from_micros(micros));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_answer_is_the_models(actions in prop::collection::vec(action(), 1..120)) {
        let mut history = History::of(small());
        for action in &actions {
            history.act(action);
        }
        history.model.assert_kept();
    }

    #[test]
    fn and_with_the_documents_numbers(actions in prop::collection::vec(action(), 1..300)) {
        let mut history = History::of(CodeMailPolicies::standard());
        for action in &actions {
            history.act(action);
        }
        history.model.assert_kept();
    }
}
