//! Every use case is dropped at every await: by its caller, who went away, and by the process, which died.

use picora_media::Tidied;

use super::audit::{Rule, assert_clean, rules, stored};
use super::host::Host;
use super::sagas::poll;
use super::scenario::{Answer, Scenario};

/// A caller who goes away costs nothing: as soon as the saga has ended, without any time passing, everything is stored or nothing is held.
#[test]
fn a_gone_caller_holds_nothing() {
    for scenario in Scenario::UPLOADS {
        let polls = each_poll(scenario, |host, polls| {
            host.sagas.run();
            let run = format!("{scenario:?} dropped after {polls} polls");
            assert!(stored(host).len() <= 2, "{run}");
            assert_clean(host, &run);
        });
        assert!(
            polls > 25,
            "{scenario:?} can be dropped at {polls} places only"
        );
    }
}

/// Whoever asked for a removal and went away: it is not done, or it is done and at most the bytes are left for the janitor.
#[test]
fn a_gone_remover_leaves_at_most_bytes() {
    for scenario in [Scenario::RemoveDocument, Scenario::RemoveImage] {
        each_poll(scenario, |host, polls| {
            let left = rules(host);
            let bytes = [Rule::CondemnedIsEmpty, Rule::ObjectsHaveAssets];
            let run = format!("{scenario:?} dropped after {polls} polls");
            assert!(
                left.iter().all(|rule| bytes.contains(rule)),
                "{run}: {left:?}"
            );
            host.rest();
            assert_clean(host, &run);
        });
    }
}

/// The process dies with everything that it was about to do.
#[test]
fn a_crash_is_put_right_by_the_janitor() {
    for scenario in Scenario::ALL {
        each_poll(scenario, |host, polls| {
            host.sagas.crash();
            host.rest();
            assert_clean(host, &format!("{scenario:?} crashed after {polls} polls"));
        });
    }
}

/// The caller goes away, and while that is put right, the process dies.
#[test]
fn a_crash_while_giving_up_is_put_right_by_the_janitor() {
    let scenario = Scenario::KnownImage;
    each_poll(scenario, |_, gone_after| {
        for crash_after in 0.. {
            let host = scenario.host();
            host.hesitate();
            advance(&host, scenario, gone_after);
            (0..crash_after).for_each(|_| host.sagas.step());
            let ended = host.sagas.under_way() == 0;
            host.sagas.crash();
            host.rest();
            assert_clean(
                &host,
                &format!("gone after {gone_after}, crashed after {crash_after} more"),
            );
            if ended {
                break;
            }
        }
    });
}

/// What a saga told its caller stays true when the process dies right after.
#[test]
fn an_answer_survives_a_crash() {
    for scenario in Scenario::ALL {
        let host = scenario.host();
        host.hesitate();
        let answer = (1..).find_map(|polls| {
            let host = scenario.host();
            host.hesitate();
            let answer = advance(&host, scenario, polls)?;
            host.sagas.crash();
            host.rest();
            answer.assert_kept(&host, &scenario);
            Some(answer)
        });
        assert!(answer.is_some_and(|answer| answer.error().is_none()));
    }
}

/// The scenario does the work that the janitor is there for.
#[test]
fn the_janitor_has_work_of_each_kind() {
    let host = Scenario::Tidy.host();
    assert_eq!(rules(&host).len(), 4, "{:?}", rules(&host));
    let tidied = host.tidy().unwrap();
    let expected = Tidied {
        abandoned: 1,
        buried: 2,
        ..Tidied::default()
    };
    assert_eq!(tidied, expected);
}

/// Runs a scenario on hesitating stores, drops it after each number of polls, and hands over the host; answers how many polls it takes.
fn each_poll(scenario: Scenario, check: impl Fn(&Host, usize)) -> usize {
    for polls in 0.. {
        let host = scenario.host();
        host.hesitate();
        let answer = advance(&host, scenario, polls);
        check(&host, polls);
        if answer.is_some() {
            return polls;
        }
    }
    unreachable!("every scenario ends")
}

/// Polls the caller's future and the sagas in turn, so many times, and drops the former.
fn advance(host: &Host, scenario: Scenario, polls: usize) -> Option<Answer> {
    let mut future = scenario.begin(host);
    (0..polls).find_map(|_| match poll(future.as_mut()) {
        std::task::Poll::Ready(answer) => Some(answer),
        std::task::Poll::Pending => {
            host.sagas.step();
            None
        }
    })
}
