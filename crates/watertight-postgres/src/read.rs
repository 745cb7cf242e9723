//! Reads, each one statement and so of one moment.

use sqlx::{PgConnection, PgPool, Row, postgres::PgRow, query};
use watertight_events::{
    Filter, Key, Page, Position, ReadError, Recorded, StreamId, StreamPage, Version, WriteError,
    Written, plan,
};

use crate::{
    error::read_error,
    row::{COLUMNS, limited, recorded, signed, unsigned},
    transaction::{begin_to_read, rows},
};

/// Positions that one read with a filter looks at.
const SCAN: i64 = 20_000;

/// Bytes of payload in one page, beyond the first event.
pub(crate) const PAGE_BYTES: i64 = 8 << 20;

pub(crate) async fn read_stream(
    pool: &PgPool,
    stream: &StreamId,
    after: Version,
    limit: usize,
) -> Result<StreamPage, ReadError> {
    let select = format!(
        "SELECT stream.version AS end_of_all, event.*
         FROM (SELECT coalesce(max(version), 0) AS version FROM watertight.events WHERE stream_id = $1) AS stream
         LEFT JOIN LATERAL (
             SELECT {COLUMNS}, sum(length(payload)) OVER (ORDER BY version ROWS UNBOUNDED PRECEDING) - length(payload) AS bytes_before
             FROM (SELECT * FROM watertight.events WHERE stream_id = $1 AND version > $2 ORDER BY version LIMIT $3) AS found
         ) AS event ON event.bytes_before < $4"
    );
    let query = query(sqlx::AssertSqlSafe(select))
        .bind(stream.as_str())
        .bind(signed(after.0))
        .bind(limited(limit))
        .bind(PAGE_BYTES);
    let rows = rows(pool, query).await;
    let (end, events) = rows
        .and_then(|rows| events(&rows))
        .map_err(|error| read_error(&error))?;
    Ok(StreamPage {
        events,
        version: Version(end),
    })
}

pub(crate) async fn read_all(
    pool: &PgPool,
    after: Position,
    filter: &Filter,
    limit: usize,
) -> Result<Page, ReadError> {
    let page = async {
        let mut transaction = begin_to_read(pool).await?;
        let page = read_all_in(&mut transaction, after, filter, limit).await?;
        transaction.commit().await?;
        Ok(page)
    };
    page.await.map_err(|error| read_error(&error))
}

/// The same in a transaction.
pub(crate) async fn read_all_in(
    connection: &mut PgConnection,
    after: Position,
    filter: &Filter,
    limit: usize,
) -> sqlx::Result<Page> {
    let scan = if filter.is_all() { i64::MAX } else { SCAN };
    let until = signed(after.0).saturating_add(scan);
    let select = format!(
        "SELECT head.position AS end_of_all, event.*
         FROM watertight.head
         LEFT JOIN LATERAL (
             SELECT {COLUMNS}, sum(length(payload)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) - length(payload) AS bytes_before
             FROM (
                 SELECT * FROM watertight.events
                 WHERE position > $1 AND position <= $2
                   AND (cardinality($5::text[]) = 0 OR type = ANY($5))
                   AND (cardinality($6::text[]) = 0 OR split_part(stream_id, '-', 1) = ANY($6))
                 ORDER BY position LIMIT $3
             ) AS found
         ) AS event ON event.bytes_before < $4"
    );
    let text =
        |list: &[std::sync::Arc<str>]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let query = query(sqlx::AssertSqlSafe(select))
        .bind(signed(after.0))
        .bind(until)
        .bind(limited(limit))
        .bind(PAGE_BYTES)
        .bind(text(&filter.kinds))
        .bind(text(&filter.categories));
    let (head, events) = events(&query.fetch_all(connection).await?)?;
    let bytes: usize = events.iter().map(|event| event.event.payload.len()).sum();
    let cut_off = events.len() >= limit || bytes >= PAGE_BYTES as usize;
    let last = events.last().map_or(after, |event| event.position);
    let end = Position(head.min(unsigned(until))).max(after);
    let scanned_to = if cut_off { last } else { end };
    Ok(Page {
        events,
        scanned_to,
        at_head: scanned_to.0 >= head,
    })
}

pub(crate) async fn answer(pool: &PgPool, key: &Key) -> Result<Option<Written>, WriteError> {
    let query = query(
        "SELECT fingerprint, answer FROM watertight.command_log WHERE key = $1 AND expires_at > clock_timestamp()",
    )
    .bind(&key.id[..]);
    let found = rows(pool, query).await;
    let kept = found.and_then(|rows| rows.first().map(kept).transpose());
    let kept = kept.map_err(|error| {
        let ReadError {
            transient, message, ..
        } = read_error(&error);
        WriteError::store(transient, message)
    })?;
    kept.map(|(fingerprint, answer)| plan::replay(key, fingerprint, &answer))
        .transpose()
}

/// The fingerprint and the answer in a row of `command_log`.
pub(crate) fn kept(row: &PgRow) -> sqlx::Result<(u64, Written)> {
    let answer = serde_json::from_slice(row.try_get("answer")?);
    let answer = answer.map_err(|error| sqlx::Error::ColumnDecode {
        index: "answer".to_owned(),
        source: error.into(),
    })?;
    Ok((
        row.try_get::<i64, _>("fingerprint")?.cast_unsigned(),
        answer,
    ))
}

/// The end of all that was read from, and the events; a row without an event is only there for the end.
fn events(rows: &[PgRow]) -> sqlx::Result<(u64, Vec<Recorded>)> {
    let end = rows
        .first()
        .map_or(Ok(0), |row| row.try_get("end_of_all"))?;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        if row.try_get::<Option<i64>, _>("position")?.is_some() {
            events.push(recorded(row)?);
        }
    }
    // They come in order unless the server joins in another way, and then sorting here is cheaper than there.
    events.sort_by_key(|event| event.position);
    Ok((unsigned(end), events))
}
