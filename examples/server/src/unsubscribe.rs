//! The links by which one click ends the mails at 80 % (RFC 8058), and the page behind them.

use hmac::{Hmac, KeyInit, Mac};
use picora_core::AccountId;
use sha2::Sha256;

use crate::signature::{Signer, from_hex};

/// Signs and checks links to unsubscribe. Nobody signs in: who holds the link may do what it says, and no more.
///
/// A link holds for good and says the same each time: mail lies around for years. **State**: none.
pub struct Unsubscriber([u8; 16]);

/// The path of the page.
pub const PATH: &str = "/unsubscribe";

impl Unsubscriber {
    /// With a key of its own, derived from the deployment's.
    #[must_use]
    pub fn new(signer: &Signer) -> Self {
        Self(signer.derived("unsubscribe from early notices"))
    }

    /// The path and the query of an account's link.
    #[must_use]
    pub fn path(&self, account: AccountId) -> String {
        let signature = self.mac(account).finalize().into_bytes();
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{PATH}?account={account}&signature={hex}")
    }

    /// Whose link it is, when it is one of ours. The comparison takes the same time wherever it fails.
    #[must_use]
    pub fn whose(&self, account: &str, signature: &str) -> Option<AccountId> {
        let (account, given) = (account.parse().ok()?, from_hex(signature)?);
        let signed = self.mac(account).verify_slice(&given);
        signed.is_ok().then_some(account)
    }

    fn mac(&self, account: AccountId) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(account.to_string().as_bytes());
        mac
    }
}

impl std::fmt::Debug for Unsubscriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unsubscriber(…)")
    }
}

#[cfg(test)]
mod tests {
    use picora_core::SeededEntropy;

    use super::*;

    #[test]
    fn a_link_is_its_accounts_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let signer = |name: &str, seed| {
            Signer::open(&folder.path().join(name), &SeededEntropy::new(seed)).unwrap()
        };
        let ours = Unsubscriber::new(&signer("ours", 1));
        let (account, other) = ([1; 16], [2; 16]);
        let (account, other) = (AccountId::from_bytes(account), AccountId::from_bytes(other));
        let path = ours.path(account);
        let query = path.strip_prefix("/unsubscribe?account=").unwrap();
        let (named, signature) = query.split_once("&signature=").unwrap();
        assert_eq!(ours.whose(named, signature), Some(account));
        assert_eq!(ours.whose(&other.to_string(), signature), None);
        let flipped = if signature.starts_with('0') { "1" } else { "0" };
        let forged = format!("{flipped}{}", &signature[1..]);
        for no_signature in ["", "00", &forged, &signature[..63]] {
            assert_eq!(ours.whose(named, no_signature), None);
        }
        let theirs = Unsubscriber::new(&signer("theirs", 2));
        assert_eq!(theirs.whose(named, signature), None);
        assert_eq!(Unsubscriber::new(&signer("ours", 3)).path(account), path);
    }
}
