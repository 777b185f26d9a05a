//! The suite that every catalogue passes.
//!
//! One `pub async fn` for each promise, which panics when it is broken; [`catalogue_conformance!`](crate::catalogue_conformance) gives each a
//! named `#[test]`.

use std::future::Future;

use picora_core::{
    AccountId, AssetId, KeyId, MediaKind, PlanId, ReservationId, StoreError, Timestamp,
};

use crate::account::{Account, ApiKey, AuditEntry, Role};
use crate::asset::{Asset, AssetChange, AssetQuery, Tags};
use crate::{Condemned, Contact, EmailAddress, MediaStore, UploadIntent};

/// How the suite gets fresh stores and runs futures.
pub trait Harness {
    /// The transaction of the store.
    type Tx: Send;
    /// The store under test.
    type Store: MediaStore<Self::Tx>;
    /// What must outlive the store: a folder, a server, a database.
    type Guard;

    /// Runs a future to its end.
    fn run<F: Future>(&self, future: F) -> F::Output;

    /// A store in which nothing has happened.
    fn fresh(&self) -> (Self::Guard, Self::Store);
}

/// Gives each promise of the suite a named test, on the stores of one [`Harness`].
#[macro_export]
macro_rules! catalogue_conformance {
    ($harness:expr) => {
        $crate::catalogue_conformance!(@ $harness, returns_what_was_inserted, hides_what_is_anothers, lists_newest_first_page_by_page,
            finds_documents_by_their_bytes_per_account, changes_only_what_is_named, removes_once, remembers_uploads_until_they_end,
            remembers_the_condemned_until_they_are_buried, counts_what_is_stored_beside_what_the_ledger_says, lists_accounts_page_by_page,
            finds_keys_by_their_hash_until_revoked, changes_accounts_and_keeps_an_audit,
            keeps_contacts_with_their_accounts,
            leaves_nothing_of_a_dropped_transaction, erases_an_account_and_condemns_its_objects);
    };
    (@ $harness:expr, $($promise:ident),+) => {$(
        #[test]
        fn $promise() {
            let harness = $harness;
            let (_guard, store) = $crate::conformance::Harness::fresh(&harness);
            $crate::conformance::Harness::run(&harness, $crate::conformance::$promise(&store));
        }
    )+};
}

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_255_200);
const OWNER: AccountId = AccountId::from_bytes([1; 16]);
const OTHER: AccountId = AccountId::from_bytes([2; 16]);

/// Runs one write in a transaction of its own.
macro_rules! write {
    ($store:expr, $method:ident($($argument:expr),*)) => {{
        let mut tx = answer($store.begin().await);
        let answered = answer($store.$method(&mut tx, $($argument),*).await);
        answer($store.finish(tx).await);
        answered
    }};
}

/// What comes back is what was put in, down to the last field, also at the ends of their ranges.
pub async fn returns_what_was_inserted<T: Send>(store: &dyn MediaStore<T>) {
    let plain = asset(OWNER, MediaKind::Image, 1);
    let rich = Asset {
        file_name: Some("../grüße \u{1f980}.png".to_owned()),
        bytes: 1 << 62,
        tags: vec!["a,b".to_owned(), "日本".to_owned()],
        is_public: false,
        ..asset(OWNER, MediaKind::Video, 2)
    };
    for asset in [&plain, &rich] {
        assert_eq!(write!(store, insert_in(asset)), None);
        assert_eq!(
            answer(store.asset(OWNER, asset.id).await).as_ref(),
            Some(asset)
        );
        assert_eq!(answer(store.asset_at(asset.id).await).as_ref(), Some(asset));
        assert_eq!(
            answer(store.asset_of(OWNER, asset.reservation).await).as_ref(),
            Some(asset)
        );
        assert!(answer(store.knows(asset.id).await));
    }
    assert!(!answer(
        store.knows(asset(OWNER, MediaKind::Image, 9).id).await
    ));
}

