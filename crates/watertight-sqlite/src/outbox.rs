//! Events of services that keep no events of their own: written in the same commit as whatever else they are about.

use std::collections::HashMap;

use rusqlite::{Connection, Row, named_params, types::Type};
use watertight_events::{
    Append, Expected, Kind, Limits, Metadata, NewEvent, StreamId, Write, WriteError,
    plan::{Ask, Plan},
};

use crate::{
    SqliteTransaction,
    failed::Failed,
    inline,
    writer::{look_up, write},
};

/// Rows that are moved at a time.
const CHUNK: usize = 1_000;

const STAGE: &str = "
    INSERT INTO outbox (stream_id, event_id, type, schema_version, payload, metadata)
    VALUES (:stream_id, :event_id, :type, :schema_version, :payload, :metadata)";
const STAGED: &str = "
    SELECT seq, stream_id, event_id, type, schema_version, payload, metadata FROM outbox ORDER BY seq LIMIT ?1";

/// Stages events in a [transaction](crate::SqliteStore::transaction).
///
/// They get their positions in the same commit, in the order in which they were staged: so each of them is in the store exactly
/// once if the transaction is committed, and not at all otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Outbox {
    limits: Limits,
}

/// Why an event was not staged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// No store takes it: [`WriteError::Invalid`] or [`WriteError::TooLarge`] names what is wrong. Or no events may be appended
    /// here: [`WriteError::NotAttached`].
    #[error(transparent)]
    Refused(#[from] WriteError),
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl Outbox {
    pub(crate) const fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Stages an event for a stream, at whatever version that is.
    ///
    /// # Errors
    ///
    /// Nothing was staged, and the transaction can go on unless SQLite failed.
    pub fn stage(
        &self,
        transaction: &mut SqliteTransaction,
        stream: StreamId,
        event: NewEvent,
    ) -> Result<(), OutboxError> {
        let write = staged(stream, event);
        // Now, because later it would harm the whole transaction.
        self.limits.check(&write)?;
        if let Some(view) = transaction.models.missing() {
            let view = view.clone();
            return Err(WriteError::NotAttached { view }.into());
        }
        transaction.as_ours(|connection| {
            let mut stage = connection.prepare_cached(STAGE)?;
            for Append { stream, events, .. } in &write.appends {
                for event in events {
                    stage.execute(named_params! {
                        ":stream_id": stream.as_str(),
                        ":event_id": event.metadata.message,
                        ":type": event.kind.as_str(),
                        ":schema_version": event.schema,
                        ":payload": &event.payload[..],
                        ":metadata": event.metadata.to_stored(),
                    })?;
                }
            }
            Ok::<_, rusqlite::Error>(())
        })?;
        Ok(())
    }
}

/// Gives what was staged its places, which are told one chunk after the other.
pub(crate) fn move_staged(
    transaction: &mut SqliteTransaction,
    now: i64,
    mut moved: impl FnMut(Plan),
) -> Result<(), Failed> {
    loop {
        let (last, writes) = chunk(transaction)?;
        let Some(last) = last else {
            return Ok(());
        };
        // Not from what is kept in mind: this transaction may have written to the same streams before.
        let facts = look_up(transaction, &HashMap::new(), Ask::of(&writes), now)?;
        let plan = Plan::of(&writes, facts);
        debug_assert!(
            plan.answers.iter().all(Result::is_ok),
            "any version will do"
        );
        write(transaction, &plan, now)?;
        inline::apply_plan(transaction, &plan, now)?;
        let delete = "DELETE FROM outbox WHERE seq <= ?1";
        transaction.prepare_cached(delete)?.execute([last])?;
        moved(plan);
    }
}

fn chunk(transaction: &Connection) -> rusqlite::Result<(Option<i64>, Vec<Write>)> {
    let mut select = transaction.prepare_cached(STAGED)?;
    let rows = select.query_map([CHUNK], |row| Ok((row.get(0)?, read(row)?)))?;
    let (mut last, mut writes) = (None, Vec::new());
    for row in rows {
        let (seq, write) = row?;
        last = Some(seq);
        writes.push(write);
    }
    Ok((last, writes))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Write> {
    let metadata = Metadata::from_stored(row.get(2)?, row.get_ref(6)?.as_blob()?);
    let metadata = metadata
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(6, Type::Blob, error.into()))?;
    let stream = StreamId::from(row.get_ref(1)?.as_str()?);
    let event = NewEvent {
        kind: Kind::from(row.get::<_, String>(3)?),
        schema: row.get(4)?,
        payload: row.get::<_, Vec<u8>>(5)?.into(),
        metadata,
    };
    Ok(staged(stream, event))
}

fn staged(stream: StreamId, event: NewEvent) -> Write {
    Write::to(stream, Expected::Any, vec![event])
}
