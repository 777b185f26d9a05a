//! An alert as JSON.

use picora_core::{Amount, Dimension, Timestamp, Window};
use serde::{Deserialize, Serialize};

use super::Alert;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    account: String,
    dimension: String,
    permille: u16,
    window: String,
    arming: u32,
    used: u64,
    limit: u64,
    raised_at: i64,
}

pub(super) fn text(alert: &Alert) -> String {
    let wire = Wire {
        account: alert.account.to_string(),
        dimension: alert.dimension.field().to_owned(),
        permille: alert.permille,
        window: alert.window.to_string(),
        arming: alert.arming,
        used: alert.used.get(),
        limit: alert.limit.get(),
        raised_at: alert.raised_at.unix_micros(),
    };
    serde_json::to_string(&wire).expect("names and numbers are always JSON")
}

pub(super) fn read(text: &str) -> Option<Alert> {
    let wire: Wire = serde_json::from_str(text).ok()?;
    Some(Alert {
        account: wire.account.parse().ok()?,
        dimension: Dimension::from_field(&wire.dimension)?,
        permille: wire.permille,
        window: Window::parse(&wire.window)?,
        arming: wire.arming,
        used: Amount::new(wire.used).ok()?,
        limit: Amount::new(wire.limit).ok()?,
        raised_at: Timestamp::from_unix_micros(wire.raised_at),
    })
}

#[cfg(test)]
mod tests {
    use picora_core::{AccountId, CalendarMonth};

    use super::*;

    #[test]
    fn an_alert_reads_back() {
        let raised_at = Timestamp::from_unix_seconds(1_777_000_000);
        let alert = Alert {
            account: AccountId::from_bytes([7; 16]),
            dimension: Dimension::MediaBandwidth,
            permille: 1_200,
            window: Window::Month(CalendarMonth::of(raised_at)),
            arming: 3,
            used: Amount::MAX,
            limit: Amount::ONE,
            raised_at,
        };
        let message = alert.message().unwrap();
        assert_eq!(Alert::read(&message.body), Some(alert));
        assert_eq!(message.key.as_str(), alert.key());
        assert_eq!(Alert::read("{}"), None);
    }
}
