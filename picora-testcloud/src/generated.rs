//! Bytes of any length that a number stands for, so that nobody has to keep them.

use std::ops::Range;

use bytes::Bytes;

use crate::Chance;

/// A range of the endless bytes of a seed, in pieces of at most 64 KiB. They look like noise, and no two MiB of them are the same.
///
/// ```
/// use picora_testcloud::generated::pieces;
/// let whole: Vec<u8> = pieces(7, 0..200_000).flatten().collect();
/// let middle: Vec<u8> = pieces(7, 70_000..150_000).flatten().collect();
/// assert_eq!(whole[70_000..150_000], middle);
/// ```
pub fn pieces(seed: u64, range: Range<u64>) -> impl Iterator<Item = Bytes> + Send {
    let block = block(seed);
    let mut at = range.start;
    std::iter::from_fn(move || {
        if at >= range.end {
            return None;
        }
        let (number, within) = (at / PIECE, at % PIECE);
        let length = (PIECE - within).min(range.end - at);
        let start = Chance::new(seed ^ number).below(BLOCK - PIECE) + within;
        at += length;
        Some(block.slice(place(start)..place(start + length)))
    })
}

fn block(seed: u64) -> Bytes {
    let mut chance = Chance::new(seed);
    let words = (0..BLOCK / 8).flat_map(|_| chance.bits().to_le_bytes());
    words.collect()
}

/// Of a block, which is smaller than any address space.
fn place(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

const PIECE: u64 = 64 << 10;
const BLOCK: u64 = 1 << 20;
