//! What could be sent instead of a document.

use bytes::Bytes;

use crate::Chance;
use crate::cut::Cut;
use crate::faults::Garbage;

/// The body of an answer that is none.
pub(crate) fn body(garbage: Garbage) -> Cut {
    let bytes = match garbage {
        Garbage::Noise => noise(),
        Garbage::Bomb => bomb().into(),
        Garbage::Deep => "<a>".repeat(100_000).into(),
        Garbage::Long => {
            let piece = Bytes::from(vec![b'a'; PIECE]);
            let head = Bytes::from_static(b"<ListBucketResult><Name>");
            let length = head.len() as u64 + LONG;
            return Cut::of(
                length,
                std::iter::once(head).chain(std::iter::repeat(piece)),
            );
        }
    };
    Cut::whole(bytes)
}

/// The page that somebody in front of the store shows.
pub(crate) fn page(status: u16) -> String {
    format!(
        "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center><hr/></body></html>"
    )
}

fn noise() -> Bytes {
    let mut chance = Chance::new(0);
    (0..64).flat_map(|_| chance.bits().to_le_bytes()).collect()
}

/// Ten levels of ten: ten billion words, if anybody expanded them.
fn bomb() -> String {
    let mut text = String::from("<?xml version=\"1.0\"?><!DOCTYPE b [<!ENTITY b0 \"boom\">");
    for level in 1..=10 {
        let inner = format!("&b{};", level - 1).repeat(10);
        text.push_str(&format!("<!ENTITY b{level} \"{inner}\">"));
    }
    text.push_str("]><ListBucketResult><Name>&b10;</Name></ListBucketResult>");
    text
}

const PIECE: usize = 64 << 10;
const LONG: u64 = 256 << 20;
