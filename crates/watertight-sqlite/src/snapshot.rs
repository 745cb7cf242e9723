//! Snapshots: saved by the writer like everything else, read by the readers.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use watertight_events::{
    ReadError, Snapshot, SnapshotError, SnapshotStore, StreamId, Version, ViewError,
};

use crate::{SqliteStore, error::read_error, row};

const LOAD: &str =
    "SELECT version, event_id, schema_hash, state FROM snapshots WHERE stream_id = ?1";
const SAVE: &str =
    "INSERT OR REPLACE INTO snapshots (stream_id, version, event_id, schema_hash, state, saved_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const FORGET: &str = "DELETE FROM snapshots WHERE stream_id = ?1";

impl SnapshotStore for SqliteStore {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, SnapshotError> {
        let stream = stream.clone();
        let load = move |connection: &mut Connection| load(connection, &stream);
        let found = self.0.readers.with(load).await.map_err(not_read)?;
        found.map_err(|error| not_read(read_error(&error)))
    }

    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        snapshot.check()?;
        let snapshot = snapshot.clone();
        let saving = self.0.change(snapshot.state.len(), move |transaction| {
            let Snapshot {
                stream,
                version,
                event,
                schema,
                state,
            } = &snapshot;
            let (schema, state) = (schema.cast_signed(), &state[..]);
            let values = params![stream.as_str(), version.0, event, schema, state, row::now()];
            transaction.prepare_cached(SAVE)?.execute(values)?;
            Ok(Ok(()))
        });
        saving.await.map_err(|error| not_changed(&error))
    }

    async fn forget_snapshot(&self, stream: &StreamId) -> Result<(), SnapshotError> {
        let stream = stream.clone();
        let forgetting = self.0.change(1, move |transaction| {
            transaction
                .prepare_cached(FORGET)?
                .execute([stream.as_str()])?;
            Ok(Ok(()))
        });
        forgetting.await.map_err(|error| not_changed(&error))
    }
}

fn load(connection: &Connection, stream: &StreamId) -> rusqlite::Result<Option<Snapshot>> {
    let mut load = connection.prepare_cached(LOAD)?;
    let found = load.query_row([stream.as_str()], |row| {
        Ok(Snapshot {
            stream: stream.clone(),
            version: Version(row.get(0)?),
            event: row.get(1)?,
            schema: row.get::<_, i64>(2)?.cast_unsigned(),
            state: Bytes::copy_from_slice(row.get_ref(3)?.as_blob()?),
        })
    });
    found.optional()
}

fn not_read(error: ReadError) -> SnapshotError {
    SnapshotError::store(error.transient, error.message)
}

fn not_changed(error: &ViewError) -> SnapshotError {
    SnapshotError::store(error.is_transient(), error.to_string())
}
