//! The tables of each domain, under the domain's own record of what has been applied.

use picora_core::StoreError;
use sqlx::SqlStr;
use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migration, MigrationType};

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

/// Of which version the tables of a database are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// Of this one.
    Current,
    /// Of an earlier one, or there are none: [`SqlStore::migrate`] makes them.
    Earlier,
    /// Of a later one, or of somebody else: [`SqlStore::migrate`] refuses them.
    Foreign,
}

impl SqlStore {
    /// Of which version the tables of all domains are that are compiled in. It changes nothing. **Errors**: [`StoreError`].
    pub async fn tables(&self) -> Result<Tables, StoreError> {
        let found = match self.pools() {
            #[cfg(feature = "postgres")]
            Pools::Postgres(pool) => tables_in_postgres(pool).await,
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { read, .. } => tables_in_sqlite(read).await,
        };
        found.map_err(|error| error::of(error.into(), self.backend(), "look at the tables"))
    }
}

#[cfg(feature = "postgres")]
async fn tables_in_postgres(pool: &sqlx::PgPool) -> Result<Tables, MigrateError> {
    let mut conn = pool.acquire().await?;
    let mut all = Tables::Current;
    for domain in DOMAINS {
        let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(domain.table)
            .fetch_one(&mut *conn)
            .await?;
        all = all.and(domain.tables(&mut *conn, exists, domain.postgres).await?);
    }
    Ok(all)
}

#[cfg(feature = "sqlite")]
async fn tables_in_sqlite(pool: &sqlx::SqlitePool) -> Result<Tables, MigrateError> {
    let mut conn = pool.acquire().await?;
    let mut all = Tables::Current;
    for domain in DOMAINS {
        let exists: bool =
            sqlx::query_scalar("SELECT count(*) > 0 FROM sqlite_master WHERE name = $1")
                .bind(domain.table)
                .fetch_one(&mut *conn)
                .await?;
        all = all.and(domain.tables(&mut *conn, exists, domain.sqlite).await?);
    }
    Ok(all)
}

impl Tables {
    /// What two domains come to.
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Foreign, _) | (_, Self::Foreign) => Self::Foreign,
            (Self::Earlier, _) | (_, Self::Earlier) => Self::Earlier,
            (Self::Current, Self::Current) => Self::Current,
        }
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
    /// Of which version its tables are; `exists` says whether there is a record of them.
    async fn tables<C: Migrate>(
        &self,
        conn: &mut C,
        exists: bool,
        texts: &[Text],
    ) -> Result<Tables, MigrateError> {
        let applied = match exists {
            true => conn.list_applied_migrations(self.table).await?,
            false => Vec::new(),
        };
        let ours = texts.iter().map(Text::migration);
        let ours: Vec<_> = ours.map(|it| (it.version, it.checksum)).collect();
        let strange = |it: &AppliedMigration| !ours.contains(&(it.version, it.checksum.clone()));
        Ok(match applied.iter().any(strange) {
            true => Tables::Foreign,
            false if applied.len() < ours.len() => Tables::Earlier,
            false => Tables::Current,
        })
    }

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
            Text {
                version: 4,
                name: "echo",
                sql: include_str!("../migrations/quota/postgres/0004_echo.sql"),
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
            Text {
                version: 3,
                name: "echo",
                sql: include_str!("../migrations/quota/sqlite/0003_echo.sql"),
            },
        ],
    },
    #[cfg(feature = "media")]
    Domain {
        table: "picora_media_migrations",
        #[cfg(feature = "postgres")]
        postgres: &[
            Text {
                version: 1,
                name: "catalogue",
                sql: include_str!("../migrations/media/postgres/0001_catalogue.sql"),
            },
            Text {
                version: 2,
                name: "contacts",
                sql: include_str!("../migrations/media/postgres/0002_contacts.sql"),
            },
        ],
        #[cfg(feature = "sqlite")]
        sqlite: &[
            Text {
                version: 1,
                name: "catalogue",
                sql: include_str!("../migrations/media/sqlite/0001_catalogue.sql"),
            },
            Text {
                version: 2,
                name: "contacts",
                sql: include_str!("../migrations/media/sqlite/0002_contacts.sql"),
            },
        ],
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
