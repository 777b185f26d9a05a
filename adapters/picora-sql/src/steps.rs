//! How the ports run their steps: in a transaction, or as single reads.

use std::time::Duration;

/// Runs a step on the connection of a transaction; when it fails halfway, the transaction is spoiled.
macro_rules! step {
    ($tx:expr, $operation:literal, |$conn:ident| $step:expr) => {{
        let mut conn = $tx.sql();
        let backend = conn.backend();
        let done = if conn.is_in_transaction() {
            let $conn = &mut conn;
            $step.await
        } else {
            Err($crate::error::Fault::NoTransaction)
        };
        done.map_err(|fault| {
            if fault.spoils() {
                $tx.spoil();
            }
            fault.told(backend, $operation)
        })
    }};
}

/// Runs one read, as of one moment, outside any transaction.
macro_rules! read {
    ($store:expr, $operation:literal, |$conn:ident| $read:expr) => {{
        let mut reader = $store.reader($operation).await?;
        let mut connection = $crate::AsSqlConn::sql(&mut reader);
        let $conn = &mut connection;
        let found = $read.await;
        found.map_err(|fault| fault.told($store.backend(), $operation))
    }};
}

/// Runs one step as a whole transaction, and again when another transaction was there first.
macro_rules! whole {
    ($store:expr, |$tx:ident| $step:expr) => {{
        let mut attempt = 0;
        loop {
            let outcome = async {
                let mut $tx: $crate::SqlTx = $store.begin().await?;
                let answer = $step.await?;
                $store.finish($tx).await?;
                Ok(answer)
            };
            match outcome.await {
                Err(error)
                    if StoreError::is_conflict(&error) && attempt < $crate::steps::RETRIES =>
                {
                    tokio::time::sleep($crate::steps::FIRST_PAUSE * 2_u32.pow(attempt)).await;
                    attempt += 1;
                }
                outcome => break outcome,
            }
        }
    }};
}

pub(crate) use {read, step, whole};

/// How often a step is tried again when another transaction was there first.
pub(crate) const RETRIES: u32 = 4;

/// The pause before the first repetition; each later one is twice as long, 75 ms in all.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(5);