/// Another account's id finds nothing and changes nothing (#67).
pub async fn hides_what_is_anothers<T: Send>(store: &dyn MediaStore<T>) {
    let hidden = asset(OTHER, MediaKind::Image, 1);
    write!(store, insert_in(&hidden));
    assert_eq!(answer(store.asset(OWNER, hidden.id).await), None);
    assert_eq!(
        answer(store.asset_of(OWNER, hidden.reservation).await),
        None
    );
    assert_eq!(
        answer(store.assets(OWNER, &query(MediaKind::Image)).await),
        []
    );
    let publish = AssetChange {
        is_public: Some(false),
        tags: None,
    };
    assert_eq!(write!(store, change_in(OWNER, hidden.id, &publish)), None);
    assert_eq!(write!(store, remove_in(OWNER, hidden.id)), None);
    assert_eq!(answer(store.asset(OTHER, hidden.id).await), Some(hidden));
}

/// Pages follow one another without a gap or a repeat, of one kind, with one tag if asked.
pub async fn lists_newest_first_page_by_page<T: Send>(store: &dyn MediaStore<T>) {
    for number in 1..=5 {
        let tags = if number % 2 == 1 {
            vec!["odd".to_owned()]
        } else {
            Vec::new()
        };
        write!(
            store,
            insert_in(&Asset {
                tags,
                ..asset(OWNER, MediaKind::Image, number)
            })
        );
        write!(
            store,
            insert_in(&asset(OWNER, MediaKind::Audio, number + 100))
        );
    }
    let numbers = |page: &[Asset]| {
        page.iter()
            .map(|asset| asset.id.as_bytes()[15])
            .collect::<Vec<_>>()
    };
    let first = answer(
        store
            .assets(
                OWNER,
                &AssetQuery {
                    most: 2,
                    ..query(MediaKind::Image)
                },
            )
            .await,
    );
    assert_eq!(numbers(&first), [5, 4]);
    let before = first.last().map(|asset| asset.id);
    let rest = answer(
        store
            .assets(
                OWNER,
                &AssetQuery {
                    before,
                    ..query(MediaKind::Image)
                },
            )
            .await,
    );
    assert_eq!(numbers(&rest), [3, 2, 1]);
    let tag = Some("odd".to_owned());
    let odd = answer(
        store
            .assets(
                OWNER,
                &AssetQuery {
                    tag,
                    ..query(MediaKind::Image)
                },
            )
            .await,
    );
    assert_eq!(numbers(&odd), [5, 3, 1]);
}

/// A document's bytes are stored once per account; of other kinds as often as they come (C32).
pub async fn finds_documents_by_their_bytes_per_account<T: Send>(store: &dyn MediaStore<T>) {
    let first = asset(OWNER, MediaKind::Document, 1);
    let same = Asset {
        sha256: first.sha256,
        ..asset(OWNER, MediaKind::Document, 2)
    };
    let others = Asset {
        sha256: first.sha256,
        ..asset(OTHER, MediaKind::Document, 3)
    };
    assert_eq!(write!(store, insert_in(&first)), None);
    assert_eq!(write!(store, insert_in(&same)), Some(first.clone()));
    assert_eq!(write!(store, insert_in(&others)), None);
    assert_eq!(
        answer(store.document_of(OWNER, &first.sha256).await),
        Some(first.clone())
    );
    assert_eq!(answer(store.asset(OWNER, same.id).await), None);
    let image = Asset {
        sha256: first.sha256,
        ..asset(OWNER, MediaKind::Image, 4)
    };
    let twin = Asset {
        sha256: first.sha256,
        ..asset(OWNER, MediaKind::Image, 5)
    };
    assert_eq!(write!(store, insert_in(&image)), None);
    assert_eq!(write!(store, insert_in(&twin)), None);
    write!(store, remove_in(OWNER, first.id));
    assert_eq!(
        write!(store, insert_in(&same)),
        None,
        "what was removed may come again"
    );
}

