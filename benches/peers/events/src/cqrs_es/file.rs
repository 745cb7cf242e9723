//! In a SQLite file, with the tables of sqlite-es' own migration.

use cqrs_es::persist::PersistedEventStore;
use sqlite_es::{SqliteEventRepository, sqlite_cqrs, sqlite_snapshot_cqrs};
use sqlx::{
    SqlitePool, query, query_scalar,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use watertight_benches::events::{Answer, Ask};

use super::{Account, Counted, Framework, SNAPSHOT};

const TABLES: [&str; 2] = [
    "CREATE TABLE events (
        aggregate_type text                          NOT NULL,
        aggregate_id   text                          NOT NULL,
        sequence       integer CHECK (sequence >= 0) NOT NULL,
        event_type     text                          NOT NULL,
        event_version  text                          NOT NULL,
        payload        text                          NOT NULL,
        metadata       text                          NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence)
    ) STRICT",
    "CREATE TABLE snapshots (
        aggregate_type   text                                  NOT NULL,
        aggregate_id     text                                  NOT NULL,
        last_sequence    integer CHECK (last_sequence >= 0)    NOT NULL,
        current_snapshot integer CHECK (current_snapshot >= 0) NOT NULL,
        payload          text                                  NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, last_sequence)
    ) STRICT",
];

const MANY: &str = r#"
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
INSERT INTO events
SELECT 'account', printf('00000000-0000-0000-0000-%012x', (n - 1) / 10), (n - 1) % 10 + 1, 'Deposited', '1', '{"Deposited":{"amount":10}}', '{}'
FROM numbers"#;

const ONE: &str = r#"
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
INSERT INTO events
SELECT 'account', ?2, n, iif(n = 1, 'Opened', 'Deposited'), '1',
    iif(n = 1, '{"Opened":{"owner":"ada.lovelace@engines.example"}}', '{"Deposited":{"amount":10}}'), '{}'
FROM numbers"#;

const SNAPSHOTS: &str = r#"
INSERT INTO snapshots VALUES ('account', ?2, ?1, max(?1 / ?3, 1), '{"balance":10}')"#;

pub(crate) async fn open(
    ask: &Ask,
    snapshots: bool,
) -> anyhow::Result<Framework<PersistedEventStore<SqliteEventRepository, Account>>> {
    let pool = pool(ask).await?;
    let framework = if snapshots {
        sqlite_snapshot_cqrs(pool.clone(), Vec::new(), SNAPSHOT, ())
    } else {
        sqlite_cqrs(pool.clone(), Vec::new(), ())
    };
    Ok(Framework::new(framework, Counted::File(pool)))
}

pub(crate) async fn fill(ask: &Ask) -> anyhow::Result<Answer> {
    let path = ask.file("events");
    for end in ["db", "db-wal", "db-shm"] {
        let path = path.with_extension(end);
        if path.exists() {
            std::fs::remove_file(path)?;
        }
    }
    let pool = pool(ask).await?;
    for table in TABLES {
        query(table).execute(&pool).await?;
    }
    let mut transaction = pool.begin().await?;
    query(MANY)
        .bind(i64::try_from(ask.events)?)
        .execute(&mut *transaction)
        .await?;
    for (size, id) in ask.sizes().all() {
        let (size, id) = (i64::try_from(size)?, id.to_string());
        query(ONE)
            .bind(size)
            .bind(&id)
            .execute(&mut *transaction)
            .await?;
        query(SNAPSHOTS)
            .bind(size)
            .bind(&id)
            .bind(i64::try_from(SNAPSHOT)?)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    query("PRAGMA wal_checkpoint(RESTART)")
        .execute(&pool)
        .await?;
    let bytes = std::fs::metadata(path)?.len();
    Ok([("bytes".to_owned(), bytes as f64)].into())
}

pub(crate) async fn count(pool: &SqlitePool, id: &str) -> anyhow::Result<u64> {
    let count: i64 = query_scalar(
        "SELECT count(*) FROM events WHERE aggregate_id = ?1 AND aggregate_type = 'account'",
    )
    .bind(id)
    .fetch_one(pool)
    .await?;
    Ok(u64::try_from(count)?)
}

/// As `default_sqlite_pool` opens it, but with each commit on the disk before it is acknowledged.
async fn pool(ask: &Ask) -> anyhow::Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(ask.file("events"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true);
    let pool = SqlitePoolOptions::new().max_connections(10);
    Ok(pool.connect_with(options).await?)
}
