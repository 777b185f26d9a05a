//! Accounts: made whole or not at all, and a plan holds for what begins after it.

use picora_core::{Amount, Dimension, Limit, Limits, Plan, PlanId, StoreErrorKind, plan::Billing};
use picora_media::faults::Fault;
use picora_media::{Accounts, AuditEntry};

use super::host::{Host, NOW, OWNER, limits, look};
use super::requests::{chunked, created, denied, image, png};

fn plan(limits: Limits) -> Plan {
    Plan {
        id: PlanId::Pro,
        billing: Billing::Recurring,
        limits,
        video: true,
        prices: Vec::new(),
    }
}

fn audit_entry() -> AuditEntry {
    AuditEntry {
        actor: None,
        action: "set_plan",
        subject: OWNER.to_string(),
        reason: "asked by mail".to_owned(),
        at: NOW,
    }
}

/// Whoever is told that there is an account can use it; whoever is told that there is none was not made one.
#[test]
fn an_account_is_opened_with_its_limits_or_not_at_all() {
    for call in 1..=5 {
        for fault in Fault::ALL {
            let host = Host::new();
            host.store.fail_at(call, fault);
            let answer = host.run(host.media.open_account(&plan(limits()), 2));
            host.heal();
            let accounts = look(host.truth.count_accounts()).unwrap();
            let run = format!("{fault:?} at call {call}");
            match answer {
                Ok(account) => {
                    let new = picora_media::NewUpload {
                        account: account.id,
                        ..image()
                    };
                    created(host.upload(new, chunked(&png(100), 100)));
                }
                Err(error) => {
                    assert_eq!(accounts, 0, "{run}");
                    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{run}");
                }
            }
        }
    }
}

#[test]
fn a_lower_plan_keeps_what_is_there_and_admits_nothing_more() {
    let host = Host::new();
    let account = host
        .run(host.media.open_account(&plan(limits()), 2))
        .unwrap()
        .id;
    let mine = || picora_media::NewUpload { account, ..image() };
    let first = created(host.upload(mine(), chunked(&png(5_000), 4_096)));
    let low = plan(limits().with(Dimension::ImgStorage, Limit::Max(Amount::from(4_000))));
    assert!(
        host.run(host.media.change_plan(account, &low, 2, &audit_entry()))
            .unwrap()
    );
    let told = denied(host.upload(mine(), chunked(&png(10), 10))).strictest;
    assert_eq!((told.used.get(), told.limit.get()), (5_000, 4_000));
    assert!(
        host.run(host.media.remove(account, first.id))
            .unwrap()
            .is_some()
    );
    created(host.upload(mine(), chunked(&png(4_000), 4_096)));
    host.truth
        .read(|state| assert_eq!(state.audit(), [audit_entry()]));
    assert!(
        !host
            .run(host.media.change_plan(OWNER, &low, 2, &audit_entry()))
            .unwrap(),
        "nobody"
    );
}
