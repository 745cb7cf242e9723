//! The process that is killed: it loads trucks and keeps the view, and says what was acknowledged.

use std::path::Path;

use anyhow::Result;
use tokio::task::JoinSet;
use tower::ServiceExt;
use watertight_cqrs::{CommandHandler, CommandRequest, Projection, View};
use watertight_events::{Position, ViewStore};
use watertight_sqlite::SqliteStore;

use crate::trucks::{Cargos, Load, Trucks};

/// Goes on where the run before was killed, and never ends by itself. `acknowledged` is the last parcel of each truck that
/// somebody has heard of.
pub(crate) async fn work(file: &Path, acknowledged: &[u64]) -> Result<()> {
    let store = SqliteStore::open(file)?;
    let versions = store.versions(Cargos::NAME).await?;
    let view = versions.get(Cargos::VERSION);
    let from = view.map_or(Position::START, |view| view.checkpoint.position);
    println!("view {from}");

    let mut tasks = JoinSet::new();
    let cargos = Projection::<Cargos, _, _>::new(store.clone(), store.clone());
    tasks.spawn(async { Ok(cargos.run().await?) });
    let handler = CommandHandler::new(Trucks, store);
    for (truck, last) in acknowledged.iter().copied().enumerate() {
        tasks.spawn(load(handler.clone(), truck, last + 1));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

/// Whether the first one was done before the kill is not known. Its key tells: done already, it is answered as then.
async fn load(
    handler: CommandHandler<Trucks, SqliteStore>,
    truck: usize,
    first: u64,
) -> Result<()> {
    for parcel in first.. {
        let request = CommandRequest::new(Load { truck, parcel });
        let request = request.key(format!("{truck}/{parcel}"))?;
        let loaded = handler.clone().oneshot(request).await?;
        let how = if loaded.replayed { "again" } else { "done" };
        println!("{how} {truck} {parcel}");
    }
    Ok(())
}