/// What a change does not name stays.
pub async fn changes_only_what_is_named<T: Send>(store: &dyn MediaStore<T>) {
    let before = Asset {
        tags: vec!["old".to_owned()],
        ..asset(OWNER, MediaKind::Image, 1)
    };
    write!(store, insert_in(&before));
    let hide = AssetChange {
        is_public: Some(false),
        tags: None,
    };
    let hidden = Asset {
        is_public: false,
        ..before
    };
    assert_eq!(
        write!(store, change_in(OWNER, hidden.id, &hide)),
        Some(hidden.clone())
    );
    let tags = Tags::new(["new".to_owned()]).expect("a fit tag");
    let retag = AssetChange {
        is_public: None,
        tags: Some(tags),
    };
    let tagged = Asset {
        tags: vec!["new".to_owned()],
        ..hidden
    };
    assert_eq!(
        write!(store, change_in(OWNER, tagged.id, &retag)),
        Some(tagged.clone())
    );
    assert_eq!(answer(store.asset(OWNER, tagged.id).await), Some(tagged));
}

/// The first removal answers the asset, the second nothing.
pub async fn removes_once<T: Send>(store: &dyn MediaStore<T>) {
    let gone = asset(OWNER, MediaKind::Audio, 1);
    write!(store, insert_in(&gone));
    assert_eq!(write!(store, remove_in(OWNER, gone.id)), Some(gone.clone()));
    assert_eq!(write!(store, remove_in(OWNER, gone.id)), None);
    assert_eq!(answer(store.asset_at(gone.id).await), None);
}

/// An upload is overdue at its deadline, not a microsecond before; it ends once.
pub async fn remembers_uploads_until_they_end<T: Send>(store: &dyn MediaStore<T>) {
    let intent = |number, deadline| UploadIntent {
        asset: asset(OWNER, MediaKind::Image, number).id,
        account: OWNER,
        reservation: ReservationId::from_bytes([number; 16]),
        deadline,
    };
    let (late, soon) = (intent(1, at(60)), intent(2, at(30)));
    write!(store, begin_upload_in(&late));
    write!(store, begin_upload_in(&soon));
    assert!(answer(store.knows(late.asset).await));
    let before = Timestamp::from_unix_micros(at(30).unix_micros() - 1);
    assert_eq!(answer(store.overdue(9, before).await), []);
    assert_eq!(answer(store.overdue(9, at(60)).await), [soon, late]);
    assert_eq!(answer(store.overdue(1, at(60)).await), [soon]);
    assert!(write!(store, keep_upload_in(soon.asset, at(90))));
    assert_eq!(answer(store.overdue(9, at(60)).await), [late]);
    assert!(write!(store, end_upload_in(late.asset)));
    assert!(!write!(store, end_upload_in(late.asset)));
    assert!(!write!(store, keep_upload_in(late.asset, at(90))));
    assert!(!answer(store.knows(late.asset).await));
}

/// The condemned are listed, the oldest first, until they are buried; condemning twice is condemning once.
pub async fn remembers_the_condemned_until_they_are_buried<T: Send>(store: &dyn MediaStore<T>) {
    let condemned = |number, since| Condemned {
        asset: asset(OWNER, MediaKind::Image, number).id,
        account: OWNER,
        since,
    };
    let (young, old) = (condemned(1, at(60)), condemned(2, at(30)));
    write!(store, condemn_in(&young));
    write!(store, condemn_in(&old));
    write!(
        store,
        condemn_in(&Condemned {
            since: at(90),
            ..old
        })
    );
    assert_eq!(answer(store.condemned(9).await), [old, young]);
    assert_eq!(answer(store.condemned(1).await), [old]);
    assert!(answer(store.knows(old.asset).await));
    write!(store, bury_in(old.asset));
    write!(store, bury_in(old.asset));
    assert_eq!(answer(store.condemned(9).await), [young]);
}

