//! A service on the memory limiter, a clock by hand, and ports that remember.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use picora_core::{Clock, ManualClock, StoreError, StoreErrorKind, Timestamp};
use picora_ratelimit::code_mail::{
    BreakerOpening, Captcha, CodeMail, CodeMailAddress, CodeMailAnswer, CodeMailEvent,
    CodeMailObserver, CodeMailPolicies, CodeMailPorts, CodeMailPurpose, CodeMailReceipt,
    CodeMailRefusal, CodeMailRequest, OperatorNotices,
};
use picora_ratelimit::{Limiter, MemoryLimiter, SubjectHasher};

pub(crate) const START: Timestamp = Timestamp::from_unix_seconds(1_777_000_000);

/// Runs a future that never waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    run_or_drop(future).expect("nothing here waits")
}

/// Runs a future up to the first wait, and drops it there: to a store it looks as if the process had ended.
pub(crate) fn run_or_drop<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn dropped() -> StoreError {
    StoreError::new(StoreErrorKind::Unknown, "test", "end what was dropped")
}

/// Remembers events and messages; refuses so many messages first.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) events: Mutex<Vec<CodeMailEvent>>,
    pub(crate) notices: Mutex<Vec<BreakerOpening>>,
    pub(crate) refuses: Mutex<usize>,
}

impl CodeMailObserver for Memory {
    fn observe(&self, event: CodeMailEvent) {
        self.events.lock().unwrap().push(event);
    }
}

#[async_trait]
impl OperatorNotices for Memory {
    async fn breaker_opened(&self, opening: &BreakerOpening) -> Result<(), StoreError> {
        let mut refuses = self.refuses.lock().unwrap();
        if *refuses > 0 {
            *refuses -= 1;
            return Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "outbox",
                "post",
            ));
        }
        self.notices.lock().unwrap().push(*opening);
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) memory: Arc<Memory>,
    pub(crate) service: CodeMail,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(MemoryLimiter::new()), CodeMailPolicies::standard())
    }

    pub(crate) fn on(limiter: Arc<dyn Limiter>, policies: CodeMailPolicies) -> Self {
        let memory = Arc::new(Memory::default());
        let ports = CodeMailPorts {
            limiter,
            notices: memory.clone(),
            observer: memory.clone(),
        };
        Self {
            clock: ManualClock::at(START),
            memory,
            service: CodeMail::new(ports, policies, &SubjectHasher::new([42; 16])),
        }
    }

    pub(crate) fn with_captcha(self, captcha: Captcha) -> Self {
        let service = self.service.with_captcha(captcha);
        Self { service, ..self }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn ask(&self, address: &str, client: &str) -> CodeMailAnswer {
        self.ask_with(address, client, None).unwrap()
    }

    pub(crate) fn ask_with(
        &self,
        address: &str,
        client: &str,
        token: Option<&str>,
    ) -> Result<CodeMailAnswer, StoreError> {
        let address = CodeMailAddress::new(address).unwrap();
        let request = CodeMailRequest {
            token,
            ..request(&address, client)
        };
        run_or_drop(self.service.admit(&request, self.clock.now()))
            .unwrap_or_else(|| Err(dropped()))
    }

    pub(crate) fn sends(&self, address: &str, client: &str) -> bool {
        matches!(self.ask(address, client), CodeMailAnswer::Send(_))
    }

    pub(crate) fn give_back(&self, receipt: CodeMailReceipt) -> Result<(), StoreError> {
        run_or_drop(self.service.give_back(receipt, self.clock.now()))
            .unwrap_or_else(|| Err(dropped()))
    }

    pub(crate) fn count(&self, counts: impl Fn(&CodeMailEvent) -> bool) -> usize {
        let events = self.memory.events.lock().unwrap();
        events.iter().filter(|event| counts(event)).count()
    }

    pub(crate) fn openings(&self) -> usize {
        self.count(|event| matches!(event, CodeMailEvent::BreakerOpened { .. }))
    }

    pub(crate) fn notices(&self) -> usize {
        self.memory.notices.lock().unwrap().len()
    }
}

pub(crate) fn request<'a>(address: &'a CodeMailAddress, client: &'a str) -> CodeMailRequest<'a> {
    CodeMailRequest {
        address,
        client: client.as_bytes(),
        purpose: CodeMailPurpose::OtpLogin,
        token: None,
        remote: None,
    }
}

pub(crate) fn refusal(answer: CodeMailAnswer) -> CodeMailRefusal {
    let CodeMailAnswer::Refused(refusal) = answer else {
        panic!("{answer:?}")
    };
    refusal
}

pub(crate) fn receipt(answer: CodeMailAnswer) -> CodeMailReceipt {
    let CodeMailAnswer::Send(receipt) = answer else {
        panic!("{answer:?}")
    };
    receipt
}
