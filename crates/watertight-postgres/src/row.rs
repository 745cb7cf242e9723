//! Events as rows of the table `events`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;
use watertight_events::{Metadata, NewEvent, Position, Recorded, StreamId, Version, plan};

/// The columns that [`recorded`] reads.
pub(crate) const COLUMNS: &str =
    "position, stream_id, version, event_id, type, schema_version, payload, metadata, recorded_at";

/// When PostgreSQL's time begins: 1 January 2000, in seconds since 1970.
const EPOCH: Duration = Duration::from_secs(946_684_800);

/// Rows as PostgreSQL takes many at once: an array per column.
#[derive(Debug, Default)]
pub(crate) struct Columns<'a> {
    pub(crate) positions: Vec<i64>,
    pub(crate) streams: Vec<&'a str>,
    pub(crate) versions: Vec<i64>,
    pub(crate) ids: Vec<Uuid>,
    pub(crate) kinds: Vec<&'a str>,
    pub(crate) schemas: Vec<i64>,
    pub(crate) payloads: Vec<&'a [u8]>,
    pub(crate) metadata: Vec<Vec<u8>>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(rows: &'a [plan::Row]) -> Self {
        let mut columns = Self::default();
        for plan::Row {
            position,
            stream,
            version,
            event,
        } in rows
        {
            columns.positions.push(signed(position.0));
            columns.streams.push(stream.as_str());
            columns.versions.push(signed(version.0));
            columns.ids.push(event.metadata.message);
            columns.kinds.push(event.kind.as_str());
            columns.schemas.push(event.schema.into());
            columns.payloads.push(&event.payload);
            columns.metadata.push(event.metadata.to_stored());
        }
        columns
    }
}

/// The event of a row of [`COLUMNS`].
pub(crate) fn recorded(row: &PgRow) -> sqlx::Result<Recorded> {
    let metadata = Metadata::from_stored(row.try_get("event_id")?, row.try_get("metadata")?);
    let metadata = metadata.map_err(|error| sqlx::Error::ColumnDecode {
        index: "metadata".to_owned(),
        source: error.into(),
    })?;
    let schema: i64 = row.try_get("schema_version")?;
    Ok(Recorded {
        position: Position(unsigned(row.try_get("position")?)),
        stream: StreamId::from(row.try_get::<&str, _>("stream_id")?),
        version: Version(unsigned(row.try_get("version")?)),
        recorded_at: time(row)?,
        event: NewEvent {
            kind: row.try_get::<String, _>("type")?.into(),
            schema: u32::try_from(schema).unwrap_or_default(),
            payload: Bytes::copy_from_slice(row.try_get("payload")?),
            metadata,
        },
    })
}

/// A `timestamptz` as it is sent: microseconds. To have the server make a number of it costs as much as all the rest of a row.
fn time(row: &PgRow) -> sqlx::Result<SystemTime> {
    let sent = row.try_get_raw("recorded_at")?.as_bytes();
    let micros = sent.and_then(|sent| Ok(i64::from_be_bytes(sent.try_into()?)));
    let micros = micros.map_err(|error| sqlx::Error::ColumnDecode {
        index: "recorded_at".to_owned(),
        source: error,
    })?;
    Ok(UNIX_EPOCH + EPOCH + Duration::from_micros(unsigned(micros)))
}

/// The longest time that is kept, in microseconds: a hundred years.
const CENTURY: i64 = 100 * 365 * 24 * 3_600 * 1_000_000;

pub(crate) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).map_or(CENTURY, |time| time.min(CENTURY))
}

pub(crate) fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// PostgreSQL has no larger numbers, and no store so many events.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Numbers that the tables keep from being negative.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