/// A census counts an account's own assets, not what is under way or condemned, and tells what the ledger held.
pub async fn counts_what_is_stored_beside_what_the_ledger_says<T: Send>(store: &dyn MediaStore<T>) {
    use picora_core::{Amount, Dimension, Posting, PostingKey, PostingReason, Tally};
    use picora_quota::Counter;
    let kinds = [
        MediaKind::Image,
        MediaKind::Image,
        MediaKind::Video,
        MediaKind::Audio,
        MediaKind::Document,
        MediaKind::Document,
    ];
    for (number, kind) in (1..).zip(kinds) {
        write!(store, insert_in(&asset(OWNER, kind, number)));
        write!(store, insert_in(&asset(OTHER, kind, number + 100)));
    }
    let begun = UploadIntent {
        asset: asset(OWNER, MediaKind::Image, 50).id,
        account: OWNER,
        reservation: ReservationId::from_bytes([50; 16]),
        deadline: at(60),
    };
    write!(store, begin_upload_in(&begun));
    let gone = Condemned {
        asset: asset(OWNER, MediaKind::Image, 51).id,
        account: OWNER,
        since: NOW,
    };
    write!(store, condemn_in(&gone));
    let limits = picora_core::SetLimits {
        account: OWNER,
        limits: picora_core::Limits::NOTHING,
        open_reservations: Amount::ONE,
    };
    answer(store.set_limits(&limits, NOW).await);
    let posting = Posting {
        key: PostingKey::new("test", &"audio"),
        account: OWNER,
        dimension: Dimension::MediaStorage,
        tally: Some(Tally::AudioStorage),
        delta: 4,
        reason: PostingReason::Force,
        happened_at: NOW,
    };
    answer(store.post(&posting, NOW).await);
    let census = answer(store.census(OWNER).await);
    let told = census
        .levels
        .iter()
        .map(|it| (it.counter, it.truth.get(), it.seen.used.get()));
    let told: Vec<_> = told.collect();
    let audio = Counter::Tally(Tally::AudioStorage);
    let expected = [
        (Counter::Dimension(Dimension::ImgStorage), 1 + 2, 0),
        (Counter::Dimension(Dimension::MediaStorage), 3 + 4, 4),
        (Counter::Dimension(Dimension::DocCount), 2, 0),
        (audio, 4, 4),
    ];
    assert_eq!(told, expected);
    for level in &census.levels {
        let seen = answer(store.seen(OWNER, level.counter).await);
        assert_eq!(level.seen, seen, "{:?}", level.counter);
    }
    let moved = census.level(audio).map(|level| level.seen.moves);
    assert!(moved > Some(0), "it has moved");
    let nobody = answer(store.census(AccountId::from_bytes([9; 16])).await);
    assert!(nobody.levels.iter().all(|level| !level.differs()));
    let huge = |number| Asset {
        bytes: 1 << 62,
        ..asset(OWNER, MediaKind::Video, number)
    };
    write!(store, insert_in(&huge(60)));
    write!(store, insert_in(&huge(61)));
    let beyond = store.census(OWNER).await.expect_err("more than 2^62");
    assert_eq!(beyond.kind(), picora_core::StoreErrorKind::OutOfRange);
}

/// Pages of accounts follow one another by their ids, without a gap or a repeat.
pub async fn lists_accounts_page_by_page<T: Send>(store: &dyn MediaStore<T>) {
    let ids = [0x80, 1, 0xff, 0x7f, 2].map(|byte| AccountId::from_bytes([byte; 16]));
    for id in ids {
        write!(store, insert_account_in(&account(id)));
    }
    let mut expected = ids;
    expected.sort();
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = answer(store.list_accounts(after, 2).await);
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(*last);
        listed.extend(page);
    }
    assert_eq!(listed, expected);
}

