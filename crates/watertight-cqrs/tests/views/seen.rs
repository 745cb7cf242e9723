//! A projection with tables of its own: every event it has seen, and how many there are of a stream.

use rusqlite::params;
use watertight_cqrs::{Event, TableProjection};
use watertight_events::{EventStore, Filter, Position, Recorded, TableStore, WorkError};
use watertight_sqlite::{SqliteStore, SqliteTransaction};

use crate::{place::Place, trail::Happened};

/// It cannot apply what is odd, unless it is mended.
pub(crate) struct Seen<const MENDED: bool = false>;

/// Positions and streams in the order of their rows, and the counts of the streams.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Rows {
    pub(crate) events: Vec<(u64, String)>,
    pub(crate) counts: Vec<(String, u64)>,
}

/// A store with these tables.
pub(crate) trait Tables: Place + TableStore {
    type Seen: TableProjection<Self::Transaction>;
    type Mended: TableProjection<Self::Transaction>;

    fn seen() -> Self::Seen;
    fn mended() -> Self::Mended;

    /// What is in the tables.
    async fn rows(&self) -> Rows;
}

impl Rows {
    /// What must be in the tables after these events.
    pub(crate) async fn of(store: &impl EventStore, skip: &[u64]) -> Self {
        let filter = filter();
        let page = store.read_all(Position::START, &filter, 100_000).await;
        let mut rows = Self::default();
        for event in page.unwrap().events {
            if !skip.contains(&event.position.0) {
                let stream = event.stream.to_string();
                let at = rows.counts.iter().position(|(it, _)| *it == stream);
                match at {
                    Some(at) => rows.counts[at].1 += 1,
                    None => rows.counts.push((stream.clone(), 1)),
                }
                rows.events.push((event.position.0, stream));
            }
        }
        rows.counts.sort();
        rows
    }
}

fn filter() -> Filter {
    Filter::all().category("user")
}

impl<const MENDED: bool> TableProjection<SqliteTransaction> for Seen<MENDED> {
    const NAME: &'static str = "seen";
    const VERSION: u32 = 1;

    fn filter(&self) -> Filter {
        filter()
    }

    async fn prepare(&self, tx: &mut SqliteTransaction, at: Position) -> Result<(), WorkError> {
        if at == Position::START {
            tx.execute_batch("DROP TABLE IF EXISTS seen; DROP TABLE IF EXISTS counts")?;
        }
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS seen (position INTEGER, stream TEXT);
             CREATE TABLE IF NOT EXISTS counts (stream TEXT PRIMARY KEY, events INTEGER)",
        )?;
        Ok(())
    }

    async fn apply(
        &self,
        tx: &mut SqliteTransaction,
        events: &[Recorded],
    ) -> Result<(), WorkError> {
        let mut insert = tx.prepare_cached("INSERT INTO seen VALUES (?1, ?2)")?;
        let mut count = tx.prepare_cached(
            "INSERT INTO counts VALUES (?1, 1) ON CONFLICT DO UPDATE SET events = events + 1",
        )?;
        for event in events {
            insert.execute(params![event.position.0, event.stream.as_str()])?;
            count.execute([event.stream.as_str()])?;
            refuse::<MENDED>(event)?;
        }
        Ok(())
    }
}

/// Panics or fails, by turns.
fn refuse<const MENDED: bool>(event: &Recorded) -> Result<(), WorkError> {
    let happened = Happened::decode(&event.event.kind, &event.event.payload)?;
    if matches!(happened, Happened::Odd) && !MENDED {
        assert!(event.position.0.is_multiple_of(2), "odd");
        return Err("odd too".into());
    }
    Ok(())
}

impl Tables for SqliteStore {
    type Seen = Seen;
    type Mended = Seen<true>;

    fn seen() -> Seen {
        Seen
    }

    fn mended() -> Seen<true> {
        Seen
    }

    async fn rows(&self) -> Rows {
        let rows = self.read(|tx| {
            let mut events = tx.prepare("SELECT position, stream FROM seen ORDER BY rowid")?;
            let mut counts = tx.prepare("SELECT stream, events FROM counts ORDER BY stream")?;
            let events = events.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let counts = counts.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok::<_, rusqlite::Error>(Rows {
                events: events.collect::<Result<_, _>>()?,
                counts: counts.collect::<Result<_, _>>()?,
            })
        });
        rows.await.unwrap().unwrap()
    }
}
