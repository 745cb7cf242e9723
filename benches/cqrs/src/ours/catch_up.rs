//! A view of everything that is there.

use std::fs;

use anyhow::{Context, ensure};
use tokio::time::Instant;
use watertight_benches::events::{Answer, Ask};
use watertight_cqrs::{Projection, View};
use watertight_events::{EventStore, Find, MemoryStore, ViewStore};

use crate::domain::Balances;

/// Events of a store elsewhere, in a view in memory.
pub(crate) async fn into_memory<E: EventStore>(events: &E, ask: &Ask) -> anyhow::Result<Answer> {
    run(events, &MemoryStore::new(), ask).await
}

/// How many events per second it takes in, and the most memory that the process ever had.
pub(crate) async fn run<E: EventStore, S: ViewStore>(
    events: &E,
    views: &S,
    ask: &Ask,
) -> anyhow::Result<Answer> {
    views.erase(&Balances::id()).await?;
    let projection = Projection::<Balances, _, _>::new(events.clone(), views.clone());
    let handle = projection.handle();
    let start = Instant::now();
    let running = tokio::spawn(projection.run());
    let end = handle.until(|it| it.position.0 >= ask.events).await;
    let elapsed = start.elapsed();
    handle.stop();
    running.await??;
    ensure!(end.position.0 >= ask.events, "it has stopped at {end:?}");
    let page = views.find(&Balances::id(), &Find::all()).await?;
    ensure!(!page.documents.is_empty(), "the view is empty");
    Ok([
        (
            "per_second".to_owned(),
            end.position.0 as f64 / elapsed.as_secs_f64(),
        ),
        ("peak_mib".to_owned(), peak_mib()?),
    ]
    .into())
}

fn peak_mib() -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: f64 = kib
        .context("this system does not tell the peak")?
        .trim()
        .parse()?;
    Ok(kib / 1024.0)
}
