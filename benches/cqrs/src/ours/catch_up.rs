//! A view of everything that is there.

use std::fs;

use anyhow::{Context, ensure};
use tokio::time::Instant;
use watertight_benches::events::{Answer, Ask};
use watertight_cqrs::{Projection, View};
use watertight_events::{EventStore, Find, ViewStore};

use crate::domain::Balances;

/// How many events per second a view takes in that is not there yet, and the most memory that the process ever had.
pub(crate) async fn run<S: EventStore + ViewStore>(store: &S, ask: &Ask) -> anyhow::Result<Answer> {
    let projection = Projection::<Balances, _, _>::new(store.clone(), store.clone());
    let handle = projection.handle();
    let start = Instant::now();
    let running = tokio::spawn(projection.run());
    let end = handle.until(|it| it.position.0 >= ask.events).await;
    let elapsed = start.elapsed();
    handle.stop();
    running.await??;
    ensure!(end.position.0 >= ask.events, "it has stopped at {end:?}");
    let page = store.find(&Balances::id(), &Find::all()).await?;
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
