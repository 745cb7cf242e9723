//! Appends to a store and keeps read models up to date until it is killed, and says how far they are:
//! `projector sqlite | sqlite-inline PATH`, or `projector postgres | postgres-inline URL`.

use std::{env, io::Write as _, time::Duration};

use anyhow::{Context, bail};
use tokio::task::JoinSet;
use watertight_cqrs::{
    Event, Projection, ProjectionHandle, ProjectionState, TableProjection, TableRunner,
};
use watertight_events::{EventStore, Expected, InlineStore, Position, StreamId, TableStore, Write};
use watertight_postgres::PostgresStore;
use watertight_sqlite::SqliteStore;

#[path = "../tally.rs"]
mod tally;

use tally::{Counted, Tallies, TallyRows};

const STREAMS: u64 = 8;

/// After so long without a sign of life another process takes over.
const LEASE: Duration = Duration::from_millis(500);

/// So many events behind, and it writes no more: another process may run its read models.
const BEHIND: u64 = 500;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let kind = arguments.next().context("which store")?;
    let place = arguments.next().context("where it is")?;
    match kind.as_str() {
        "sqlite" => project(SqliteStore::open(place)?).await,
        "sqlite-inline" => project_inline(SqliteStore::open(place)?).await,
        "postgres" => project(postgres(&place).await?).await,
        "postgres-inline" => project_inline(postgres(&place).await?).await,
        other => bail!("unknown store {other}"),
    }
}

async fn postgres(url: &str) -> anyhow::Result<PostgresStore> {
    Ok(PostgresStore::open(sqlx::PgPool::connect(url).await?).await?)
}

async fn project<S>(store: S) -> anyhow::Result<()>
where
    S: EventStore + TableStore,
    TallyRows: TableProjection<S::Transaction>,
{
    let view = Projection::<Tallies, _, _>::new(store.clone(), store.clone());
    let view = view.batch(20).lease(LEASE);
    let rows = TableRunner::new(TallyRows, store.clone(), store.clone());
    let rows = rows.batch(20).lease(LEASE);
    let mut tasks = JoinSet::new();
    let handles = [view.handle(), rows.handle()];
    tasks.spawn(async { Ok(view.run().await?) });
    tasks.spawn(async { Ok(rows.run().await?) });
    append_and_tell(store, tasks, handles).await
}

/// In the commits of the events.
async fn project_inline<S>(store: S) -> anyhow::Result<()>
where
    S: EventStore + InlineStore,
    TallyRows: TableProjection<S::Transaction>,
{
    let view = Projection::<Tallies, _, _>::new(store.clone(), store.clone());
    let view = view.lease(LEASE);
    let rows = TableRunner::new(TallyRows, store.clone(), store.clone());
    let rows = rows.lease(LEASE);
    let mut tasks = JoinSet::new();
    let handles = [view.handle(), rows.handle()];
    tasks.spawn(async { Ok(view.inline().run().await?) });
    tasks.spawn(async { Ok(rows.inline().run().await?) });
    for handle in &handles {
        handle.until(|it| it.state == ProjectionState::Inline).await;
    }
    append_and_tell(store, tasks, handles).await
}

async fn append_and_tell<S: EventStore>(
    store: S,
    mut tasks: JoinSet<anyhow::Result<()>>,
    handles: [ProjectionHandle; 2],
) -> anyhow::Result<()> {
    for stream in 0..STREAMS {
        let stream = StreamId::new("tally", stream);
        tasks.spawn(append(store.clone(), handles.clone(), stream));
    }
    // Nothing is told before there is something of both.
    for handle in &handles {
        handle.until(|it| it.position > Position::START).await;
    }
    for handle in handles {
        tasks.spawn(tell(handle));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn append<S: EventStore>(
    store: S,
    handles: [ProjectionHandle; 2],
    stream: StreamId,
) -> anyhow::Result<()> {
    loop {
        for handle in &handles {
            handle.until(|it| it.lag() < BEHIND).await;
        }
        let events = vec![Counted::Counted.encode()?.into()];
        let write = Write::to(stream.clone(), Expected::Any, events);
        store.write(write).await?;
    }
}

async fn tell(handle: ProjectionHandle) -> anyhow::Result<()> {
    let mut told = Position::START;
    loop {
        let snapshot = handle.until(|it| it.position > told).await;
        told = snapshot.position;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{} {told}", snapshot.view)?;
        out.flush()?;
    }
}
