//! Snapshots are nobody's business: no command waits for one, or fails with it.

use std::{collections::HashMap, sync::atomic::Ordering::Relaxed, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tower::ServiceExt;
use watertight_cqrs::{CommandHandler, CommandRequest, Decider, Event, SnapshotCounts};
use watertight_events::{MemoryStore, SnapshotStore, StreamId, Version};

use crate::{
    ledger::{Ledger, enter, folded, handler, settled, shown, stream},
    stores::{Mood, Moody},
};

#[tokio::test]
async fn no_snapshot_is_taken_unless_asked_for() {
    let store = MemoryStore::new();
    let ledger = CommandHandler::new(Ledger::<1>, store.clone());
    enter(&ledger, &[1.0; 1_000]).await;
    settled().await;
    assert_eq!(store.load_snapshot(&stream()).await.unwrap(), None);
    assert_eq!(ledger.snapshots(), SnapshotCounts::default());
}

#[tokio::test]
async fn one_is_taken_every_so_many_events() {
    let store = MemoryStore::new();
    let ledger = handler(&store, &store, 10);
    for count in 1..=100_u32 {
        enter(&ledger, &[f64::from(count)]).await;
        settled().await;
        let kept = store.load_snapshot(&stream()).await.unwrap();
        let version = kept.map_or(0, |it| it.version.0);
        assert_eq!(version, u64::from(count / 10 * 10));
    }
    assert_eq!(ledger.snapshots().saved, 10);
}

#[tokio::test]
async fn a_cadence_of_nothing_is_refused() {
    let store = MemoryStore::new();
    let builder = CommandHandler::builder(Ledger::<1>, store.clone());
    let error = builder.snapshots(store, 0).build().unwrap_err();
    assert_eq!(error.field(), "snapshots");
}

#[tokio::test(start_paused = true)]
async fn saves_that_hang_delay_no_answer_and_do_not_pile_up() {
    let (store, snapshots) = (MemoryStore::new(), Moody::default());
    let ledger = handler(&store, &snapshots, 1);
    shown(&ledger).await;
    snapshots.set(Mood::HangsAtSaves);
    let start = Instant::now();
    for _ in 0..100 {
        enter(&ledger, &[1.0]).await;
        settled().await;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(snapshots.begun.load(Relaxed), 2);
    let counts = ledger.snapshots();
    assert_eq!((counts.saved, counts.skipped), (0, 98));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_hangs_gives_way_to_the_events() {
    let (store, snapshots) = (MemoryStore::new(), Moody::default());
    let ledger = handler(&store, &snapshots, 5);
    enter(&ledger, &[1.0; 20]).await;
    settled().await;
    snapshots.set(Mood::Hangs);
    let start = Instant::now();
    let cold = handler(&store, &snapshots, 5);
    assert_eq!(shown(&cold).await, folded::<1>(&store).await);
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    assert_eq!((cold.snapshots().used, cold.snapshots().failed), (0, 1));
}

#[tokio::test]
async fn a_store_that_fails_fails_no_command() {
    let (store, snapshots) = (MemoryStore::new(), Moody::default());
    snapshots.set(Mood::Fails);
    let ledger = handler(&store, &snapshots, 5);
    for _ in 0..10 {
        enter(&ledger, &[1.0, 2.0]).await;
        settled().await;
    }
    assert_eq!(shown(&ledger).await, folded::<1>(&store).await);
    assert_eq!(ledger.snapshots().saved, 0);
    snapshots.set(Mood::Well);
    enter(&ledger, &[1.0; 5]).await;
    settled().await;
    assert_eq!(ledger.snapshots().saved, 1, "it is tried again");
}

/// Its state has no JSON, because keys of objects are text.
struct Mapped;

#[derive(Deserialize, Serialize)]
enum Put {
    At(u32),
}

impl Event for Put {}

impl Decider for Mapped {
    type Command = u32;
    type Event = Put;
    type State = HashMap<(u32, u32), u32>;
    type Rejection = std::fmt::Error;
    const CATEGORY: &'static str = "mapped";

    fn stream_id(_: &u32) -> StreamId {
        StreamId::new(Self::CATEGORY, 1)
    }

    fn decide(&self, _: &Self::State, at: &u32) -> Result<Vec<Put>, std::fmt::Error> {
        Ok(vec![Put::At(*at)])
    }

    fn evolve(mut state: Self::State, Put::At(at): &Put) -> Self::State {
        state.insert((*at, *at), *at);
        state
    }
}

#[tokio::test]
async fn a_state_without_json_is_not_kept_and_harms_nobody() {
    let store = MemoryStore::new();
    let mapped = CommandHandler::builder(Mapped, store.clone());
    let mapped = mapped.snapshots(store, 1).build().unwrap();
    for at in 1..=3 {
        let done = mapped.clone().oneshot(CommandRequest::new(at)).await;
        assert_eq!(done.unwrap().version, Version(at.into()));
        settled().await;
    }
    assert_eq!(
        (mapped.snapshots().saved, mapped.snapshots().failed),
        (0, 3)
    );
}
