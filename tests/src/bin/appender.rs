//! Appends to a store until it is killed, and says what was acknowledged: `appender sqlite PATH | postgres URL`.
//!
//! Each write puts the same number of events into two streams, so that a part of a write could be told.

use std::{env, io::Write as _};

use anyhow::{Context, bail};
use tokio::task::JoinSet;
use watertight_events::{EventStore, Expected, NewEvent, StreamId, Version, Write, WriteError};
use watertight_postgres::PostgresStore;
use watertight_sqlite::SqliteStore;

const TASKS: u64 = 8;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let kind = arguments.next().context("which store")?;
    let place = arguments.next().context("where it is")?;
    match kind.as_str() {
        "sqlite" => append(SqliteStore::open(place)?).await,
        "postgres" => {
            let pool = sqlx::PgPool::connect(&place).await?;
            append(PostgresStore::open(pool).await?).await
        }
        other => bail!("unknown store {other}"),
    }
}

async fn append<S: EventStore>(store: S) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(append_to(store.clone(), task));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn append_to<S: EventStore>(store: S, task: u64) -> anyhow::Result<()> {
    let streams = ["left", "right"].map(|side| StreamId::new(side, task));
    let mut version = store
        .read_stream(&streams[0], Version::NONE, 0)
        .await?
        .version;
    loop {
        let count = 1 + version.0 % 4;
        let write = streams.iter().fold(Write::default(), |write, stream| {
            let events =
                (1..=count).map(|at| NewEvent::new("counted", (version.0 + at).to_string()));
            write.and(stream.clone(), Expected::Exact(version), events.collect())
        });
        let done = match store.write(write).await {
            Ok(done) => done,
            // The last batch of a process that was killed may come in after all.
            Err(WriteError::Conflict { actual, .. }) => {
                version = actual;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        version = done.version();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{} {} {}", streams[0], version, done.position)?;
        out.flush()?;
    }
}
