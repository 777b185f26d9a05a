//! The tables of each domain, under the domain's own record of what has been applied.

use picora_core::StoreError;
use sqlx::SqlStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType};

use crate::SqlStore;
use crate::error;
use crate::store::Pools;

impl SqlStore {
    /// Brings the tables of all domains that are compiled in to the present version, in one transaction.
    ///
    /// Running it again changes nothing; several processes may run it at once. **Errors**: kind `Internal` when an applied migration is
    /// another than this version of the crate has, or a later one; nothing has changed.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrated = match self.pools() {
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => migrate_postgres(pool).await,
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { write, .. } => migrate_sqlite(write).await,
        };
        migrated.map_err(|error| error::of(error.into(), self.backend(), "migrate"))
    }
}

#[cfg(feature = "postgres")]
async fn migrate_postgres(pool: &sqlx::PgPool) -> Result<(), MigrateError> {
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *tx)
        .await?;
    for domain in DOMAINS {
        domain.apply(&mut *tx, domain.postgres).await?;
    }
    Ok(tx.commit().await?)
}

#[cfg(feature = "sqlite")]
async fn migrate_sqlite(pool: &sqlx::SqlitePool) -> Result<(), MigrateError> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    for domain in DOMAINS {
        domain.apply(&mut *tx, domain.sqlite).await?;
    }
    Ok(tx.commit().await?)
}

/// What keeps others out of the migrations on PostgreSQL, until the transaction ends: the letters of our name.
#[cfg(feature = "postgres")]
const LOCK: i64 = i64::from_be_bytes(*b"picora\0\0");

/// The migrations of one domain. An applied text never changes; what changes later is another text.
struct Domain {
    /// Where it is recorded what has been applied.
    table: &'static str,
    #[cfg(feature = "postgres")]
    postgres: &'static [Text],
    #[cfg(feature = "sqlite")]
    sqlite: &'static [Text],
}

struct Text {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

impl Domain {
    /// Applies the texts that have not been, after looking that those that have are ours.
    async fn apply<C: Migrate>(&self, conn: &mut C, texts: &[Text]) -> Result<(), MigrateError> {
        conn.ensure_migrations_table(self.table).await?;
        let applied = conn.list_applied_migrations(self.table).await?;
        let ours = |version| texts.iter().any(|text| text.version == version);
        if let Some(later) = applied.iter().find(|it| !ours(it.version)) {
            return Err(MigrateError::VersionMissing(later.version));
        }
        for text in texts {
            let migration = text.migration();
            match applied.iter().find(|it| it.version == text.version) {
                None => drop(conn.apply(self.table, &migration).await?),
                Some(before) if before.checksum == migration.checksum => {}
                Some(_) => return Err(MigrateError::VersionMismatch(text.version)),
            }
        }
        Ok(())
    }
}

impl Text {
    fn migration(&self) -> Migration {
        Migration::new(
            self.version,
            self.name.into(),
            MigrationType::Simple,
            SqlStr::from_static(self.sql),
            false,
        )
    }
}

const DOMAINS: &[Domain] = &[
    #[cfg(feature = "quota")]
    Domain {
        table: "picora_quota_migrations",
        #[cfg(feature = "postgres")]
        postgres: &[
            Text {
                version: 1,
                name: "ledger",
                sql: include_str!("../migrations/quota/postgres/0001_ledger.sql"),
            },
            Text {
                version: 2,
                name: "entitlements",
                sql: include_str!("../migrations/quota/postgres/0002_entitlements.sql"),
            },
            Text {
                version: 3,
                name: "reserve at once",
                sql: include_str!("../migrations/quota/postgres/0003_reserve_at_once.sql"),
            },
        ],
        #[cfg(feature = "sqlite")]
        sqlite: &[
            Text {
                version: 1,
                name: "ledger",
                sql: include_str!("../migrations/quota/sqlite/0001_ledger.sql"),
            },
            Text {
                version: 2,
                name: "entitlements",
                sql: include_str!("../migrations/quota/sqlite/0002_entitlements.sql"),
            },
        ],
    },
    #[cfg(feature = "media")]
    Domain {
        table: "picora_media_migrations",
        #[cfg(feature = "postgres")]
        postgres: &[Text {
            version: 1,
            name: "catalogue",
            sql: include_str!("../migrations/media/postgres/0001_catalogue.sql"),
        }],
        #[cfg(feature = "sqlite")]
        sqlite: &[Text {
            version: 1,
            name: "catalogue",
            sql: include_str!("../migrations/media/sqlite/0001_catalogue.sql"),
        }],
    },
    #[cfg(feature = "work")]
    Domain {
        table: "picora_work_migrations",
        #[cfg(feature = "postgres")]
        postgres: &[Text {
            version: 1,
            name: "outbox",
            sql: include_str!("../migrations/work/postgres/0001_outbox.sql"),
        }],
        #[cfg(feature = "sqlite")]
        sqlite: &[Text {
            version: 1,
            name: "outbox",
            sql: include_str!("../migrations/work/sqlite/0001_outbox.sql"),
        }],
    },
];
