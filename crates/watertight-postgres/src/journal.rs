//! The statements of the writer.

use std::collections::HashMap;

use bytes::Bytes;
use sqlx::{PgConnection, Row, query, query_scalar};
use watertight_events::{
    Position, StreamId, Version,
    plan::{Ask, Facts, Plan},
};

use crate::{
    read::kept,
    row::{Columns, micros, signed, unsigned},
};

/// Moves the head if nobody else has, and inserts the events if it moved.
const WRITE: &str = "
WITH moved AS (
    UPDATE watertight.head SET position = $2, batch = batch + 1 WHERE one AND batch = $1 RETURNING batch
), inserted AS (
    INSERT INTO watertight.events (position, stream_id, version, event_id, type, schema_version, payload, metadata)
    SELECT event.* FROM moved CROSS JOIN UNNEST(
        $3::bigint[], $4::text[], $5::bigint[], $6::uuid[], $7::text[], $8::bigint[], $9::bytea[], $10::bytea[]
    ) AS event
)
SELECT batch FROM moved";

/// The same together with keys and consumers.
const WRITE_ALL: &str = "
WITH moved AS (
    UPDATE watertight.head SET position = $2, batch = batch + 1 WHERE one AND batch = $1 RETURNING batch
), inserted AS (
    INSERT INTO watertight.events (position, stream_id, version, event_id, type, schema_version, payload, metadata)
    SELECT event.* FROM moved CROSS JOIN UNNEST(
        $3::bigint[], $4::text[], $5::bigint[], $6::uuid[], $7::text[], $8::bigint[], $9::bytea[], $10::bytea[]
    ) AS event
), keys AS (
    INSERT INTO watertight.command_log (key, fingerprint, answer, expires_at)
    SELECT given.key, given.fingerprint, given.answer, clock_timestamp() + given.keep * interval '1 microsecond'
    FROM moved CROSS JOIN UNNEST($11::bytea[], $12::bigint[], $13::bytea[], $14::bigint[])
        AS given (key, fingerprint, answer, keep)
    ON CONFLICT (key) DO UPDATE SET
        fingerprint = excluded.fingerprint, answer = excluded.answer, expires_at = excluded.expires_at
), consumers AS (
    INSERT INTO watertight.consumers (name, position, epoch)
    SELECT given.* FROM moved CROSS JOIN UNNEST($15::text[], $16::bigint[], $17::bigint[]) AS given
    ON CONFLICT (name) DO UPDATE SET position = excluded.position, epoch = excluded.epoch
)
SELECT batch FROM moved";

/// Where the head is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Head {
    pub(crate) position: Position,
    pub(crate) batch: i64,
}

/// Reads the head, and locks it until the transaction ends.
pub(crate) async fn lock_head(connection: &mut PgConnection) -> sqlx::Result<Head> {
    read_head(
        connection,
        "SELECT position, batch FROM watertight.head FOR UPDATE",
    )
    .await
}

pub(crate) async fn head(connection: &mut PgConnection) -> sqlx::Result<Head> {
    read_head(connection, "SELECT position, batch FROM watertight.head").await
}

async fn read_head(connection: &mut PgConnection, select: &'static str) -> sqlx::Result<Head> {
    let row = query(select).fetch_one(connection).await?;
    Ok(Head {
        position: Position(unsigned(row.try_get("position")?)),
        batch: row.try_get("batch")?,
    })
}

/// Looks up what is asked for.
pub(crate) async fn look_up(
    connection: &mut PgConnection,
    ask: Ask<'_>,
    head: Position,
) -> sqlx::Result<Facts> {
    let mut facts = Facts {
        head,
        ..Facts::default()
    };
    if !ask.streams.is_empty() {
        let names: Vec<_> = ask.streams.iter().map(|stream| stream.as_str()).collect();
        let rows = query(
            "SELECT stream, (
                 SELECT version FROM watertight.events WHERE stream_id = stream ORDER BY version DESC LIMIT 1
             ) AS version FROM UNNEST($1::text[]) AS stream",
        )
        .bind(names)
        .fetch_all(&mut *connection)
        .await?;
        for row in rows {
            let version: Option<i64> = row.try_get("version")?;
            let stream = StreamId::from(row.try_get::<&str, _>("stream")?);
            let version = Version(unsigned(version.unwrap_or_default()));
            facts.versions.insert(stream, version);
        }
    }
    if !ask.keys.is_empty() {
        let keys: Vec<_> = ask.keys.iter().map(|key| &key[..]).collect();
        let rows = query(
            "SELECT key, fingerprint, answer FROM watertight.command_log
             WHERE key = ANY($1) AND expires_at > clock_timestamp()",
        )
        .bind(keys)
        .fetch_all(&mut *connection)
        .await?;
        for row in rows {
            let key = Bytes::copy_from_slice(row.try_get("key")?);
            facts.keys.insert(key, kept(&row)?);
        }
    }
    if !ask.consumers.is_empty() {
        let names: Vec<_> = ask.consumers.iter().map(|name| &***name).collect();
        let rows =
            query("SELECT name, position, epoch FROM watertight.consumers WHERE name = ANY($1)")
                .bind(names)
                .fetch_all(&mut *connection)
                .await?;
        for row in rows {
            let (position, epoch) = (row.try_get("position")?, row.try_get("epoch")?);
            let reached = (Position(unsigned(position)), unsigned(epoch));
            facts
                .consumers
                .insert(row.try_get::<&str, _>("name")?.into(), reached);
        }
    }
    Ok(facts)
}

