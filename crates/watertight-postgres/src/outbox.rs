//! Events of services that keep no events of their own: staged in the same transaction as whatever else they are about.

use std::{convert::Infallible, time::Duration};

use sqlx::{PgConnection, query};
use tokio::time::timeout;
use watertight_events::{Append, Expected, NewEvent, StreamId, Write, WriteError};

use crate::{PostgresStore, moving};

/// Rows that may be staged at the same time, about.
const MOST_STAGED: i64 = 100_000;

/// Events that are moved at a time.
const CHUNK: usize = 1_000;

/// Between two looks where nothing is staged.
const LEAST: Duration = Duration::from_millis(10);
const MOST: Duration = Duration::from_millis(250);

/// The longest pause where the database fails.
const LONGEST: Duration = Duration::from_secs(10);

/// Stages events in the user's own transaction, and moves them into the store.
///
/// A staged event is there if its transaction is committed, and not at all otherwise. Whoever [runs](Self::run) the outbox then
/// gives it a position, in one transaction that takes it from the outbox: so it is in the store exactly once. It can be run by
/// every node; they take turns.
///
/// Staging takes no lock that others wait for, least of all the head's. Events of one transaction keep their order; those of
/// several that ran at the same time get theirs by when they were staged, as far as they are committed when they are moved.
///
/// ```no_run
/// # async fn book(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// use watertight_events::{NewEvent, StreamId};
/// use watertight_postgres::PostgresStore;
///
/// let store = PostgresStore::open(pool.clone()).await?;
/// let outbox = store.outbox();
/// tokio::spawn(outbox.clone().run());
///
/// let mut transaction = pool.begin().await?;
/// sqlx::query("UPDATE rooms SET guest = 'ada' WHERE room = 7").execute(&mut *transaction).await?;
/// outbox.stage(&mut transaction, StreamId::new("room", 7), NewEvent::new("room_booked", "{}")).await?;
/// transaction.commit().await?;
/// outbox.nudge();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Outbox {
    store: PostgresStore,
}

/// Why an event was not staged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// No store takes it: [`WriteError::Invalid`] or [`WriteError::TooLarge`] names what is wrong.
    #[error(transparent)]
    Refused(#[from] WriteError),
    /// About 100 000 events are staged: nobody runs the outbox, or it is not fast enough.
    #[error("the outbox is full")]
    Full,
    /// The database failed, and with it the transaction.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl PostgresStore {
    /// What stages events in the user's own transactions.
    #[must_use]
    pub fn outbox(&self) -> Outbox {
        Outbox {
            store: self.clone(),
        }
    }
}

impl Outbox {
    /// Stages an event for a stream, at whatever version that is.
    ///
    /// # Errors
    ///
    /// Nothing was staged, and the transaction can go on unless the database failed.
    pub async fn stage(
        &self,
        transaction: &mut PgConnection,
        stream: StreamId,
        event: NewEvent,
    ) -> Result<(), OutboxError> {
        let write = Write::to(stream, Expected::Any, vec![event]);
        // Now, because later it would be in everybody's way.
        self.store.0.limits.check(&write)?;
        for Append { stream, events, .. } in &write.appends {
            for event in events {
                let staged = query(
                    "INSERT INTO watertight.outbox (stream_id, event_id, type, schema_version, payload, metadata)
                     SELECT $1, $2, $3, $4, $5, $6
                     WHERE (SELECT coalesce(max(seq) - min(seq), 0) FROM watertight.outbox) < $7",
                )
                .bind(stream.as_str())
                .bind(event.metadata.message)
                .bind(event.kind.as_str())
                .bind(i64::from(event.schema))
                .bind(&event.payload[..])
                .bind(event.metadata.to_stored())
                .bind(MOST_STAGED)
                .execute(&mut *transaction)
                .await?;
                if staged.rows_affected() == 0 {
                    return Err(OutboxError::Full);
                }
            }
        }
        Ok(())
    }

    /// Has whoever runs the outbox in this process look at once, and not within a quarter of a second.
    pub fn nudge(&self) {
        self.store.0.staged.notify_one();
    }

    /// Moves what is staged into the store, and what will be, until it is dropped.
    ///
    /// # Errors
    ///
    /// The database refuses for good, or an inline read model does not take an event. What may pass is tried again, less and less
    /// often; where an inline read model is not attached, it waits until that is.
    ///
    /// # Cancellation
    ///
    /// Safe at any moment.
    pub async fn run(self) -> Result<Infallible, WriteError> {
        let (mut pause, mut most) = (LEAST, CHUNK);
        loop {
            let longest = match moving::move_staged(&self.store.0, most).await {
                // A read model is attached later than this was started, or in another process, which moves them then.
                Ok(0) | Err(WriteError::NotAttached { .. }) => MOST,
                Ok(_) => {
                    (pause, most) = (LEAST, (most * 2).min(CHUNK));
                    continue;
                }
                Err(error) if error.is_transient() => LONGEST,
                // An inline read model may take one event where it does not take them all, or not in time.
                Err(_) if most > 1 => {
                    most = 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let nudged = timeout(pause, self.store.0.staged.notified()).await;
            pause = nudged.map_or((pause * 2).min(longest), |()| LEAST);
        }
    }
}
