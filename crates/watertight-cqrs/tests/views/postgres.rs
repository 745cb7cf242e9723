//! Read models on PostgreSQL.

#[path = "../../../watertight-postgres/tests/support/mod.rs"]
mod database;

use std::time::Duration;

use sqlx::{PgConnection, query, query_as, raw_sql};
use tempfile::TempDir;
use watertight_cqrs::TableProjection;
use watertight_events::{Filter, Position, Recorded, WorkError};
use watertight_postgres::PostgresStore;

use crate::{
    place::Place,
    seen::{Rows, Seen, Tables, filter, refuse},
};

impl Place for PostgresStore {
    const SPIN: usize = 200;
    const SHORT: Duration = Duration::from_millis(50);

    async fn fresh() -> (Self, Option<TempDir>) {
        let store = Self::open(database::database().await).await.unwrap();
        (store, None)
    }
}

impl<const MENDED: bool> TableProjection<PgConnection> for Seen<MENDED> {
    const NAME: &'static str = "seen";
    const VERSION: u32 = 1;

    fn filter(&self) -> Filter {
        filter()
    }

    async fn prepare(&self, tx: &mut PgConnection, at: Position) -> Result<(), WorkError> {
        if at == Position::START {
            raw_sql("DROP TABLE IF EXISTS seen; DROP TABLE IF EXISTS counts")
                .execute(&mut *tx)
                .await?;
        }
        raw_sql(
            "CREATE TABLE IF NOT EXISTS seen (row bigint GENERATED ALWAYS AS IDENTITY, position bigint, stream text);
             CREATE TABLE IF NOT EXISTS counts (stream text COLLATE \"C\" PRIMARY KEY, events bigint)",
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[Recorded]) -> Result<(), WorkError> {
        for event in events {
            query("INSERT INTO seen (position, stream) VALUES ($1, $2)")
                .bind(event.position.0.cast_signed())
                .bind(event.stream.as_str())
                .execute(&mut *tx)
                .await?;
            query(
                "INSERT INTO counts VALUES ($1, 1) ON CONFLICT (stream) DO UPDATE SET events = counts.events + 1",
            )
            .bind(event.stream.as_str())
            .execute(&mut *tx)
            .await?;
            refuse::<MENDED>(event)?;
        }
        Ok(())
    }
}

impl Tables for PostgresStore {
    type Seen = Seen;
    type Mended = Seen<true>;

    fn seen() -> Seen {
        Seen
    }

    fn mended() -> Seen<true> {
        Seen
    }

    async fn rows(&self) -> Rows {
        let events = query_as("SELECT position, stream FROM seen ORDER BY row");
        let events: Vec<(i64, String)> = events.fetch_all(self.pool()).await.unwrap();
        let counts = query_as("SELECT stream, events FROM counts ORDER BY stream");
        let counts: Vec<(String, i64)> = counts.fetch_all(self.pool()).await.unwrap();
        Rows {
            events: events
                .into_iter()
                .map(|(position, stream)| (position.cast_unsigned(), stream))
                .collect(),
            counts: counts
                .into_iter()
                .map(|(stream, events)| (stream, events.cast_unsigned()))
                .collect(),
        }
    }
}
