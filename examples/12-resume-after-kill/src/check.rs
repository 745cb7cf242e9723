//! Looks at what a killed process has left, as the next one would find it.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use watertight_cqrs::{Event, Projection, ProjectionState, View};
use watertight_events::{EventStore, Find, Position, ViewStore};
use watertight_sqlite::SqliteStore;

use crate::trucks::{Cargo, Cargos, Truck};

/// A parcel, with the truck and where it is in the store.
type Parcel = (Position, String, u64);

/// Every acknowledged parcel is there, each once, and the view has exactly those up to its checkpoint, which is told.
pub(crate) async fn what_is_left(file: &Path, acknowledged: &[u64]) -> Result<u64> {
    let store = SqliteStore::open(file)?;
    let parcels = parcels(&store).await?;
    for (truck, last) in acknowledged.iter().enumerate() {
        let on_it = parcels.iter().filter(|it| it.1 == truck.to_string());
        let on_it: Vec<_> = on_it.map(|it| it.2).collect();
        let count = on_it.len() as u64;
        assert!(on_it.into_iter().eq(1..=count), "each once, in order");
        assert!(
            count >= *last,
            "truck {truck} has lost what was acknowledged"
        );
        assert!(count <= last + 1, "one at most was on its way");
    }
    let versions = store.versions(Cargos::NAME).await?;
    let view = versions
        .get(Cargos::VERSION)
        .context("the view has begun")?;
    let checkpoint = view.checkpoint.position;
    let seen = parcels.into_iter().filter(|it| it.0 <= checkpoint);
    assert_eq!(documents(&store).await?, fold(seen));
    store.close().await;
    Ok(checkpoint.0)
}

/// The view goes on to the last event, and equals the fold of all.
pub(crate) async fn catch_up(file: &Path) -> Result<()> {
    let store = SqliteStore::open(file)?;
    let cargos = Projection::<Cargos, _, _>::new(store.clone(), store.clone());
    let handle = cargos.handle();
    let running = tokio::spawn(cargos.run());
    let live = handle.until(|it| it.state == ProjectionState::Live && it.lag() == 0);
    assert_eq!(live.await.state, ProjectionState::Live);
    handle.stop();
    running.await??;
    let all = parcels(&store).await?;
    assert_eq!(documents(&store).await?, fold(all));
    store.close().await;
    Ok(())
}

fn fold(parcels: impl IntoIterator<Item = Parcel>) -> BTreeMap<String, Cargo> {
    let mut cargos = BTreeMap::<String, Cargo>::new();
    for (_, truck, parcel) in parcels {
        let cargo = cargos.entry(truck).or_default();
        cargo.parcels += 1;
        cargo.sum += parcel;
    }
    cargos
}

async fn documents(store: &SqliteStore) -> Result<BTreeMap<String, Cargo>> {
    let found = store.find(&Cargos::id(), &Find::all()).await?;
    let documents = found.documents.into_iter();
    let cargos = documents.map(|it| Ok((it.key, serde_json::from_slice(&it.body)?)));
    cargos.collect()
}

/// Everything that is in the store.
async fn parcels(store: &SqliteStore) -> Result<Vec<Parcel>> {
    let (mut parcels, mut after) = (Vec::new(), Position::START);
    loop {
        let page = store.read_all(after, &Cargos::filter(), 1_000).await?;
        for recorded in page.events {
            let event = &recorded.event;
            let Truck::Loaded { parcel } = Truck::decode(&event.kind, &event.payload)?;
            let truck = recorded.stream.key().to_owned();
            parcels.push((recorded.position, truck, parcel));
        }
        if page.at_head {
            return Ok(parcels);
        }
        after = page.scanned_to;
    }
}