/// Writes a plan if the head is where it was planned under; false if it has moved.
pub(crate) async fn write(
    connection: &mut PgConnection,
    plan: &Plan,
    batch: i64,
) -> sqlx::Result<bool> {
    let events = Columns::of(&plan.rows);
    let plain = plan.keys.is_empty() && plan.tracking.is_empty();
    let mut write = query(if plain { WRITE } else { WRITE_ALL })
        .bind(batch)
        .bind(signed(plan.head.0))
        .bind(events.positions)
        .bind(events.streams)
        .bind(events.versions)
        .bind(events.ids)
        .bind(events.kinds)
        .bind(events.schemas)
        .bind(events.payloads)
        .bind(events.metadata);
    if !plain {
        let keys = plan.keys.iter();
        let answers = keys
            .clone()
            .map(|(_, answer)| serde_json::to_vec(answer).expect("numbers and text have a JSON"));
        // A consumer may move more than once in a batch; where it ends is what is kept.
        let moved: HashMap<_, _> = plan.tracking.iter().map(|it| (&*it.consumer, it)).collect();
        let moved: Vec<_> = moved.into_values().collect();
        write = write
            .bind(keys.clone().map(|(key, _)| &key.id[..]).collect::<Vec<_>>())
            .bind(
                keys.clone()
                    .map(|(key, _)| key.fingerprint.cast_signed())
                    .collect::<Vec<_>>(),
            )
            .bind(answers.collect::<Vec<_>>())
            .bind(keys.map(|(key, _)| micros(key.keep)).collect::<Vec<_>>())
            .bind(moved.iter().map(|it| &*it.consumer).collect::<Vec<_>>())
            .bind(moved.iter().map(|it| signed(it.to.0)).collect::<Vec<_>>())
            .bind(moved.iter().map(|it| signed(it.epoch)).collect::<Vec<_>>());
    }
    Ok(write.fetch_optional(connection).await?.is_some())
}

/// Whether a plan was written, asked under the head's lock: then an orphaned commit of it has ended.
pub(crate) async fn is_written(
    connection: &mut PgConnection,
    plan: &Plan,
    batch: i64,
) -> sqlx::Result<bool> {
    let now = lock_head(connection).await?;
    if now.batch == batch {
        return Ok(false);
    }
    // All of a plan is written or nothing, so any part of it will tell.
    let found: bool = if let Some(row) = plan.rows.first() {
        query_scalar(
            "SELECT EXISTS (SELECT FROM watertight.events WHERE position = $1 AND event_id = $2)",
        )
        .bind(signed(row.position.0))
        .bind(row.event.metadata.message)
        .fetch_one(connection)
        .await?
    } else if let Some((key, _)) = plan.keys.first() {
        query_scalar("SELECT EXISTS (SELECT FROM watertight.command_log WHERE key = $1 AND fingerprint = $2)")
            .bind(&key.id[..])
            .bind(key.fingerprint.cast_signed())
            .fetch_one(connection)
            .await?
    } else if let Some(tracking) = plan.tracking.last() {
        query_scalar(
            "SELECT EXISTS (SELECT FROM watertight.consumers WHERE name = $1 AND position = $2 AND epoch = $3)",
        )
        .bind(&*tracking.consumer)
        .bind(signed(tracking.to.0))
        .bind(signed(tracking.epoch))
        .fetch_one(connection)
        .await?
    } else {
        true
    };
    Ok(found)
}

/// Deletes some keys that have expired.
pub(crate) async fn forget_expired(connection: &mut PgConnection) -> sqlx::Result<()> {
    query(
        "DELETE FROM watertight.command_log WHERE key IN (
             SELECT key FROM watertight.command_log WHERE expires_at <= clock_timestamp() LIMIT 1000
             FOR UPDATE SKIP LOCKED
         )",
    )
    .execute(connection)
    .await?;
    Ok(())
}
