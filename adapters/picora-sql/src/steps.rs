//! How the ports run their steps: in a transaction, or as single reads.

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

pub(crate) use {read, step};
