//! Whether a body is the one that was sent.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use md5::Digest;

use super::Habits;
use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::checksum::{Algorithm, Checksum};

/// The checksum that a request gives of its body, which is verified; also that by MD5, which is not kept.
///
/// A request gives one at most, but for documents such as that of a deletion: those are not kept.
pub(super) fn given(habits: &Habits, call: &Call, many: bool) -> Result<Option<Checksum>, Refusal> {
    let headers = Algorithm::ALL.into_iter().filter_map(|algorithm| {
        let text = habits.header(call, &format!("checksum-{}", algorithm.name()))?;
        Some((algorithm, text.to_owned()))
    });
    let mut headers: Vec<_> = headers.collect();
    let md5 = call.header("content-md5");
    if !many && headers.len() + usize::from(md5.is_some()) > 1 {
        let message = "You can only specify one non-default checksum at a time.";
        return Err(Refusal::new(400, "InvalidRequest", message));
    }
    if let Some(text) = md5 {
        let kept = || md5::Md5::digest(&call.body).to_vec();
        let found = call.digests.map_or_else(kept, |it| it.md5.to_vec());
        verified(habits, "MD5", text, &found)?;
    }
    for (algorithm, text) in &headers {
        verified(habits, algorithm.name(), text, &found(*algorithm, call)?)?;
    }
    if let Some(name) = habits.header(call, "sdk-checksum-algorithm")
        && Algorithm::named(name).is_none_or(|it| headers.iter().all(|(other, _)| *other != it))
    {
        let message = format!("The request says that it has a checksum by {name}, and has none.");
        return Err(Refusal::new(400, "InvalidRequest", message));
    }
    let last = headers.pop();
    Ok(last.map(|(algorithm, text)| Checksum { algorithm, text }))
}

/// The checksum of a body; of one that was not kept, there is only one.
fn found(algorithm: Algorithm, call: &Call) -> Result<Vec<u8>, Refusal> {
    match (&call.digests, algorithm) {
        (None, _) => Ok(algorithm.of(&call.body)),
        (Some(digests), Algorithm::Crc64Nvme) => Ok(digests.crc64_nvme.to_be_bytes().to_vec()),
        (Some(_), other) => {
            let message = format!("A sink makes no {}.", other.name());
            Err(Refusal::new(501, "NotImplemented", message))
        }
    }
}

fn verified(habits: &Habits, name: &str, text: &str, found: &[u8]) -> Result<(), Refusal> {
    let told = BASE64_STANDARD.decode(text).ok();
    let Some(told) = told.filter(|it| it.len() == found.len()) else {
        let message = format!("The {name} you specified was invalid.");
        return Err(Refusal::new(400, "InvalidDigest", message));
    };
    if told == found {
        return Ok(());
    }
    let message = format!("The {name} you specified did not match what we received.");
    Err(Refusal::new(400, habits.digest_differs, message))
}

/// Tells an answer of a checksum.
pub(super) fn told(habits: &Habits, checksum: &Checksum, answer: Answer) -> Answer {
    let name = habits.name(&format!("checksum-{}", checksum.algorithm.name()));
    answer.with(&name, &checksum.text)
}