/// A key is found by the hash of its secret, with its account as it is now, until it is revoked.
pub async fn finds_keys_by_their_hash_until_revoked<T: Send>(store: &dyn MediaStore<T>) {
    write!(store, insert_account_in(&account(OWNER)));
    let key = ApiKey {
        id: KeyId::from_bytes([3; 16]),
        account: OWNER,
        secret_hash: [4; 32],
        label: "my \"key\"".to_owned(),
        created_at: NOW,
    };
    write!(store, insert_key_in(&key));
    assert_eq!(
        answer(store.key_holder(&[4; 32]).await),
        Some((key.clone(), account(OWNER)))
    );
    assert_eq!(answer(store.key_holder(&[5; 32]).await), None);
    assert!(!write!(store, revoke_key_in(OTHER, key.id, NOW)));
    assert!(write!(store, revoke_key_in(OWNER, key.id, NOW)));
    assert!(!write!(store, revoke_key_in(OWNER, key.id, NOW)));
    assert_eq!(answer(store.key_holder(&[4; 32]).await), None);
}

/// Plans, roles and disabling change the account that there is, and no other.
pub async fn changes_accounts_and_keeps_an_audit<T: Send>(store: &dyn MediaStore<T>) {
    assert_eq!(answer(store.count_accounts().await), 0);
    write!(store, insert_account_in(&account(OWNER)));
    write!(store, insert_account_in(&account(OTHER)));
    assert_eq!(answer(store.count_accounts().await), 2);
    assert!(write!(store, set_plan_in(OWNER, PlanId::ProPlus)));
    assert!(write!(store, set_role_in(OWNER, Role::Admin)));
    assert!(write!(store, set_disabled_in(OWNER, Some(at(60)))));
    let changed = Account {
        plan: PlanId::ProPlus,
        role: Role::Admin,
        disabled_until: Some(at(60)),
        ..account(OWNER)
    };
    assert_eq!(answer(store.account(OWNER).await), Some(changed));
    assert_eq!(answer(store.account(OTHER).await), Some(account(OTHER)));
    let nobody = AccountId::from_bytes([9; 16]);
    assert!(!write!(store, set_plan_in(nobody, PlanId::Pro)));
    assert!(!write!(store, set_role_in(nobody, Role::Admin)));
    assert!(!write!(store, set_disabled_in(nobody, None)));
    write!(
        store,
        audit_in(&AuditEntry {
            actor: Some(OTHER),
            action: "set_plan",
            subject: OWNER.to_string(),
            reason: "asked by mail".to_owned(),
            at: NOW,
        })
    );
}

/// An account begins without an address and with all mails; each is changed by itself, of one account, and both go with it.
pub async fn keeps_contacts_with_their_accounts<T: Send>(store: &dyn MediaStore<T>) {
    let address = EmailAddress::new("ada+x@mail.example.org").expect("it is one");
    assert_eq!(answer(store.contact(OWNER).await), None);
    assert!(!write!(store, set_email_in(OWNER, Some(&address))));
    assert!(!write!(store, set_early_notices_in(OWNER, false)));
    assert_eq!(answer(store.contact(OWNER).await), None);
    for id in [OWNER, OTHER] {
        write!(store, insert_account_in(&account(id)));
    }
    assert_eq!(answer(store.contact(OWNER).await), Some(Contact::NEW));
    assert!(write!(store, set_email_in(OWNER, Some(&address))));
    for _ in 0..2 {
        assert!(write!(store, set_early_notices_in(OWNER, false)));
    }
    let silent = Contact {
        email: Some(address),
        early_notices: false,
    };
    assert_eq!(answer(store.contact(OWNER).await), Some(silent));
    assert_eq!(answer(store.contact(OTHER).await), Some(Contact::NEW));
    assert!(write!(store, set_email_in(OWNER, None)));
    assert!(write!(store, set_early_notices_in(OWNER, true)));
    assert_eq!(answer(store.contact(OWNER).await), Some(Contact::NEW));
    let tombstone = AccountId::from_bytes([8; 16]);
    let mut tx = answer(store.begin().await);
    answer(crate::CatalogueIn::erase_in(store, &mut tx, OWNER, tombstone, at(5)).await);
    answer(store.finish(tx).await);
    assert_eq!(answer(store.contact(OWNER).await), None);
    assert_eq!(answer(store.contact(OTHER).await), Some(Contact::NEW));
}

