//! What must be true of the stores when nothing is under way, counted from the stores alone.

use std::collections::BTreeMap;
use std::fmt;

use futures::TryStreamExt;
use object_store::{ObjectStore, path::Path};
use picora_core::{
    AccountId, Amount, Clock, Dimension, Entropy, Measure, MediaKind, ReservationId, SeededEntropy,
    Timestamp, Transact,
};
use picora_media::{Asset, AssetQuery, Catalogue};
use picora_quota::{Item, Items, Ledger, LedgerIn, RequestHash, Reserve, Reserved};
use picora_storage::{Measured, ObjectKey, object};

use super::host::{ACCOUNTS, Host, OPEN_RESERVATIONS, TTL, look};

/// A rule that is broken, and where.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) rule: Rule,
    place: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// No object waits to be removed.
    CondemnedIsEmpty,
    /// As many documents are used as are stored.
    DocumentsAreCounted,
    /// The object of every asset is there, whole.
    ObjectsAreWhole,
    /// Every object belongs to an asset.
    ObjectsHaveAssets,
    /// Nothing is reserved.
    NothingIsReserved,
    /// As many reservations can be opened as the plan says.
    ReservationsAreClosed,
    /// As many bytes are used as are stored.
    StorageIsCounted,
    /// No upload is under way.
    UploadsHaveEnded,
}

/// All findings; what is under way counts as one.
pub(super) fn audit(host: &Host) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut check = |rule, fits: bool, place: &dyn fmt::Display| {
        if !fits {
            let place = place.to_string();
            findings.push(Finding { rule, place });
        }
    };
    for account in ACCOUNTS {
        for line in look(host.truth.usage(account, host.clock.now())).unwrap() {
            let reserved = line.cell.reserved;
            check(
                Rule::NothingIsReserved,
                reserved == Amount::ZERO,
                &line.dimension,
            );
        }
        let (storage, documents) = counted(host, account);
        for (dimension, bytes) in storage {
            let used = used(host, account, dimension);
            let place = format!("{dimension} of {account}: {used} used, {bytes} stored");
            check(Rule::StorageIsCounted, used == bytes, &place);
        }
        let used = used(host, account, Dimension::DocCount);
        let place = format!("{account}: {used} used, {documents} stored");
        check(Rule::DocumentsAreCounted, used == documents, &place);
        check(
            Rule::ReservationsAreClosed,
            all_can_be_opened(host, account),
            &account,
        );
    }
    for upload in look(host.truth.overdue(u32::MAX, Timestamp::MAX)).unwrap() {
        check(Rule::UploadsHaveEnded, false, &upload.asset);
    }
    for condemned in look(host.truth.condemned(u32::MAX)).unwrap() {
        check(Rule::CondemnedIsEmpty, false, &condemned.asset);
    }
    let mut objects = objects(host);
    for asset in stored(host) {
        let key = ObjectKey::new(asset.account, asset.id).to_path();
        let object = objects.remove(&key);
        let whole = Measured {
            bytes: Amount::saturating(asset.bytes),
            sha256: asset.sha256,
        };
        check(Rule::ObjectsAreWhole, object == Some(whole), &key);
    }
    for stray in objects.keys() {
        check(Rule::ObjectsHaveAssets, false, stray);
    }
    findings
}

/// Panics when anything is found, naming the run.
pub(super) fn assert_clean(host: &Host, run: &dyn fmt::Display) {
    let findings = audit(host);
    assert!(
        findings.is_empty(),
        "{run}: {findings:#?}\n{:?}",
        host.store.calls()
    );
}

/// The broken rules, each once.
pub(super) fn rules(host: &Host) -> Vec<Rule> {
    let mut rules: Vec<_> = audit(host)
        .into_iter()
        .map(|finding| finding.rule)
        .collect();
    rules.sort();
    rules.dedup();
    rules
}

/// Every asset of every account.
pub(super) fn stored(host: &Host) -> Vec<Asset> {
    let of = |account| MediaKind::ALL.map(|kind| (account, kind));
    let listed = ACCOUNTS.into_iter().flat_map(of).map(|(account, kind)| {
        let all = AssetQuery {
            kind,
            before: None,
            most: u32::MAX,
            tag: None,
        };
        look(host.truth.assets(account, &all)).unwrap()
    });
    listed.flatten().collect()
}

/// Stored bytes for each dimension, and the number of documents, of one account.
fn counted(host: &Host, account: AccountId) -> ([(Dimension, u64); 2], u64) {
    let assets = stored(host);
    let mine = || assets.iter().filter(|asset| asset.account == account);
    let bytes = |dimension| {
        let fits = |asset: &&Asset| asset.id.kind().storage_dimension() == Some(dimension);
        (
            dimension,
            mine().filter(fits).map(|asset| asset.bytes).sum(),
        )
    };
    let documents = mine().filter(|asset| asset.id.kind() == MediaKind::Document);
    let dimensions = [Dimension::ImgStorage, Dimension::MediaStorage];
    (dimensions.map(bytes), documents.count() as u64)
}

fn used(host: &Host, account: AccountId, dimension: Dimension) -> u64 {
    assert_eq!(dimension.measure(), Measure::Gauge);
    let lines = look(host.truth.usage(account, host.clock.now())).unwrap();
    let line = lines.iter().find(|line| line.dimension == dimension);
    line.expect("every dimension has a line").cell.used.get()
}

/// No port tells how many reservations are open, so all that the plan allows are tried, in a transaction that is dropped.
fn all_can_be_opened(host: &Host, account: AccountId) -> bool {
    look(async {
        let (mut tx, entropy) = (host.truth.begin().await.unwrap(), SeededEntropy::new(99));
        for _ in 0..OPEN_RESERVATIONS {
            let mut id = [0; 16];
            entropy.fill(&mut id);
            let request = Reserve {
                id: ReservationId::from_bytes(id),
                account,
                request: RequestHash::default(),
                items: Items::new([] as [Item; 0]).unwrap(),
                tally: None,
                expires_after: TTL,
            };
            let answer = host
                .truth
                .reserve_in(&mut tx, &request, host.clock.now())
                .await;
            if !matches!(answer.unwrap(), Reserved::Admitted(_)) {
                return false;
            }
        }
        true
    })
}

fn objects(host: &Host) -> BTreeMap<Path, Measured> {
    look(async {
        let listed: Vec<_> = host.bytes.list(None).try_collect().await.unwrap();
        let mut objects = BTreeMap::new();
        for meta in listed {
            let measured = object::measure(&*host.bytes, &meta.location).await.unwrap();
            objects.insert(meta.location, measured.expect("it was listed"));
        }
        objects
    })
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is broken at {}", self.rule, self.place)
    }
}
