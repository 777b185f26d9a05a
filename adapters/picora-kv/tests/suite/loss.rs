//! Loss of KV in the middle of load changes no decision and no total, and the echo is right again within its bound.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use picora_core::memory::MemoryStore;
use picora_core::{
    AccountId, Amount, CalendarMonth, Dimension, Limit, Limits, Posting, PostingKey, PostingReason,
    ReservationId, SeededEntropy, SetLimits, Tally, Timestamp,
};
use picora_kv::KvEcho;
use picora_quota::echo::{Echo, Echoer, Marker, Slot, Snapshot, Step, key};
use picora_quota::{
    Books, Item, Items, Ledger, LedgerReports, RequestHash, Reserve, Reserved, Settled,
};
use picora_testkit::Miniflare;

use crate::edge::Trouble;
use crate::world::{Namespace, run, writer};

const ACCOUNTS: u8 = 8;
/// The one that many ask for at once.
const STORMED: u8 = 7;
const LIMIT: u32 = 10_000;

fn account(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

/// A ledger, and how often each account has changed, as SQL's epochs tell.
struct Truth {
    ledger: Arc<MemoryStore<Books>>,
    epochs: BTreeMap<AccountId, u64>,
    changed: BTreeSet<AccountId>,
}

impl Truth {
    async fn fresh(now: Timestamp) -> Self {
        let ledger = Arc::new(MemoryStore::new(Books::default()));
        let all = [
            Dimension::ImgStorage,
            Dimension::MediaStorage,
            Dimension::DocCount,
            Dimension::MediaBandwidth,
            Dimension::ImgBandwidth,
        ];
        let limits = all.into_iter().fold(Limits::NOTHING, |limits, it| {
            limits.with(it, Limit::Max(Amount::from(LIMIT)))
        });
        for number in 0..ACCOUNTS {
            let set = SetLimits {
                account: account(number),
                limits,
                open_reservations: Amount::MAX,
            };
            ledger.set_limits(&set, now).await.unwrap();
        }
        let all = (0..ACCOUNTS).map(account);
        Self {
            ledger,
            epochs: all.clone().map(|it| (it, 1)).collect(),
            changed: all.collect(),
        }
    }

    fn touch(&mut self, account: AccountId) {
        *self.epochs.get_mut(&account).unwrap() += 1;
        self.changed.insert(account);
    }

    /// A step of load, and what was decided.
    async fn act(&mut self, step: &LoadStep, now: Timestamp) -> String {
        let decided = match step {
            LoadStep::Upload(request, really) => {
                match self.ledger.reserve(request, now).await.unwrap() {
                    Reserved::Admitted(_) => {
                        let settled = match really {
                            Some(really) => self.ledger.commit(request.id, really, now).await,
                            None => self.ledger.release(request.id, now).await,
                        };
                        format!("{:?}", settled.unwrap())
                    }
                    other => format!("{other:?}"),
                }
            }
            LoadStep::Post(posting) => format!("{:?}", self.ledger.post(posting, now).await),
        };
        self.touch(step.account());
        decided
    }

    async fn snapshot(&self, account: AccountId, now: Timestamp) -> Snapshot {
        let epoch = self.epochs[&account];
        let usage = self.ledger.usage(account, now).await.unwrap();
        let of = |dimension| usage.iter().find(|it| it.dimension == dimension).unwrap();
        let video = |dimension| {
            let line = of(dimension);
            line.cell.used.checked_sub(line.tally).unwrap()
        };
        let served = of(Dimension::MediaBandwidth).cell.used;
        Snapshot {
            account,
            epoch,
            as_of: now,
            month: CalendarMonth::of(now),
            image_storage: of(Dimension::ImgStorage).cell.used,
            video_storage: video(Dimension::MediaStorage),
            audio_storage: of(Dimension::MediaStorage).tally,
            documents: of(Dimension::DocCount).cell.used,
            image_bandwidth: of(Dimension::ImgBandwidth).cell.used,
            video_bandwidth: video(Dimension::MediaBandwidth),
            audio_bandwidth: of(Dimension::MediaBandwidth).tally,
            video_status: if served > Amount::from(LIMIT) {
                "degraded"
            } else {
                "ok"
            },
        }
    }
}

enum LoadStep {
    Upload(Reserve, Option<Vec<(Dimension, Amount)>>),
    Post(Posting),
}

impl LoadStep {
    const fn account(&self) -> AccountId {
        match self {
            Self::Upload(request, _) => request.account,
            Self::Post(posting) => posting.account,
        }
    }

    /// The same for the same seed: uploads of which some do not fit, some come smaller and some not at all; deletions; bytes served.
    fn random(chance: &SeededEntropy, number: u64, now: Timestamp) -> Self {
        let below = |most: u64| chance.next_u64() % most;
        let account = account(u8::try_from(below(u64::from(STORMED))).unwrap());
        let kinds = [
            Dimension::ImgStorage,
            Dimension::MediaStorage,
            Dimension::DocCount,
        ];
        let dimension = kinds[usize::try_from(below(3)).unwrap()];
        let tally =
            (dimension == Dimension::MediaStorage && below(2) == 0).then_some(Tally::AudioStorage);
        let amount = Amount::saturating(1 + below(900));
        if below(3) > 0 {
            let request = upload(number, account, dimension, amount, tally);
            let came = Amount::saturating(1 + below(amount.get()));
            return Self::Upload(request, (below(5) > 0).then(|| vec![(dimension, came)]));
        }
        let (dimension, tally) = match below(3) {
            0 => (Dimension::ImgBandwidth, None),
            1 => (Dimension::MediaBandwidth, None),
            _ => (Dimension::MediaBandwidth, Some(Tally::AudioBandwidth)),
        };
        Self::Post(Posting {
            key: PostingKey::new("load", &number),
            account,
            dimension,
            tally,
            delta: i64::try_from(1 + below(200)).unwrap(),
            reason: PostingReason::Meter,
            happened_at: now,
        })
    }
}

fn upload(
    number: u64,
    account: AccountId,
    dimension: Dimension,
    amount: Amount,
    tally: Option<Tally>,
) -> Reserve {
    Reserve {
        id: ReservationId::from_bytes(u128::from(number).to_be_bytes()),
        account,
        request: RequestHash::default(),
        items: Items::new([Item::exactly(dimension, amount)]).unwrap(),
        tally,
        expires_after: Duration::from_secs(900),
    }
}

/// Who keeps the echo, on the test's clock, as a loop of a process does.
struct Keeper<'n> {
    namespace: &'n Namespace,
    echo: KvEcho,
    echoer: Echoer,
    failures: u32,
    rebuilt: u32,
    /// What SQL said of each account, and since when.
    said: BTreeMap<AccountId, Vec<(Timestamp, Snapshot)>>,
}

