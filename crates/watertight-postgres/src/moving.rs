//! From the outbox into the store, in one transaction under the head's lock.

use bytes::Bytes;
use sqlx::{PgConnection, Row, postgres::PgRow, query, query_scalar};
use tokio::time::timeout;
use watertight_events::{
    Expected, Kind, Metadata, NewEvent, Position, StreamId, Write, WriteError,
    plan::{Ask, Plan},
};

use crate::{
    connection::PATIENCE, error::is_transient, inline::Registered, journal, row::limited,
    store::Inner, transaction::begin,
};

/// Bytes of payload that are moved at a time, beyond the first event.
const BYTES: i64 = 8 << 20;

/// Why nothing was moved.
struct Failed(WriteError);

/// Moves the first of what is staged, at most so many events, and says how many there were.
pub(crate) async fn move_staged(store: &Inner, most: usize) -> Result<usize, WriteError> {
    let moving = timeout(PATIENCE, try_to_move(store, most)).await;
    let moved = moving.map_err(|_| WriteError::store(true, "the database does not answer"))?;
    let Some((head, events)) = moved.map_err(|Failed(error)| error)? else {
        return Ok(0);
    };
    for watched in [&store.head, &store.committed] {
        watched.send_if_modified(|known| {
            let moved = head > *known;
            *known = head.max(*known);
            moved
        });
    }
    store.changes.send_modify(|changes| *changes += 1);
    Ok(events)
}

/// If the answer to the commit is lost, the next try finds what was not moved: it waits at the head for that commit to end.
async fn try_to_move(store: &Inner, most: usize) -> Result<Option<(Position, usize)>, Failed> {
    // The head is for those who have something to write.
    let first: Option<i64> = query_scalar("SELECT seq FROM watertight.outbox ORDER BY seq LIMIT 1")
        .fetch_optional(&store.pool)
        .await?;
    if first.is_none() {
        return Ok(None);
    }
    let mut transaction = begin(&store.pool).await?;
    let head = journal::lock_head(&mut transaction).await?;
    // In statements after the lock: whoever had it before may have moved them.
    let registered = Registered::read(&mut transaction).await?;
    if let Some(view) = registered.missing(&store.models) {
        let view = view.clone();
        return Err(Failed(WriteError::NotAttached { view }));
    }
    let (staged, writes) = chunk(&mut transaction, most).await?;
    if staged.is_empty() {
        return Ok(None);
    }
    let facts = journal::look_up(&mut transaction, Ask::of(&writes), head.position).await?;
    let plan = Plan::of(&writes, facts);
    debug_assert!(
        plan.answers.iter().all(Result::is_ok),
        "any version will do"
    );
    journal::write(&mut transaction, &plan, head.batch).await?;
    query("DELETE FROM watertight.outbox WHERE seq = ANY($1)")
        .bind(staged)
        .execute(&mut *transaction)
        .await?;
    let limit = store.inline_limit;
    let applied = registered.apply(&mut transaction, &store.models, &plan, limit);
    applied.await.map_err(|error| Failed(error.into()))?;
    transaction.commit().await?;
    Ok(Some((plan.head, plan.rows.len())))
}

async fn chunk(connection: &mut PgConnection, most: usize) -> sqlx::Result<(Vec<i64>, Vec<Write>)> {
    let rows = query(
        "SELECT * FROM (
             SELECT *, sum(length(payload)) OVER (ORDER BY seq) - length(payload) AS bytes_before
             FROM (SELECT * FROM watertight.outbox ORDER BY seq LIMIT $1) AS first
         ) AS staged WHERE bytes_before < $2 ORDER BY seq",
    )
    .bind(limited(most))
    .bind(BYTES)
    .fetch_all(connection)
    .await?;
    let seqs = rows.iter().map(|row| row.try_get("seq"));
    let writes = rows.iter().map(write);
    Ok((
        seqs.collect::<sqlx::Result<_>>()?,
        writes.collect::<sqlx::Result<_>>()?,
    ))
}

fn write(row: &PgRow) -> sqlx::Result<Write> {
    let metadata = Metadata::from_stored(row.try_get("event_id")?, row.try_get("metadata")?);
    let metadata = metadata.map_err(|error| sqlx::Error::ColumnDecode {
        index: "metadata".to_owned(),
        source: error.into(),
    })?;
    let schema: i64 = row.try_get("schema_version")?;
    let event = NewEvent {
        kind: Kind::from(row.try_get::<String, _>("type")?),
        schema: u32::try_from(schema).unwrap_or_default(),
        payload: Bytes::copy_from_slice(row.try_get("payload")?),
        metadata,
    };
    let stream = StreamId::from(row.try_get::<&str, _>("stream_id")?);
    Ok(Write::to(stream, Expected::Any, vec![event]))
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self(WriteError::store(is_transient(&error), error.to_string()))
    }
}
