//! What a process leaves behind in read models that is killed while it keeps them up to date.

#[path = "support/folded.rs"]
mod folded;
#[path = "support/kill.rs"]
mod kill;
#[path = "../src/tally.rs"]
mod tally;

use std::path::Path;

use folded::{Fold, catch_up, folded};
use kill::run_and_kill;
use tally::{Counted, Tallies, Tally, TallyRows};
use watertight_cqrs::{Event, Projection, TableProjection, TableRunner, View};
use watertight_events::{
    EventStore, Expected, Find, Position, StreamId, ViewId, ViewStore, Write, WriteError,
};
use watertight_sqlite::{SqliteStore, SqliteTransaction};

async fn documents(store: &impl ViewStore) -> Fold {
    let found = store.find(&Tallies::id(), &Find::all()).await.unwrap();
    let read = |body: &[u8]| serde_json::from_slice(body).unwrap();
    let documents = found.documents.into_iter();
    documents.map(|it| (it.key, read(&it.body))).collect()
}

async fn rows(store: &SqliteStore) -> Fold {
    let rows = store.read(|tx| {
        let mut select = tx.prepare("SELECT stream, events, trace FROM tallies")?;
        let rows = select.query_map([], |row| {
            let (events, trace) = (row.get(1)?, row.get(2)?);
            Ok((row.get(0)?, Tally { events, trace }))
        })?;
        rows.collect::<rusqlite::Result<Fold>>()
    });
    rows.await.unwrap().unwrap()
}

async fn reached(store: &impl ViewStore, view: &ViewId) -> Position {
    let versions = store.versions(&view.name).await.unwrap();
    versions.active().unwrap().checkpoint.position
}

/// Each as far as its checkpoint says, and after that as far as there are events.
async fn is_whole(path: &Path) -> Position {
    let store = SqliteStore::open(path).unwrap();
    let table = <TallyRows as TableProjection<SqliteTransaction>>::id();
    let views = [
        reached(&store, &Tallies::id()).await,
        reached(&store, &table).await,
    ];
    assert_eq!(documents(&store).await, folded(&store, views[0]).await);
    assert_eq!(rows(&store).await, folded(&store, views[1]).await);
    for (_, tally) in documents(&store).await {
        let find = Find::by("events", tally.events.to_string());
        let found = store.find(&Tallies::id(), &find).await.unwrap();
        assert!(!found.documents.is_empty(), "its field tells the same");
    }
    catch_up(Projection::<Tallies, _, _>::new(
        store.clone(),
        store.clone(),
    ))
    .await;
    catch_up(TableRunner::new(TallyRows, store.clone(), store.clone())).await;
    let head = *store.head().borrow();
    let wanted = folded(&store, head).await;
    assert_eq!(documents(&store).await, wanted);
    assert_eq!(rows(&store).await, wanted);
    store.close().await;
    head
}

/// As far as there are events, without anybody who catches up.
async fn is_up_to_date(path: &Path) -> Position {
    let store = SqliteStore::open(path).unwrap();
    let head = *store.head().borrow();
    let wanted = folded(&store, head).await;
    assert_eq!(documents(&store).await, wanted);
    assert_eq!(rows(&store).await, wanted);
    let event = Counted::Counted.encode().unwrap().into();
    let write = Write::to(StreamId::new("tally", 0), Expected::Any, vec![event]);
    let refused = store.write(write).await;
    let named = matches!(refused, Err(WriteError::NotAttached { .. }));
    assert!(named, "who does not run them may not append: {refused:?}");
    store.close().await;
    head
}

#[tokio::test]
async fn an_inline_read_model_that_was_killed_has_every_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let mut random = fastrand::Rng::with_seed(8);
    let mut last = Position::START;
    for _ in 0..8 {
        let program = env!("CARGO_BIN_EXE_projector");
        let place = path.to_str().unwrap();
        run_and_kill(program, ["sqlite-inline", place], 2 + random.usize(..60));
        let head = is_up_to_date(&path).await;
        assert!(head > last, "there was something to do");
        last = head;
    }
}

#[tokio::test]
async fn a_read_model_that_was_killed_goes_on_with_every_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let mut random = fastrand::Rng::with_seed(7);
    let mut last = Position::START;
    for _ in 0..8 {
        let program = env!("CARGO_BIN_EXE_projector");
        let place = path.to_str().unwrap();
        run_and_kill(program, ["sqlite", place], 2 + random.usize(..60));
        let head = is_whole(&path).await;
        assert!(head > last, "there was something to do");
        last = head;
    }
}
