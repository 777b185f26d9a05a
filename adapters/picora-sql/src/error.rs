//! What the databases say when something fails, folded into the one error of all stores.

use picora_core::{AmountError, StoreError, StoreErrorKind};
use sqlx::migrate::MigrateError;

/// Why a step did not come to its end. Private: callers see [`StoreError`].
#[derive(Debug)]
pub(crate) enum Fault {
    /// What is stored does not read back.
    Corrupt(&'static str),
    /// The driver or the database.
    Driver(sqlx::Error),
    /// The connection is not in a transaction, so that a step would fall apart into its statements.
    NoTransaction,
    /// Another transaction was there first.
    Raced(&'static str),
    /// A number would leave its range; found before anything was written.
    Range(AmountError),
    /// An earlier step of the transaction failed.
    Spoiled,
}

impl Fault {
    /// Whether something of the step may stand in the transaction, so that it must not become durable.
    pub(crate) const fn spoils(&self) -> bool {
        !matches!(self, Self::Range(_) | Self::NoTransaction)
    }

    /// The error that a caller sees of a step.
    pub(crate) fn told(self, backend: &'static str, operation: &'static str) -> StoreError {
        let kind = match &self {
            Self::Corrupt(_) => StoreErrorKind::Corrupt,
            Self::Driver(error) => kind_of(error),
            Self::NoTransaction => StoreErrorKind::Unsupported,
            Self::Raced(_) => StoreErrorKind::Conflict,
            Self::Range(_) => StoreErrorKind::OutOfRange,
            Self::Spoiled => StoreErrorKind::Internal,
        };
        let error = StoreError::new(kind, backend, operation);
        match self {
            Self::Corrupt(what) | Self::Raced(what) => error.caused_by(what),
            Self::Driver(cause) => error.caused_by(cause),
            Self::NoTransaction => error.caused_by("the connection is not in a transaction"),
            Self::Range(cause) => error.caused_by(cause),
            Self::Spoiled => error.caused_by("an earlier step failed; it was rolled back"),
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<AmountError> for Fault {
    fn from(error: AmountError) -> Self {
        Self::Range(error)
    }
}

/// The error of a COMMIT. Unless the database itself said that it undid the transaction, nobody knows.
pub(crate) fn of_commit(error: sqlx::Error, backend: &'static str) -> StoreError {
    let kind = if says_undone(&error) {
        kind_of(&error)
    } else {
        StoreErrorKind::Unknown
    };
    StoreError::new(kind, backend, "commit").caused_by(error)
}

/// The error of a statement that is a transaction by itself. What PostgreSQL answers to it has undone it, unless the connection ended with
/// the answer; in all other cases nobody knows.
#[cfg(all(feature = "postgres", feature = "quota"))]
pub(crate) fn of_statement(
    error: sqlx::Error,
    backend: &'static str,
    operation: &'static str,
) -> StoreError {
    use sqlx::postgres::{PgDatabaseError, PgSeverity};
    let refusal = error.as_database_error();
    let refusal = refusal.and_then(|it| it.try_downcast_ref::<PgDatabaseError>());
    let undone = refusal.is_some_and(|it| it.severity() == PgSeverity::Error);
    let kind = if undone {
        kind_of(&error)
    } else {
        StoreErrorKind::Unknown
    };
    StoreError::new(kind, backend, operation).caused_by(error)
}

/// The error of anything that writes nothing, or whose writing is undone with its transaction.
pub(crate) fn of(error: sqlx::Error, backend: &'static str, operation: &'static str) -> StoreError {
    Fault::Driver(error).told(backend, operation)
}

fn kind_of(error: &sqlx::Error) -> StoreErrorKind {
    use sqlx::Error;
    match error {
        Error::Database(refusal) => match Code::of(refusal.as_ref()) {
            Some(code) => code.kind(),
            None => StoreErrorKind::Internal,
        },
        // What ends in the middle of a message is read as a wrong one.
        Error::BeginFailed
        | Error::Io(_)
        | Error::PoolClosed
        | Error::PoolTimedOut
        | Error::Protocol(_)
        | Error::Tls(_)
        | Error::WorkerCrashed => StoreErrorKind::Unavailable,
        Error::ColumnDecode { .. } | Error::Decode(_) => StoreErrorKind::Corrupt,
        Error::Migrate(error) => match error.as_ref() {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                kind_of(error)
            }
            _ => StoreErrorKind::Internal,
        },
        _ => StoreErrorKind::Internal,
    }
}

/// Only what the database answers by itself tells that nothing was written; a lost connection does not, nor does a failing disk, which may
/// have kept the mark of the commit.
fn says_undone(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(refusal) = error else {
        return false;
    };
    Code::of(refusal.as_ref()).is_some_and(Code::undoes)
}

/// The code of a refusal, in the terms of the database that gave it.
#[derive(Clone, Copy)]
enum Code {
    #[cfg(feature = "sqlite")]
    Sqlite(i32),
    #[cfg(feature = "postgres")]
    Postgres([u8; 5]),
}

impl Code {
    fn of(refusal: &dyn sqlx::error::DatabaseError) -> Option<Self> {
        #[cfg(feature = "sqlite")]
        if refusal
            .try_downcast_ref::<sqlx::sqlite::SqliteError>()
            .is_some()
        {
            return refusal.code()?.parse().ok().map(Self::Sqlite);
        }
        #[cfg(feature = "postgres")]
        if refusal
            .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
            .is_some()
        {
            return refusal
                .code()?
                .as_bytes()
                .try_into()
                .ok()
                .map(Self::Postgres);
        }
        None
    }

    /// **Source**: "Result and Error Codes" of SQLite, where the low byte is the family; appendix A of PostgreSQL, where the first two
    /// characters are the class.
    fn kind(self) -> StoreErrorKind {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(
                sqlite::BUSY_SNAPSHOT | sqlite::CONSTRAINT_PRIMARYKEY | sqlite::CONSTRAINT_UNIQUE,
            ) => StoreErrorKind::Conflict,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(sqlite::CONSTRAINT_CHECK | sqlite::CONSTRAINT_DATATYPE) => {
                StoreErrorKind::OutOfRange
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(code) => match code & 0xff {
                sqlite::BUSY
                | sqlite::CANTOPEN
                | sqlite::FULL
                | sqlite::IOERR
                | sqlite::LOCKED
                | sqlite::NOMEM
                | sqlite::PERM
                | sqlite::READONLY => StoreErrorKind::Unavailable,
                sqlite::CORRUPT | sqlite::NOTADB => StoreErrorKind::Corrupt,
                _ => StoreErrorKind::Internal,
            },
            #[cfg(feature = "postgres")]
            Self::Postgres(state) => match &state {
                b"40003" => StoreErrorKind::Unknown,
                b"23505" => StoreErrorKind::Conflict,
                // Check violated; a sum beyond a column.
                b"22003" | b"23514" => StoreErrorKind::OutOfRange,
                // A lock not had in time; the transaction is read-only; no database of that name.
                b"25006" | b"3D000" | b"55P03" => StoreErrorKind::Unavailable,
                b"XX001" | b"XX002" => StoreErrorKind::Corrupt,
                [b'4', b'0', ..] => StoreErrorKind::Conflict,
                // Connection, credentials, resources such as a full disk, shutdown, failures of the system below.
                [b'0', b'8', ..] | [b'2', b'8', ..] | [b'5', b'3' | b'7' | b'8', ..] => {
                    StoreErrorKind::Unavailable
                }
                _ => StoreErrorKind::Internal,
            },
        }
    }

    /// Whether a COMMIT that is refused so has surely not happened.
    fn undoes(self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(code) => matches!(
                code & 0xff,
                sqlite::BUSY | sqlite::CONSTRAINT | sqlite::FULL | sqlite::READONLY
            ),
            // Serialization and deadlock, and constraints that are checked at the end.
            #[cfg(feature = "postgres")]
            Self::Postgres(state) => &state != b"40003" && matches!(&state[..2], b"40" | b"23"),
        }
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    pub(super) const PERM: i32 = 3;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const NOMEM: i32 = 7;
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const NOTADB: i32 = 26;
    pub(super) const CONSTRAINT_CHECK: i32 = CONSTRAINT | 1 << 8;
    pub(super) const CONSTRAINT_PRIMARYKEY: i32 = CONSTRAINT | 6 << 8;
    pub(super) const CONSTRAINT_UNIQUE: i32 = CONSTRAINT | 8 << 8;
    pub(super) const CONSTRAINT_DATATYPE: i32 = CONSTRAINT | 12 << 8;
    /// A transaction that had only read wants to write, and another has written since.
    pub(super) const BUSY_SNAPSHOT: i32 = BUSY | 2 << 8;
}