impl<'n> Keeper<'n> {
    fn of(namespace: &'n Namespace) -> Self {
        let config = namespace.config();
        let pace = config.pace();
        let echo = KvEcho::new(config, writer()).unwrap();
        let echoer = Echoer::new(echo.caps(), pace, 7);
        Self {
            namespace,
            echo,
            echoer,
            failures: 0,
            rebuilt: 0,
            said: BTreeMap::new(),
        }
    }

    async fn offer(&mut self, truth: &Truth, accounts: impl IntoIterator<Item = AccountId>) {
        let now = self.namespace.now();
        for account in accounts {
            let snapshot = truth.snapshot(account, now).await;
            self.said.entry(account).or_default().push((now, snapshot));
            self.echoer.offer(snapshot, now);
        }
    }

    /// Everything that is to be done at this instant.
    async fn work(&mut self, truth: &mut Truth) {
        let changed = std::mem::take(&mut truth.changed);
        self.offer(truth, changed).await;
        loop {
            let now = self.namespace.now();
            match self.echoer.next(now) {
                Step::Publish(batch) => match self.echo.publish(batch.snapshots(), now).await {
                    Ok(_) => self.echoer.published(batch, now),
                    Err(error) => {
                        self.failures += 1;
                        self.echoer.failed(batch, &error, now);
                    }
                },
                Step::Look => match self.echo.marker(now).await {
                    Ok(seen) => self.echoer.looked(seen, now),
                    Err(error) => {
                        self.failures += 1;
                        self.echoer.faltered(&error, now);
                    }
                },
                Step::Mark { was, by } => match self.echo.mark(was, by, now).await {
                    Ok(replaced) => {
                        self.rebuilt += u32::from(replaced && matches!(by, Marker::Whole(_)));
                        self.echoer.marked(replaced);
                    }
                    Err(error) => {
                        self.failures += 1;
                        self.echoer.faltered(&error, now);
                    }
                },
                Step::OfferAll => {
                    self.offer(truth, (0..ACCOUNTS).map(account)).await;
                    self.echoer.offered_all();
                }
                Step::Wait(_) => return,
            }
        }
    }

