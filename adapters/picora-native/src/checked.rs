//! Bytes on their way, held against the digest that their store keeps.

use bytes::Bytes;
use crc_fast::Digest;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use picora_storage::Corrupt;

/// Which digest: CRC-64/XZ of OSS and COS, CRC-64/NVME of R2.
pub use crc_fast::CrcAlgorithm as Algorithm;

/// Hands bytes on as they come, and fails at their end when they are not those that are stored.
///
/// Memory: one piece. **Errors**: those of `bytes`, and what `told` makes of [`Corrupt`], once, behind the last piece.
pub fn checked<E: Send + 'static>(
    bytes: BoxStream<'static, Result<Bytes, E>>,
    algorithm: Algorithm,
    expected: u64,
    told: impl Fn(Corrupt) -> E + Send + 'static,
) -> BoxStream<'static, Result<Bytes, E>> {
    let state = (bytes, Digest::new(algorithm), told);
    stream::try_unfold(state, move |(mut bytes, mut digest, told)| async move {
        if let Some(more) = bytes.try_next().await? {
            digest.update(&more);
            return Ok(Some((more, (bytes, digest, told))));
        }
        match digest.finalize() {
            found if found == expected => Ok(None),
            found => Err(told(Corrupt { expected, found })),
        }
    })
    .boxed()
}
