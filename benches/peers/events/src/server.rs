//! Databases on PostgreSQL.

use sqlx::{
    ConnectOptions, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
    query, query_scalar,
};
use watertight_benches::events::{Answer, Ask};

const NAME: &str = "events";

/// Beyond it a server on two cores only switches between its processes.
const MOST_CONNECTIONS: u32 = 32;

pub(crate) async fn open(ask: &Ask) -> anyhow::Result<PgPool> {
    let options: PgConnectOptions = ask.server()?.parse()?;
    let wanted = u32::try_from(ask.clients)?;
    let pool = PgPoolOptions::new()
        // A client that holds a lock needs a second one.
        .max_connections((2 * wanted).clamp(2, MOST_CONNECTIONS));
    Ok(pool
        .connect_with(options.database(&ask.database(NAME)))
        .await?)
}

/// An empty database.
pub(crate) async fn create(ask: &Ask) -> anyhow::Result<PgPool> {
    let options: PgConnectOptions = ask.server()?.parse()?;
    let mut server = options.connect().await?;
    let name = ask.database(NAME);
    for command in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
        query(&format!("{command} {name}"))
            .execute(&mut server)
            .await?;
    }
    open(ask).await
}

/// Does now what the server would do while others are measured, and says how large the table is.
pub(crate) async fn settle(pool: &PgPool, table: &str) -> anyhow::Result<Answer> {
    for command in [&*format!("VACUUM (ANALYZE) {table}"), "CHECKPOINT"] {
        query(command).execute(pool).await?;
    }
    let bytes: i64 = query_scalar("SELECT pg_total_relation_size($1::text::regclass)")
        .bind(table)
        .fetch_one(pool)
        .await?;
    Ok([("bytes".to_owned(), bytes as f64)].into())
}

/// Whether a statement failed because of a row that somebody else was first to write.
pub(crate) fn is_conflict(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    // Unique violation, serialization failure, deadlock.
    matches!(code.as_deref(), Some("23505" | "40001" | "40P01"))
}
