//! Read models that tell if an event was applied twice, out of order, or not at all.

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row, query, raw_sql};
use watertight_cqrs::{Event, Fact, TableProjection, View};
use watertight_events::{Position, Recorded, WorkError};
use watertight_sqlite::SqliteTransaction;

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Counted {
    Counted,
}

impl Event for Counted {}

/// What has happened in a stream.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    /// It depends on each position, and on their order.
    pub(crate) trace: i64,
}

/// A document per stream.
pub(crate) struct Tallies;

/// A row per stream.
pub(crate) struct TallyRows;

impl Tally {
    pub(crate) const fn and(self, position: Position) -> Self {
        let trace = self.trace.wrapping_mul(31).wrapping_add(position.0 as i64);
        Self {
            events: self.events + 1,
            trace,
        }
    }
}

impl View for Tallies {
    type Event = Counted;
    type Document = Tally;
    const NAME: &'static str = "tallies";
    const VERSION: u32 = 1;

    fn keys(fact: &Fact<Counted>) -> Vec<String> {
        vec![fact.stream.to_string()]
    }

    fn apply(_: &str, tally: Option<Tally>, fact: &Fact<Counted>) -> Option<Tally> {
        Some(tally.unwrap_or_default().and(fact.position))
    }

    fn index(tally: &Tally) -> Vec<(&'static str, String)> {
        vec![("events", tally.events.to_string())]
    }
}

impl TableProjection<SqliteTransaction> for TallyRows {
    const NAME: &'static str = "tally_rows";
    const VERSION: u32 = 1;

    async fn prepare(&self, tx: &mut SqliteTransaction, _: Position) -> Result<(), WorkError> {
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS tallies (stream TEXT PRIMARY KEY, events INTEGER, trace INTEGER)",
        )?;
        Ok(())
    }

    async fn apply(
        &self,
        tx: &mut SqliteTransaction,
        events: &[Recorded],
    ) -> Result<(), WorkError> {
        let mut select =
            tx.prepare_cached("SELECT events, trace FROM tallies WHERE stream = ?1")?;
        let mut put = tx.prepare_cached("INSERT OR REPLACE INTO tallies VALUES (?1, ?2, ?3)")?;
        for event in events {
            let stream = event.stream.as_str();
            let tally = select.query_row([stream], |row| {
                Ok(Tally {
                    events: row.get(0)?,
                    trace: row.get(1)?,
                })
            });
            let tally = tally.optional()?.unwrap_or_default().and(event.position);
            put.execute(params![stream, tally.events, tally.trace])?;
        }
        Ok(())
    }
}

impl TableProjection<PgConnection> for TallyRows {
    const NAME: &'static str = "tally_rows";
    const VERSION: u32 = 1;

    async fn prepare(&self, tx: &mut PgConnection, _: Position) -> Result<(), WorkError> {
        raw_sql("CREATE TABLE IF NOT EXISTS tallies (stream text PRIMARY KEY, events bigint, trace bigint)")
            .execute(tx)
            .await?;
        Ok(())
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[Recorded]) -> Result<(), WorkError> {
        for event in events {
            let select = query("SELECT events, trace FROM tallies WHERE stream = $1");
            let row = select
                .bind(event.stream.as_str())
                .fetch_optional(&mut *tx)
                .await?;
            let tally = match row {
                Some(row) => Tally {
                    events: row.try_get::<i64, _>("events")?.cast_unsigned(),
                    trace: row.try_get("trace")?,
                },
                None => Tally::default(),
            };
            let tally = tally.and(event.position);
            query(
                "INSERT INTO tallies VALUES ($1, $2, $3)
                 ON CONFLICT (stream) DO UPDATE SET events = excluded.events, trace = excluded.trace",
            )
            .bind(event.stream.as_str())
            .bind(tally.events.cast_signed())
            .bind(tally.trace)
            .execute(&mut *tx)
            .await?;
        }
        Ok(())
    }
}
