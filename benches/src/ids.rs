//! picora-core: reading and writing an id, which every request does.

use crate::rounds::{alternate, per_second};
use crate::row::{Goal, Row};
use picora_core::{AssetId, MediaKind, SeededEntropy, Timestamp};
use std::hint::black_box;
use ulid::Ulid;

const IDS: usize = 200_000;

/// Against `ulid`: the same 128 bits in the same alphabet, without a prefix and without refusing look-alikes.
pub(crate) fn measure(print: &mut dyn FnMut(Row)) {
    let entropy = SeededEntropy::new(1);
    let ids: Vec<AssetId> = (0..IDS)
        .map(|_| AssetId::generate(MediaKind::Image, Timestamp::EPOCH, &entropy))
        .collect();
    let ours: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let ulids: Vec<Ulid> = ids
        .iter()
        .map(|it| Ulid::from_bytes(*it.as_bytes()))
        .collect();
    let peers: Vec<String> = ulids.iter().map(ToString::to_string).collect();

    let result = alternate(
        || each(&ours, |it| it.parse::<AssetId>()),
        || each(&peers, |it| it.parse::<Ulid>()),
    );
    print(Row::against(
        "core/read-id",
        result,
        "ids/s",
        Goal::AtLeast(0.5),
    ));
    let result = alternate(
        || each(&ids, ToString::to_string),
        || each(&ulids, ToString::to_string),
    );
    print(Row::against(
        "core/write-id",
        result,
        "ids/s",
        Goal::AtLeast(0.5),
    ));
}

fn each<T, R>(of: &[T], work: impl Fn(&T) -> R) -> f64 {
    per_second(of.len(), || {
        for it in of {
            black_box(work(it));
        }
    })
}
