//! The naive model: a list of what was sent.

use std::time::Duration;

use picora_core::Timestamp;
use picora_ratelimit::code_mail::{CodeMailCause, CodeMailPolicies};
use picora_ratelimit::{Limit, Policy, Rule};

/// One mail that went out: when, and to which address, by which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: Timestamp,
    pub(crate) address: usize,
    pub(crate) client: usize,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) sent: Vec<Sent>,
    limits: Vec<(CodeMailCause, usize, Duration)>,
}

impl Model {
    pub(crate) fn of(policies: &CodeMailPolicies) -> Self {
        let mut limits = Vec::new();
        for cause in CodeMailCause::ALL {
            for limit in policies.of(cause).limits() {
                let Rule::Rolling(rule) = limit.rule() else {
                    panic!("{limit:?}")
                };
                limits.push((cause, usize::try_from(rule.limit()).unwrap(), rule.length()));
            }
        }
        Self {
            sent: Vec::new(),
            limits,
        }
    }

    /// The longest wait of all limits, and whose it is; none when the mail may go out.
    pub(crate) fn wait(&self, mail: Sent) -> Option<(CodeMailCause, Duration)> {
        let mut longest: Option<(CodeMailCause, Duration)> = None;
        for (cause, most, length) in &self.limits {
            let counted = self.counted(*cause, mail, *length);
            let Some(surplus) = (counted.len() + 1).checked_sub(*most).filter(|it| *it > 0) else {
                continue;
            };
            let wait = counted[surplus - 1]
                .saturating_add(*length)
                .saturating_since(mail.at);
            if longest.is_none_or(|(_, so_far)| wait > so_far) {
                longest = Some((*cause, wait));
            }
        }
        longest
    }

    /// How often a limit is broken by what was sent: never, if the service is right.
    pub(crate) fn assert_kept(&self) {
        for mail in &self.sent {
            for (cause, most, length) in &self.limits {
                let counted = self.counted(*cause, *mail, *length);
                let until = counted.iter().filter(|at| **at <= mail.at).count();
                assert!(
                    until <= *most,
                    "{cause:?}: {until} in {length:?} at {mail:?}"
                );
            }
        }
    }

    /// What counts for a mail in the span that ends with it, oldest first.
    pub(crate) fn counted(
        &self,
        cause: CodeMailCause,
        mail: Sent,
        length: Duration,
    ) -> Vec<Timestamp> {
        let same = |it: &&Sent| match cause {
            CodeMailCause::Address => it.address == mail.address,
            CodeMailCause::Ip => it.client == mail.client,
            CodeMailCause::Breaker => true,
        };
        let all = self.sent.iter().filter(same).map(|it| it.at);
        all.filter(|at| at.saturating_add(length) > mail.at)
            .collect()
    }
}

/// Numbers that a short history reaches.
pub(crate) fn small() -> CodeMailPolicies {
    let rolling =
        |name, most, seconds| Limit::rolling(name, most, Duration::from_secs(seconds)).unwrap();
    let address = [
        rolling("minute", 1, 60),
        rolling("hour", 3, 3_600),
        rolling("day", 5, 86_400),
    ];
    let ip = [rolling("hour", 4, 3_600), rolling("day", 7, 86_400)];
    CodeMailPolicies::new(
        Policy::new("address", address).unwrap(),
        Policy::new("ip", ip).unwrap(),
        Policy::new("global", [rolling("minute", 3, 60)]).unwrap(),
        rolling("hour", 3, 3_600),
    )
    .unwrap()
}
