//! On PostgreSQL, with the tables of postgres-es' own `db/init.sql`.

use cqrs_es::persist::PersistedEventStore;
use postgres_es::{PostgresEventRepository, postgres_cqrs, postgres_snapshot_cqrs};
use sqlx::{PgPool, query, query_scalar};
use uuid::Uuid;
use watertight_benches::events::{Answer, Ask};

use super::{Account, Counted, Framework, SNAPSHOT};
use crate::server;

const TABLES: [&str; 2] = [
    "CREATE TABLE events (
        aggregate_type text                         NOT NULL,
        aggregate_id   text                         NOT NULL,
        sequence       bigint CHECK (sequence >= 0) NOT NULL,
        event_type     text                         NOT NULL,
        event_version  text                         NOT NULL,
        payload        json                         NOT NULL,
        metadata       json                         NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence)
    )",
    "CREATE TABLE snapshots (
        aggregate_type   text                                 NOT NULL,
        aggregate_id     text                                 NOT NULL,
        last_sequence    bigint CHECK (last_sequence >= 0)    NOT NULL,
        current_snapshot bigint CHECK (current_snapshot >= 0) NOT NULL,
        payload          json                                 NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, last_sequence)
    )",
];

const MANY: &str = r#"
INSERT INTO events
SELECT 'account', lpad(to_hex((n - 1) / 10), 32, '0')::uuid::text, (n - 1) % 10 + 1, 'Deposited', '1', '{"Deposited":{"amount":10}}', '{}'
FROM generate_series(1, $1::bigint) AS n"#;

const ONE: &str = r#"
INSERT INTO events
SELECT 'account', $2, n, CASE n WHEN 1 THEN 'Opened' ELSE 'Deposited' END, '1',
    CASE n WHEN 1 THEN '{"Opened":{"owner":"ada.lovelace@engines.example"}}' ELSE '{"Deposited":{"amount":10}}' END::json, '{}'
FROM generate_series(1, $1::bigint) AS n"#;

const SNAPSHOTS: &str = r#"
INSERT INTO snapshots VALUES ('account', $2, $1, greatest($1 / $3, 1), '{"balance":10}')"#;

pub(crate) async fn open(
    ask: &Ask,
    snapshots: bool,
) -> anyhow::Result<Framework<PersistedEventStore<PostgresEventRepository, Account>>> {
    let pool = server::open(ask).await?;
    let framework = if snapshots {
        postgres_snapshot_cqrs(pool.clone(), Vec::new(), SNAPSHOT, ())
    } else {
        postgres_cqrs(pool.clone(), Vec::new(), ())
    };
    Ok(Framework::new(framework, Counted::Server(pool)))
}

pub(crate) async fn fill(ask: &Ask) -> anyhow::Result<Answer> {
    let pool = server::create(ask).await?;
    for table in TABLES {
        query(table).execute(&pool).await?;
    }
    query(MANY)
        .bind(i64::try_from(ask.events)?)
        .execute(&pool)
        .await?;
    for (size, id) in ask.sizes().all() {
        one(&pool, i64::try_from(size)?, id).await?;
    }
    server::settle(&pool, "events").await
}

async fn one(pool: &PgPool, size: i64, id: Uuid) -> anyhow::Result<()> {
    let id = id.to_string();
    query(ONE).bind(size).bind(&id).execute(pool).await?;
    query(SNAPSHOTS)
        .bind(size)
        .bind(&id)
        .bind(i64::try_from(SNAPSHOT)?)
        .execute(pool)
        .await?;
    Ok(())
}

pub(crate) async fn count(pool: &PgPool, id: &str) -> anyhow::Result<u64> {
    let count: i64 = query_scalar(
        "SELECT count(*) FROM events WHERE aggregate_id = $1 AND aggregate_type = 'account'",
    )
    .bind(id)
    .fetch_one(pool)
    .await?;
    Ok(u64::try_from(count)?)
}
