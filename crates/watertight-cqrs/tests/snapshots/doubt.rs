//! Snapshots that are not believed.

use bytes::Bytes;
use watertight_events::{
    EventStore, Expected, MemoryStore, Snapshot, SnapshotStore, Version, Write, new_id,
};

use crate::ledger::{enter, folded, handler, handler_of, settled, shown, stream};

const EVERY: u64 = 5;

/// A store with twelve events, and the snapshot of it.
async fn kept() -> (MemoryStore, Snapshot) {
    let store = MemoryStore::new();
    let ledger = handler(&store, &store, EVERY);
    for amount in 0..4 {
        enter(&ledger, &[f64::from(amount), 0.1, 0.2]).await;
        settled().await;
    }
    let snapshot = store.load_snapshot(&stream()).await.unwrap();
    (store, snapshot.expect("it is due"))
}

/// The state is what the events come to, and the snapshot was not used.
async fn is_ignored(store: &MemoryStore, snapshot: &Snapshot) {
    store.save_snapshot(snapshot).await.unwrap();
    let cold = handler(store, store, 1_000);
    assert_eq!(shown(&cold).await, folded::<1>(store).await);
    let counts = cold.snapshots();
    assert_eq!((counts.ignored, counts.used), (1, 0), "{snapshot:?}");
}

#[tokio::test]
async fn a_snapshot_that_is_whole_is_used() {
    let (store, snapshot) = kept().await;
    assert_eq!(snapshot.version, Version(12));
    let cold = handler(&store, &store, EVERY);
    assert_eq!(shown(&cold).await, folded::<1>(&store).await);
    assert_eq!((cold.snapshots().used, cold.snapshots().ignored), (1, 0));
}

#[tokio::test]
async fn a_snapshot_of_another_schema_is_replaced() {
    let (store, before) = kept().await;
    let next = handler_of::<2, _, _>(&store, &store, EVERY);
    assert_eq!(shown(&next).await, folded::<2>(&store).await);
    assert_ne!(folded::<2>(&store).await, folded::<1>(&store).await);
    settled().await;
    let counts = next.snapshots();
    assert_eq!((counts.ignored, counts.saved), (1, 1));
    let after = store.load_snapshot(&stream()).await.unwrap().unwrap();
    assert_ne!(after.schema, before.schema);
    let cold = handler_of::<2, _, _>(&store, &store, EVERY);
    assert_eq!(shown(&cold).await, folded::<2>(&store).await);
    assert_eq!(cold.snapshots().used, 1);
}

#[tokio::test]
async fn a_bit_that_has_flipped_anywhere_is_noticed() {
    let (store, snapshot) = kept().await;
    for at in 0..snapshot.state.len() {
        for bit in 0..8 {
            let mut state = snapshot.state.to_vec();
            state[at] ^= 1 << bit;
            let mut rotten = snapshot.clone();
            rotten.state = state.into();
            is_ignored(&store, &rotten).await;
        }
    }
}

#[tokio::test]
async fn a_state_that_is_cut_off_is_noticed() {
    let (store, snapshot) = kept().await;
    for length in 0..snapshot.state.len() {
        let mut rotten = snapshot.clone();
        rotten.state.truncate(length);
        is_ignored(&store, &rotten).await;
    }
}

#[tokio::test]
async fn what_never_was_a_state_is_noticed() {
    let (store, snapshot) = kept().await;
    for state in ["", "{}", "no JSON", "0000000000000000 {}", "\0\u{ff}"] {
        let mut rotten = snapshot.clone();
        rotten.state = Bytes::from(state);
        is_ignored(&store, &rotten).await;
    }
}

#[tokio::test]
async fn a_snapshot_that_is_ahead_of_its_stream_is_ignored() {
    let (_, snapshot) = kept().await;
    let restored = MemoryStore::new();
    let ledger = handler(&restored, &restored, 1_000);
    enter(&ledger, &[1.0, 2.0, 3.0]).await;
    is_ignored(&restored, &snapshot).await;
    for version in [0, 13, u64::MAX] {
        let mut ahead = snapshot.clone();
        ahead.version = Version(version);
        is_ignored(&restored, &ahead).await;
    }
}

#[tokio::test]
async fn a_snapshot_of_events_that_were_lost_is_ignored_when_others_took_their_place() {
    let (_, snapshot) = kept().await;
    let restored = MemoryStore::new();
    let ledger = handler(&restored, &restored, 1_000);
    enter(&ledger, &[7.5; 15]).await;
    is_ignored(&restored, &snapshot).await;
}

#[tokio::test]
async fn a_snapshot_of_an_older_event_than_it_says_is_ignored() {
    let (store, snapshot) = kept().await;
    for version in (1..=11).chain([13]) {
        let mut wrong = snapshot.clone();
        wrong.version = Version(version);
        is_ignored(&store, &wrong).await;
    }
    let mut wrong = snapshot;
    wrong.event = new_id();
    is_ignored(&store, &wrong).await;
}

#[tokio::test]
async fn a_snapshot_that_is_ignored_is_replaced_by_a_good_one() {
    let (_, snapshot) = kept().await;
    let restored = MemoryStore::new();
    restored.save_snapshot(&snapshot).await.unwrap();
    let ledger = handler(&restored, &restored, EVERY);
    for _ in 0..6 {
        enter(&ledger, &[1.0]).await;
        settled().await;
    }
    let cold = handler(&restored, &restored, EVERY);
    assert_eq!(shown(&cold).await, folded::<1>(&restored).await);
    assert_eq!((cold.snapshots().used, cold.snapshots().ignored), (1, 0));
}

#[tokio::test]
async fn what_another_process_has_written_since_is_read() {
    let (store, _) = kept().await;
    let event = |amount: &str| {
        let payload = format!(r#"{{"amount":{amount}}}"#);
        watertight_events::NewEvent::new("Entered", payload)
    };
    let write = Write::to(stream(), Expected::Any, vec![event("2.5"), event("3.5")]);
    store.write(write).await.unwrap();
    let cold = handler(&store, &store, EVERY);
    let state = shown(&cold).await;
    assert_eq!((state.entries, &state.last[1..]), (14, &[2.5, 3.5][..]));
    assert_eq!(cold.snapshots().used, 1);
}
