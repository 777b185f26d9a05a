use proptest::prelude::*;

use super::*;
use crate::SeededEntropy;

#[test]
fn a_uuid_v7_carries_its_version_variant_and_millisecond() {
    let now = Timestamp::from_unix_micros(1_777_000_000_123_456);
    let id = AccountId::generate(now, &SeededEntropy::new(7));
    let uuid = uuid::Uuid::from_bytes(*id.as_bytes());
    assert_eq!(uuid.get_version_num(), 7);
    assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
    assert_eq!(uuid.as_u128() >> 80, 1_777_000_000_123);
}

#[test]
fn only_the_one_spelling_is_read() {
    let good = AccountId::from_bytes([0xff; 16]).to_string();
    assert_eq!(good, "acc_7zzzzzzzzzzzzzzzzzzzzzzzzz");
    for bad in [
        "acc_8zzzzzzzzzzzzzzzzzzzzzzzzz",      // 129 bits
        "acc_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",      // upper case
        "acc_7zzzzzzzzzzzzzzzzzzzzzzzzi",      // a look-alike
        "acc_7zzzzzzzzzzzzzzzzzzzzzzzz",       // short
        "acc_7zzzzzzzzzzzzzzzzzzzzzzzzzz",     // long
        "acc_7zzzzzzzzzzzzzzzzzzzzzzzz\u{e9}", // 26 bytes, not 26 characters
        "img_7zzzzzzzzzzzzzzzzzzzzzzzzz",
        "7zzzzzzzzzzzzzzzzzzzzzzzzz",
        "",
    ] {
        assert!(bad.parse::<AccountId>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn text_round_trips_and_keeps_the_order(a: [u8; 16], b: [u8; 16]) {
        let (a, b) = (AccountId::from_bytes(a), AccountId::from_bytes(b));
        prop_assert_eq!(a.to_string().parse::<AccountId>(), Ok(a));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}") {
        let _ = text.parse::<AssetId>();
        let _ = format!("img_{text}").parse::<AssetId>();
    }
}
