//! Amounts as people read them.

use picora_core::{Amount, Unit};

/// `100 MB`, `1.5 GB`, `247`.
///
/// **Units**: binary, as plans count: an MB is 2^20 bytes (C28). One decimal, rounded down, so that nothing shows as full that is not; and
/// none where it is zero. Integers only.
pub(super) fn human(amount: Amount, unit: Unit) -> String {
    match unit {
        Unit::Bytes => bytes(amount.get()),
        Unit::Count => amount.to_string(),
    }
}

fn bytes(bytes: u64) -> String {
    let unit = UNITS.into_iter().find(|(shift, _)| bytes >> shift > 0);
    let Some((shift, name)) = unit else {
        return format!("{bytes} bytes");
    };
    let whole = bytes >> shift;
    let rest = bytes - (whole << shift);
    let tenth = (u128::from(rest) * 10) >> shift;
    match tenth {
        0 => format!("{whole} {name}"),
        _ => format!("{whole}.{tenth} {name}"),
    }
}

const UNITS: [(u32, &str); 4] = [(40, "TB"), (30, "GB"), (20, "MB"), (10, "KB")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_binary_and_rounded_down() {
        for (amount, said) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_024, "1 KB"),
            (104_857_600, "100 MB"),
            (104_857_599, "99.9 MB"),
            (5_368_709_120, "5 GB"),
            (1_610_612_736, "1.5 GB"),
            ((1 << 40) - 1, "1023.9 GB"),
            (1 << 62, "4194304 TB"),
        ] {
            let amount = Amount::new(amount).unwrap();
            assert_eq!(human(amount, Unit::Bytes), said);
        }
        assert_eq!(human(Amount::from(247), Unit::Count), "247");
    }
}
