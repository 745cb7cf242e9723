//! Snapshots, written through the pool: they have no order among themselves, so the head is left alone.

use bytes::Bytes;
use sqlx::{Error, Row, query};
use tokio::time::timeout;
use watertight_events::{Snapshot, SnapshotError, SnapshotStore, StreamId, Version};

use crate::{
    PostgresStore,
    connection::PATIENCE,
    error::is_transient,
    row::{signed, unsigned},
};

impl SnapshotStore for PostgresStore {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, SnapshotError> {
        let select = "SELECT version, event_id, schema_hash, state FROM watertight.snapshots WHERE stream_id = $1";
        in_time(async {
            let row = query(select).bind(stream.as_str());
            let Some(row) = row.fetch_optional(self.pool()).await? else {
                return Ok(None);
            };
            Ok(Some(Snapshot {
                stream: stream.clone(),
                version: Version(unsigned(row.try_get("version")?)),
                event: row.try_get("event_id")?,
                schema: row.try_get::<i64, _>("schema_hash")?.cast_unsigned(),
                state: Bytes::copy_from_slice(row.try_get("state")?),
            }))
        })
        .await
    }

    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        snapshot.check()?;
        let upsert = query(
            "INSERT INTO watertight.snapshots (stream_id, version, event_id, schema_hash, state) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (stream_id) DO UPDATE SET
                 version = excluded.version, event_id = excluded.event_id, schema_hash = excluded.schema_hash,
                 state = excluded.state, saved_at = excluded.saved_at",
        )
        .bind(snapshot.stream.as_str())
        .bind(signed(snapshot.version.0))
        .bind(snapshot.event)
        .bind(snapshot.schema.cast_signed())
        .bind(&snapshot.state[..]);
        in_time(upsert.execute(self.pool())).await.map(|_| ())
    }

    async fn forget_snapshot(&self, stream: &StreamId) -> Result<(), SnapshotError> {
        let delete = query("DELETE FROM watertight.snapshots WHERE stream_id = $1");
        let delete = delete.bind(stream.as_str()).execute(self.pool());
        in_time(delete).await.map(|_| ())
    }
}

async fn in_time<T>(work: impl Future<Output = sqlx::Result<T>>) -> Result<T, SnapshotError> {
    let done = timeout(PATIENCE, work).await;
    done.unwrap_or(Err(Error::PoolTimedOut))
        .map_err(|error| SnapshotError::store(is_transient(&error), error.to_string()))
}