/// What was written in a transaction that is dropped was never written, in any of the tables.
pub async fn leaves_nothing_of_a_dropped_transaction<T: Send>(store: &dyn MediaStore<T>) {
    let dropped = asset(OWNER, MediaKind::Image, 1);
    let mut tx = answer(store.begin().await);
    answer(store.insert_account_in(&mut tx, &account(OWNER)).await);
    answer(store.insert_in(&mut tx, &dropped).await);
    answer(
        store
            .condemn_in(
                &mut tx,
                &Condemned {
                    asset: dropped.id,
                    account: OWNER,
                    since: NOW,
                },
            )
            .await,
    );
    drop(tx);
    assert_eq!(answer(store.account(OWNER).await), None);
    assert!(!answer(store.knows(dropped.id).await));
}

/// Nothing of an erased account is found; its objects, also of uploads under way, are condemned.
pub async fn erases_an_account_and_condemns_its_objects<T: Send>(store: &dyn MediaStore<T>) {
    write!(store, insert_account_in(&account(OWNER)));
    let (mine, others) = (
        asset(OWNER, MediaKind::Image, 1),
        asset(OTHER, MediaKind::Image, 2),
    );
    write!(store, insert_in(&mine));
    write!(store, insert_in(&others));
    let begun = UploadIntent {
        asset: asset(OWNER, MediaKind::Audio, 3).id,
        account: OWNER,
        reservation: ReservationId::from_bytes([3; 16]),
        deadline: at(60),
    };
    write!(store, begin_upload_in(&begun));
    let mut tx = answer(store.begin().await);
    let tombstone = AccountId::from_bytes([8; 16]);
    answer(crate::CatalogueIn::erase_in(store, &mut tx, OWNER, tombstone, at(5)).await);
    answer(store.finish(tx).await);
    assert_eq!(answer(store.account(OWNER).await), None);
    assert_eq!(answer(store.asset_at(mine.id).await), None);
    assert_eq!(answer(store.overdue(9, at(90)).await), []);
    let mut condemned: Vec<_> = answer(store.condemned(9).await)
        .into_iter()
        .map(|one| one.asset)
        .collect();
    condemned.sort();
    assert_eq!(condemned, [mine.id, begun.asset]);
    assert_eq!(answer(store.asset(OTHER, others.id).await), Some(others));
}

fn asset(account: AccountId, kind: MediaKind, number: u8) -> Asset {
    let mut bytes = [0; 16];
    bytes[15] = number;
    Asset {
        id: AssetId::from_bytes(kind, bytes),
        account,
        reservation: ReservationId::from_bytes([number; 16]),
        file_name: None,
        content_type: "image/png".to_owned(),
        bytes: u64::from(number),
        sha256: [number; 32],
        is_public: true,
        tags: Vec::new(),
        created_at: NOW,
    }
}

fn account(id: AccountId) -> Account {
    Account {
        id,
        plan: PlanId::Trial,
        role: Role::User,
        created_at: NOW,
        disabled_until: None,
    }
}

const fn query(kind: MediaKind) -> AssetQuery {
    AssetQuery {
        kind,
        before: None,
        most: 100,
        tag: None,
    }
}

fn at(seconds: u64) -> Timestamp {
    NOW.saturating_add(std::time::Duration::from_secs(seconds))
}

fn answer<T>(result: Result<T, StoreError>) -> T {
    result.expect("the store answers")
}
