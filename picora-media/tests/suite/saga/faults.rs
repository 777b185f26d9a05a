//! Every call of every use case goes wrong, in every way, alone and together with every later one.

use std::ops::Range;

use picora_core::{Amount, Dimension, Limit, StoreErrorKind};
use picora_media::faults::Fault;
use picora_media::{BodyError, UploadPolicy};
use picora_storage::faults::Fault as ObjectFault;

use super::audit::{assert_clean, stored};
use super::host::{Host, OWNER, POLICY, limits};
use super::requests::{chunked, image, png, scripted};
use super::scenario::{Answer, Scenario};

/// A call that goes wrong, counted from where the use case begins.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Objects(usize, ObjectFault),
    Store(usize, Fault),
}

/// How many calls of each store a run made.
#[derive(Clone, Copy, Debug)]
struct Calls {
    store: usize,
    objects: usize,
}

#[test]
fn documents() {
    in_every_trouble(Scenario::Document);
}

#[test]
fn images_of_unknown_length() {
    in_every_trouble(Scenario::GrowingImage);
}

#[test]
fn images_of_known_length() {
    in_every_trouble(Scenario::KnownImage);
}

#[test]
fn removing_documents() {
    in_every_trouble(Scenario::RemoveDocument);
}

#[test]
fn removing_images() {
    in_every_trouble(Scenario::RemoveImage);
}

#[test]
fn the_janitor() {
    in_every_trouble(Scenario::Tidy);
}

/// Long enough for parts: every call of the object store goes wrong alone.
#[test]
fn images_in_parts() {
    let bytes = png(PARTS_BYTES);
    let upload = |host: &Host| host.upload(image(), chunked(&bytes, 1 << 20));
    let undisturbed = roomy();
    upload(&undisturbed).unwrap();
    for call in 1..=undisturbed.objects.calls() {
        for fault in ObjectFault::ALL {
            let host = roomy();
            host.objects.fail_at(call, fault);
            upload(&host).unwrap_err();
            assert_eq!(stored(&host), [], "{fault:?} at call {call}");
            host.rest();
            assert_clean(&host, &format!("{fault:?} at call {call}"));
        }
    }
}

/// A remote store bills the parts of an upload that nobody gives up.
#[test]
fn a_body_that_breaks_off_gives_up_its_parts() {
    let host = roomy();
    let body = vec![Ok(png(PARTS_BYTES)), Err(BodyError::Gone)];
    host.upload(image(), scripted(body)).unwrap_err();
    assert_eq!(host.objects.calls(), 4, "begin, one part, abort; remove");
    assert_clean(&host, &"broken off");
}

/// The answer of the commit is lost: it is read back by key, and told when that is impossible too.
#[test]
fn a_lost_commit_is_read_back() {
    for scenario in Scenario::UPLOADS {
        let commit = run(scenario, &[]).store;
        for (read_fails, expected) in [(false, None), (true, Some(StoreErrorKind::Unknown))] {
            let host = scenario.host();
            let before = host.store.calls().len();
            host.store.fail_at(before + commit, Fault::FailAfter);
            if read_fails {
                host.store.fail_at(before + commit + 1, Fault::FailBefore);
            }
            let answer = host.run(scenario.begin(&host));
            assert_eq!(answer.error(), expected);
            assert_eq!(stored(&host).len(), 2);
            assert_clean(&host, &format!("{scenario:?}, {read_fails}"));
        }
    }
}

/// A host that takes more than fits one part.
fn roomy() -> Host {
    let policy = UploadPolicy {
        first_step_bytes: 8 << 20,
        largest_file_bytes: 16 << 20,
        ..POLICY
    };
    let host = Host::with_policy(1, policy);
    let room = Limit::Max(Amount::from(16 << 20));
    host.set_limits(OWNER, limits().with(Dimension::ImgStorage, room));
    host
}

/// Runs a scenario in each trouble, and in each pair of them.
fn in_every_trouble(scenario: Scenario) {
    let calls = run(scenario, &[]);
    for first in troubles(0..calls.store, 0..calls.objects) {
        let calls = run(scenario, &[first]);
        let later = match first {
            Trouble::Store(call, _) => troubles(call..calls.store, 0..0),
            Trouble::Objects(call, _) => troubles(0..calls.store, call..calls.objects),
        };
        for second in later {
            run(scenario, &[first, second]);
        }
    }
}

/// Every trouble of the calls after these many, up to and including those.
fn troubles(store: Range<usize>, objects: Range<usize>) -> Vec<Trouble> {
    let of_store = store.flat_map(|call| Fault::ALL.map(|fault| Trouble::Store(call + 1, fault)));
    let of_objects =
        objects.flat_map(|call| ObjectFault::ALL.map(|fault| Trouble::Objects(call + 1, fault)));
    of_store.chain(of_objects).collect()
}

/// Runs a scenario, lets everything rest, and has it audited.
fn run(scenario: Scenario, troubles: &[Trouble]) -> Calls {
    let host = scenario.host();
    let before = calls(&host);
    let future = scenario.begin(&host);
    for trouble in troubles {
        match *trouble {
            Trouble::Objects(call, fault) => host.objects.fail_at(before.objects + call, fault),
            Trouble::Store(call, fault) => host.store.fail_at(before.store + call, fault),
        }
    }
    let answer = host.run(future);
    let after = calls(&host);
    assert_bears(&answer, troubles);
    let run = (scenario, troubles);
    if let [Trouble::Objects(..)] = troubles
        && Scenario::UPLOADS.contains(&scenario)
    {
        assert_clean(&host, &format!("at once: {run:?}")); // the store works, so nothing waits for the janitor
    }
    host.rest();
    answer.assert_kept(&host, &run);
    assert_clean(&host, &format!("{run:?}"));
    Calls {
        store: after.store - before.store,
        objects: after.objects - before.objects,
    }
}

/// A lost race is tried again and never told, and without any trouble nothing fails.
fn assert_bears(answer: &Answer, troubles: &[Trouble]) {
    let races = |trouble: &Trouble| matches!(trouble, Trouble::Store(_, Fault::Conflict));
    assert_ne!(
        answer.error(),
        Some(StoreErrorKind::Conflict),
        "{troubles:?}"
    );
    if let Answer::Tidied(Ok(tidied)) = answer
        && troubles.iter().all(races)
    {
        assert_eq!(tidied.failed, 0, "{troubles:?}");
    }
    if troubles.is_empty() {
        assert_eq!(answer.error(), None);
    }
}

fn calls(host: &Host) -> Calls {
    Calls {
        store: host.store.calls().len(),
        objects: host.objects.calls(),
    }
}

/// One part and a byte.
const PARTS_BYTES: usize = (8 << 20) + 1;
