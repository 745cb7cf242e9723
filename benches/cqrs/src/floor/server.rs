//! The table on PostgreSQL.

use anyhow::ensure;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
    query, query_scalar, raw_sql,
};
use uuid::Uuid;
use watertight_benches::events::{Answer, Ask};

/// The two floors share a table: neither reads it.
const DATABASE: &str = "bench_floor";

const TABLE: &str = r#"
CREATE TABLE events (
    position        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream_id       text COLLATE "C" NOT NULL,
    version         bigint NOT NULL,
    event_id        uuid NOT NULL,
    type            text COLLATE "C" NOT NULL,
    schema_version  bigint NOT NULL,
    payload         bytea NOT NULL,
    metadata        bytea NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (stream_id, version)
)"#;

const ROWS: &str = "
INSERT INTO events (stream_id, version, event_id, type, schema_version, payload, metadata)
SELECT 'account-' || lpad(to_hex((n - 1) / 10), 32, '0')::uuid, (n - 1) % 10 + 1, gen_random_uuid(), 'deposited', 1, $2, $3
FROM generate_series(1, $1) AS n";

/// Whether the server keeps what it says.
pub(crate) async fn is_durable(ask: &Ask) -> anyhow::Result<Answer> {
    let options: PgConnectOptions = ask.server()?.parse()?;
    let mut server = options.connect().await?;
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String = query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&mut server)
            .await?;
        ensure!(
            value == "on",
            "{setting} is {value}: nothing durable would be measured"
        );
    }
    Ok(Answer::new())
}

/// A table with so many events.
pub(crate) async fn fill(ask: &Ask) -> anyhow::Result<Answer> {
    let options: PgConnectOptions = ask.server()?.parse()?;
    let mut server = options.connect().await?;
    for command in ["DROP DATABASE IF EXISTS", "CREATE DATABASE"] {
        let command = AssertSqlSafe(format!("{command} {DATABASE}"));
        raw_sql(command).execute(&mut server).await?;
    }
    server.close().await?;

    let mut database = connect(ask).await?;
    raw_sql(TABLE).execute(&mut database).await?;
    query(ROWS)
        .bind(i64::try_from(ask.events)?)
        .bind(crate::rows::PAYLOAD)
        .bind(crate::rows::METADATA)
        .execute(&mut database)
        .await?;
    for command in ["VACUUM (ANALYZE) events", "CHECKPOINT"] {
        raw_sql(command).execute(&mut database).await?;
    }
    let bytes: i64 = query_scalar("SELECT pg_total_relation_size('events')")
        .fetch_one(&mut database)
        .await?;
    Ok([("bytes".to_owned(), bytes as f64)].into())
}

pub(crate) async fn connect(ask: &Ask) -> anyhow::Result<PgConnection> {
    Ok(options(ask)?.connect().await?)
}

pub(crate) async fn pool(ask: &Ask) -> anyhow::Result<PgPool> {
    let connections = u32::try_from(ask.clients)?;
    let pool = PgPoolOptions::new()
        .min_connections(connections)
        .max_connections(connections)
        // As ours: a connection is not asked whether it is alive before each use.
        .test_before_acquire(false);
    Ok(pool.connect_with(options(ask)?).await?)
}

pub(crate) async fn stored(pool: &PgPool, account: Uuid) -> anyhow::Result<u64> {
    let count: i64 = query_scalar("SELECT count(*) FROM events WHERE stream_id = $1")
        .bind(format!("account-{account}"))
        .fetch_one(pool)
        .await?;
    Ok(u64::try_from(count)?)
}

fn options(ask: &Ask) -> anyhow::Result<PgConnectOptions> {
    let options: PgConnectOptions = ask.server()?.parse()?;
    Ok(options.database(DATABASE))
}