    /// Whether each key says what SQL said of its account at some instant of so long until now; a missing one says nothing.
    async fn is_right(&self, within: Duration) -> bool {
        let now = self.namespace.now();
        for (account, said) in &self.said {
            let ended = |at: usize| said.get(at + 1).map_or(now, |it| it.0);
            let recent = said
                .iter()
                .enumerate()
                .filter(|(at, _)| now.saturating_since(ended(*at)) <= within);
            let recent: Vec<_> = recent.map(|(_, it)| it.1).collect();
            for slot in Slot::ALL {
                let key = key(slot, *account, CalendarMonth::of(now));
                let stands = self.namespace.raw(&key).await.map(|it| it.0);
                let ever = |it: &Snapshot| stands == Some(told(slot, it));
                assert!(
                    stands.is_none() || said.iter().any(|it| ever(&it.1)),
                    "{key} was never {stands:?}"
                );
                if !recent.iter().any(ever) {
                    return false;
                }
            }
        }
        true
    }
}

fn told(slot: Slot, snapshot: &Snapshot) -> String {
    let amount = slot.amount(snapshot).map(|it| it.get().to_string());
    amount.unwrap_or_else(|| snapshot.video_status.to_owned())
}

/// From a change to KV: the pace's quarter minute, a pause of 5 s after a failure, a second of the test's own steps.
const BEHIND: Duration = Duration::from_secs(15 + 5 + 1);
/// From a loss to KV: for 120 s the own mark is trusted, then there is a look each 60 s; and then all is one more change.
const BOUND: u64 = 120 + 60 + BEHIND.as_secs();

/// Load on two ledgers, of which one has an echo beside it.
struct Both<'n> {
    namespace: &'n Namespace,
    truth: Truth,
    alone: Truth,
    keeper: Keeper<'n>,
    chance: SeededEntropy,
    number: u64,
}

impl<'n> Both<'n> {
    async fn fresh(namespace: &'n Namespace) -> Self {
        let now = namespace.now();
        Self {
            namespace,
            truth: Truth::fresh(now).await,
            alone: Truth::fresh(now).await,
            keeper: Keeper::of(namespace),
            chance: SeededEntropy::new(20_261_129),
            number: 0,
        }
    }

    /// The same steps on both; the same decisions.
    async fn load(&mut self) {
        for _ in 0..self.chance.next_u64() % 3 {
            self.number += 1;
            let now = self.namespace.now();
            let step = LoadStep::random(&self.chance, self.number, now);
            let decided = self.truth.act(&step, now).await;
            assert_eq!(decided, self.alone.act(&step, now).await);
        }
    }

    async fn seconds(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.load().await;
            self.keeper.work(&mut self.truth).await;
            self.namespace.pass(1);
        }
    }

    /// Forty at once for one account, from eight tasks, while the echo is written, and while `lose` happens: exactly as many as fit.
    async fn storm(&mut self, lose: impl FnOnce() + Send + 'static) {
        let now = self.namespace.now();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let (ledger, first) = (self.truth.ledger.clone(), self.number + 1 + task * 5);
                tokio::spawn(async move { admitted(&ledger, first..first + 5, now).await })
            })
            .collect();
        let lost = tokio::task::spawn_blocking(lose);
        self.keeper.work(&mut self.truth).await;
        lost.await.unwrap();
        let mut with_echo = 0;
        for task in tasks {
            with_echo += task.await.unwrap();
        }
        let all = self.number + 1..self.number + 41;
        let without = admitted(&self.alone.ledger, all, now).await;
        assert_eq!((with_echo, without), (LIMIT / STORM, LIMIT / STORM));
        self.number += 41;
        self.truth.touch(account(STORMED));
        self.keeper.work(&mut self.truth).await;
        // Room for the next one.
        let free = Posting {
            key: PostingKey::new("free", &self.number),
            account: account(STORMED),
            dimension: Dimension::ImgStorage,
            tally: None,
            delta: -i64::from(LIMIT / STORM * STORM),
            reason: PostingReason::Free,
            happened_at: now,
        };
        let step = LoadStep::Post(free);
        let decided = self.truth.act(&step, now).await;
        assert_eq!(decided, self.alone.act(&step, now).await);
    }

    async fn agree(&self) {
        let now = self.namespace.now();
        for account in (0..ACCOUNTS).map(account) {
            let [ours, theirs] = [&self.truth, &self.alone].map(|it| it.ledger.usage(account, now));
            assert_eq!(ours.await.unwrap(), theirs.await.unwrap());
            let facts = self.truth.ledger.facts(account, now).await.unwrap();
            assert_eq!(facts.unwrap().examine(now), []);
        }
    }
}

