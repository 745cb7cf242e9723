//! Where the events are.

use std::{fs, mem, path::Path};

use rusqlite::Connection;
use sqlx::{
    AssertSqlSafe, ConnectOptions, PgPool, postgres::PgConnectOptions, query_scalar, raw_sql,
};
use watertight_benches::events::{Answer, Ask};
use watertight_postgres::PostgresStore;
use watertight_sqlite::SqliteStore;

/// Where views are.
const VIEWS: [&str; 4] = ["views", "checkpoints", "documents", "document_fields"];

/// A store that stays open for as long as the process runs.
pub(crate) fn file(path: &Path) -> anyhow::Result<SqliteStore> {
    let store = SqliteStore::open(path)?;
    mem::forget(store.clone());
    Ok(store)
}

pub(crate) fn new_file(path: &Path) -> anyhow::Result<SqliteStore> {
    for end in ["db", "db-wal", "db-shm"] {
        let path = path.with_extension(end);
        if path.exists() {
            fs::remove_file(path)?;
        }
    }
    file(path)
}

/// Empties the views of a file that nobody has open: the active one cannot be erased, but all is to begin anew.
pub(crate) fn without_views(path: &Path) -> anyhow::Result<SqliteStore> {
    let connection = Connection::open(path)?;
    for table in VIEWS {
        connection.execute(&format!("DELETE FROM {table}"), [])?;
    }
    mem::forget(connection);
    file(path)
}

/// Moves everything from the log into the file, and says what that takes on the disk.
pub(crate) fn settle_file(path: &Path) -> anyhow::Result<Answer> {
    let connection = Connection::open(path)?;
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
    mem::forget(connection);
    let bytes = fs::metadata(path)?.len();
    Ok([("bytes".to_owned(), bytes as f64)].into())
}

pub(crate) async fn database(ask: &Ask, name: &str) -> anyhow::Result<PostgresStore> {
    let options: PgConnectOptions = ask.server()?.parse()?;
    let pool = PgPool::connect_with(options.database(&ask.database(name))).await?;
    Ok(PostgresStore::open(pool).await?)
}

pub(crate) async fn new_database(ask: &Ask, name: &str) -> anyhow::Result<PostgresStore> {
    let options: PgConnectOptions = ask.server()?.parse()?;
    let mut connection = options.connect().await?;
    let database_name = ask.database(name);
    for command in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
        raw_sql(AssertSqlSafe(format!("{command} {database_name}")))
            .execute(&mut connection)
            .await?;
    }
    database(ask, name).await
}

/// The same in a database.
pub(crate) async fn database_without_views(ask: &Ask, name: &str) -> anyhow::Result<PostgresStore> {
    let store = database(ask, name).await?;
    for table in VIEWS {
        raw_sql(AssertSqlSafe(format!("TRUNCATE watertight.{table}")))
            .execute(store.pool())
            .await?;
    }
    Ok(store)
}

/// Does now what the server would do while others are measured, and says how large the table is.
pub(crate) async fn settle(store: &PostgresStore) -> anyhow::Result<Answer> {
    for command in ["VACUUM (ANALYZE) watertight.events", "CHECKPOINT"] {
        raw_sql(command).execute(store.pool()).await?;
    }
    let bytes: i64 = query_scalar("SELECT pg_total_relation_size('watertight.events')")
        .fetch_one(store.pool())
        .await?;
    Ok([("bytes".to_owned(), bytes as f64)].into())
}
