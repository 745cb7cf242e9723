use sqlx::{PgPool, query, query_scalar, raw_sql};
use uuid::Uuid;
use watertight_events::StoreId;

use crate::{OpenError, transaction::begin_with};

/// The steps from an empty database to the present tables.
const STEPS: [&str; 5] = [
    include_str!("../migrations/0001_events.sql"),
    include_str!("../migrations/0002_views.sql"),
    include_str!("../migrations/0003_inline.sql"),
    include_str!("../migrations/0004_outbox.sql"),
    include_str!("../migrations/0005_snapshots.sql"),
];

/// Any number will do that nobody else uses: the processes that migrate at the same time meet at it.
const LOCK: i64 = 0x7761_7465_7274;

/// Takes the steps that are missing, one process at a time, and tells which store it is.
pub(crate) async fn migrate(pool: &PgPool) -> Result<StoreId, OpenError> {
    let mut transaction = begin_with(pool, "BEGIN").await?;
    query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *transaction)
        .await?;
    raw_sql(
        "CREATE SCHEMA IF NOT EXISTS watertight;
         CREATE TABLE IF NOT EXISTS watertight.schema_version (steps integer NOT NULL);",
    )
    .execute(&mut *transaction)
    .await?;
    let taken: Option<i32> = query_scalar("SELECT steps FROM watertight.schema_version")
        .fetch_optional(&mut *transaction)
        .await?;
    let (taken, known) = (taken.unwrap_or_default(), STEPS.len() as i32);
    if taken > known {
        return Err(OpenError::Newer {
            found: taken,
            known,
        });
    }
    if taken < known {
        for step in STEPS.into_iter().skip(taken as usize) {
            raw_sql(step).execute(&mut *transaction).await?;
        }
        raw_sql("DELETE FROM watertight.schema_version")
            .execute(&mut *transaction)
            .await?;
        query("INSERT INTO watertight.schema_version (steps) VALUES ($1)")
            .bind(known)
            .execute(&mut *transaction)
            .await?;
        query("INSERT INTO watertight.store (id) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(StoreId::fresh().0)
            .execute(&mut *transaction)
            .await?;
    }
    let id: Uuid = query_scalar("SELECT id FROM watertight.store")
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(StoreId(id))
}
