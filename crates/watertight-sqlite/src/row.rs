//! Events as rows of the table `events`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rusqlite::{Row, Statement, named_params, types::Type};
use watertight_events::{Metadata, NewEvent, Position, Recorded, StreamId, Version, plan};

pub(crate) const INSERT: &str = "
    INSERT INTO events (position, stream_id, version, event_id, type, schema_version, payload, metadata, recorded_at)
    VALUES (:position, :stream_id, :version, :event_id, :type, :schema_version, :payload, :metadata, :recorded_at)";

/// The columns that [`recorded`] reads, in its order.
pub(crate) const COLUMNS: &str =
    "position, stream_id, version, event_id, type, schema_version, payload, metadata, recorded_at";

pub(crate) fn insert(
    statement: &mut Statement<'_>,
    row: &plan::Row,
    recorded_at: i64,
) -> rusqlite::Result<()> {
    let NewEvent {
        kind,
        schema,
        payload,
        metadata,
    } = &row.event;
    statement.execute(named_params! {
        ":position": row.position.0,
        ":stream_id": row.stream.as_str(),
        ":version": row.version.0,
        ":event_id": metadata.message,
        ":type": kind.as_str(),
        ":schema_version": schema,
        ":payload": &payload[..],
        ":metadata": metadata.to_stored(),
        ":recorded_at": recorded_at,
    })?;
    Ok(())
}

/// The event of a row of [`COLUMNS`].
pub(crate) fn recorded(row: &Row<'_>) -> rusqlite::Result<Recorded> {
    let metadata = Metadata::from_stored(row.get(3)?, row.get_ref(7)?.as_blob()?);
    let metadata = metadata
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(7, Type::Blob, error.into()))?;
    Ok(Recorded {
        position: Position(row.get(0)?),
        stream: StreamId::from(row.get_ref(1)?.as_str()?),
        version: Version(row.get(2)?),
        recorded_at: time(row.get(8)?),
        event: NewEvent {
            kind: row.get::<_, String>(4)?.into(),
            schema: row.get(5)?,
            payload: Bytes::copy_from_slice(row.get_ref(6)?.as_blob()?),
            metadata,
        },
    })
}

/// An event of a plan as it is read later.
pub(crate) fn appended(row: &plan::Row, recorded_at: i64) -> Recorded {
    Recorded {
        position: row.position,
        stream: row.stream.clone(),
        version: row.version,
        recorded_at: time(recorded_at),
        event: row.event.clone(),
    }
}

/// The time now, in microseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "what is kept for years is told by the wall"
)]
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    micros(since.unwrap_or_default())
}

pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn time(micros: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