async fn admitted(
    ledger: &MemoryStore<Books>,
    numbers: std::ops::Range<u64>,
    now: Timestamp,
) -> u32 {
    let mut admitted = 0;
    for number in numbers {
        let amount = Amount::from(STORM);
        let request = upload(
            number,
            account(STORMED),
            Dimension::ImgStorage,
            amount,
            None,
        );
        if matches!(
            ledger.reserve(&request, now).await.unwrap(),
            Reserved::Admitted(_)
        ) {
            let settled = ledger
                .commit(request.id, &[(Dimension::ImgStorage, amount)], now)
                .await;
            assert!(matches!(settled.unwrap(), Settled::Done(_)));
            admitted += 1;
        }
        tokio::task::yield_now().await;
    }
    admitted
}

/// So much each request of a storm asks for.
const STORM: u32 = 700;

/// How KV is lost, for half a minute, and whether what it held is, too.
fn losses() -> Vec<(Trouble, bool)> {
    let answers = |status, wait, body: &str| Trouble::Answers(status, wait, body.to_owned());
    vec![
        (Trouble::None, true),
        (answers(503, None, "<html>"), false),
        (Trouble::CutsTheAnswer, true),
        (answers(429, Some("40"), ""), true),
        (Trouble::WritesHalf, false),
        (answers(200, None, "<html>"), true),
    ]
}

#[test]
fn loss_in_the_middle_of_load_changes_no_decision_and_no_total() {
    let namespace = Namespace::fresh();
    run(async {
        let mut both = Both::fresh(&namespace).await;
        both.seconds(60).await;
        assert!(both.keeper.is_right(BEHIND).await, "all is well");
        // One: the mark was to be replaced in the second in which it was written.
        assert_eq!((both.keeper.rebuilt, both.keeper.failures), (1, 1));
        let mut wiped = 0;
        for (trouble, wipes) in losses() {
            namespace.edge.makes(trouble.clone());
            let id = namespace.id.clone();
            both.storm(move || {
                if wipes {
                    let _ = Miniflare::shared().wipe(&id);
                }
            })
            .await;
            both.seconds(30).await;
            namespace.edge.makes(Trouble::None);
            both.seconds(BOUND).await;
            assert!(
                both.keeper.is_right(BEHIND).await,
                "not right in time after {trouble:?}"
            );
            both.agree().await;
            wiped += u32::from(wipes);
        }
        assert!(both.keeper.rebuilt > wiped, "each loss was noticed");
        assert!(both.keeper.failures > 10, "there was trouble");
        assert_eq!(namespace.edge.violations(), 0);
    });
}

/// KV is gone for good, from the first second: the ledger does not notice.
#[test]
fn a_ledger_whose_echo_never_answers_decides_as_one_without() {
    let namespace = Namespace::fresh();
    run(async {
        namespace
            .edge
            .makes(Trouble::Answers(403, None, String::new()));
        let mut both = Both::fresh(&namespace).await;
        both.seconds(200).await;
        both.storm(|| ()).await;
        both.seconds(200).await;
        both.agree().await;
        assert_eq!(both.keeper.rebuilt, 0);
        let calls = namespace.edge.came().len();
        assert!(
            (6..=8).contains(&calls),
            "a token that is refused is tried once a minute: {calls}"
        );
        // Somebody gives it another token.
        namespace.edge.makes(Trouble::None);
        both.seconds(60 + BEHIND.as_secs()).await;
        assert!(both.keeper.is_right(BEHIND).await);
    });
}

/// Lost while it is rebuilt: the mark that says "whole" is written after that, and hides nothing.
#[test]
fn a_loss_in_the_middle_of_a_rebuilding_is_noticed() {
    let namespace = Namespace::fresh();
    run(async {
        let mut both = Both::fresh(&namespace).await;
        both.seconds(1).await;
        assert_eq!(
            both.keeper.rebuilt, 0,
            "everything is written, but for the mark"
        );
        assert!(Miniflare::shared().wipe(&namespace.id) > 0);
        both.seconds(1).await;
        assert_eq!(
            both.keeper.rebuilt, 1,
            "a place that lags shows that it is being rebuilt"
        );
        both.seconds(BOUND).await;
        assert!(both.keeper.is_right(BEHIND).await);
        assert_eq!(both.keeper.rebuilt, 2);
    });
}
