//! Keeps a view up to date until it is killed, and says how far it is: `projector sqlite PATH | postgres URL WRITERS`.
//!
//! So many tasks write events meanwhile. It gives way to others whenever they want the view.

use std::{env, io::Write as _, time::Duration};

use anyhow::{Context, bail};
use tokio::task::JoinSet;
use watertight_cqrs::{Event, Projection, ProjectionHandle};
use watertight_events::{
    EventStore, Expected, NewEvent, Position, StreamId, ViewStore, Write, WriteError,
};
use watertight_postgres::PostgresStore;
use watertight_sqlite::SqliteStore;
use watertight_tests::tally::{Counted, Tally};

/// After so long without a sign of life another process takes over.
const LEASE: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let kind = arguments.next().context("which store")?;
    let place = arguments.next().context("where it is")?;
    let writers = arguments.next().context("how many write")?.parse()?;
    match kind.as_str() {
        "sqlite" => project(SqliteStore::open(place)?, writers).await,
        "postgres" => {
            let pool = sqlx::PgPool::connect(&place).await?;
            project(PostgresStore::open(pool).await?, writers).await
        }
        other => bail!("unknown store {other}"),
    }
}

async fn project<S: EventStore + ViewStore>(store: S, writers: u64) -> anyhow::Result<()> {
    let tally = Projection::<Tally, _, _>::new(store.clone(), store.clone());
    let tally = tally.batch(20).lease(LEASE);
    let handle = tally.handle();
    let mut tasks = JoinSet::new();
    tasks.spawn(async { Ok(tally.run().await?) });
    for writer in 0..writers {
        tasks.spawn(write(store.clone(), handle.clone(), writer));
    }
    tasks.spawn(async move {
        let mut told = Position::START;
        loop {
            told = handle.until(|it| it.position > told).await.position;
            let mut out = std::io::stdout().lock();
            writeln!(out, "{told}")?;
            out.flush()?;
        }
    });
    match tasks.join_next().await {
        Some(ended) => ended?,
        None => Ok(()),
    }
}

/// Writes as long as the view keeps up.
async fn write<S: EventStore>(
    store: S,
    handle: ProjectionHandle,
    writer: u64,
) -> anyhow::Result<()> {
    let stream = StreamId::new("counter", writer);
    let mut amount = 0;
    loop {
        handle.until(|it| it.lag() < 200).await;
        amount = (amount + 1) % 7;
        let events = (0..=amount).map(|_| Counted::By(amount).encode());
        let events = events.map(|event| event.map(NewEvent::from));
        let events = events.collect::<Result<_, _>>()?;
        match store
            .write(Write::to(stream.clone(), Expected::Any, events))
            .await
        {
            // A store that was lost for a moment is what some tests are about.
            Ok(_) | Err(WriteError::Unknown) => {}
            Err(error) if error.is_transient() => {}
            Err(error) => return Err(error.into()),
        }
    }
}
