//! What every store of snapshots must keep to, as tests: [`snapshot_store_tests!`](crate::snapshot_store_tests).

use bytes::Bytes;
use futures::future::join_all;

use super::Fixture;
use crate::{
    MAX_SNAPSHOT, MAX_TEXT, Snapshot, SnapshotError, SnapshotStore, StreamId, Version, new_id,
};

/// Makes a test of every property that a store of snapshots must keep to. The argument is a
/// [`Fixture`](crate::conformance::Fixture) whose store is a [`SnapshotStore`](crate::SnapshotStore) too.
///
/// ```
/// use watertight_events::{MemoryStore, conformance::Fixture, snapshot_store_tests};
///
/// struct Memory(MemoryStore);
///
/// impl Fixture for Memory {
///     type Store = MemoryStore;
///
///     async fn fresh() -> Self {
///         Self(MemoryStore::new())
///     }
///
///     fn store(&self) -> MemoryStore {
///         self.0.clone()
///     }
///
///     async fn reopen(self) -> Option<Self> {
///         None
///     }
/// }
///
/// snapshot_store_tests!(Memory);
/// ```
#[macro_export]
macro_rules! snapshot_store_tests {
    ($fixture:ty) => {
        $crate::snapshot_store_tests! { $fixture:
            a_snapshot_is_loaded_as_it_was_saved
            a_stream_without_a_snapshot_has_none
            the_last_snapshot_saved_is_the_one_that_is_kept
            every_stream_has_a_snapshot_of_its_own
            a_snapshot_that_no_store_could_hold_is_refused
            a_snapshot_that_was_forgotten_is_gone
            of_snapshots_saved_at_once_one_is_kept_whole
            a_snapshot_outlives_the_store
        }
    };
    ($fixture:ty: $($property:ident)*) => {
        $(
            #[test]
            fn $property() {
                $crate::conformance::run($crate::conformance::snapshot::$property::<$fixture>());
            }
        )*
    };
}

/// Whatever is in it.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_snapshot_is_loaded_as_it_was_saved<F: Fixture<Store: SnapshotStore>>() {
    let store = F::fresh().await.store();
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    for (key, state, schema) in [
        ("text", Bytes::from("{\"a\":1}"), 0),
        ("bytes", every_byte.into(), u64::MAX),
        ("nothing", Bytes::new(), 1 << 63),
        ("large", vec![7; MAX_SNAPSHOT].into(), 1),
    ] {
        let saved = snapshot(&stream(key), 1 << 40, schema, state);
        save(&store, &saved).await;
        // Not compared by a macro, which would print all of it.
        assert!(load(&store, &saved.stream).await == Some(saved), "{key}");
    }
}

/// Which is no error.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_stream_without_a_snapshot_has_none<F: Fixture<Store: SnapshotStore>>() {
    let store = F::fresh().await.store();
    assert_eq!(load(&store, &stream("a")).await, None);
}

/// Of a later version or an earlier one, of this schema or another: one that is ahead of the events would stay for ever.
///
/// # Panics
///
/// The store breaks it.
pub async fn the_last_snapshot_saved_is_the_one_that_is_kept<F: Fixture<Store: SnapshotStore>>() {
    let store = F::fresh().await.store();
    for (version, schema) in [(10, 1), (20, 1), (5, 1), (5, 2), (3, 1)] {
        let saved = snapshot(&stream("a"), version, schema, format!("at {version}"));
        save(&store, &saved).await;
        assert_eq!(load(&store, &saved.stream).await, Some(saved));
    }
}

/// However alike their names are.
///
/// # Panics
///
/// The store breaks it.
pub async fn every_stream_has_a_snapshot_of_its_own<F: Fixture<Store: SnapshotStore>>() {
    let store = F::fresh().await.store();
    let long = "x".repeat(MAX_TEXT);
    let names = ["a", "A", "a ", " a", "a-", "a%", "ä", "a\u{308}", &*long];
    for (version, name) in names.iter().enumerate() {
        let saved = snapshot(&StreamId::from(*name), version as u64, 1, *name);
        save(&store, &saved).await;
    }
    for (version, name) in names.iter().enumerate() {
        let found = load(&store, &StreamId::from(*name)).await;
        let found = found.expect("it was saved");
        assert_eq!(found.version, Version(version as u64), "{name:?}");
        assert_eq!(found.state, *name);
    }
}

/// By what is wrong with it, and the one before stays.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_snapshot_that_no_store_could_hold_is_refused<F: Fixture<Store: SnapshotStore>>() {
    let store = F::fresh().await.store();
    let kept = snapshot(&stream("a"), 1, 1, "kept");
    save(&store, &kept).await;
    let large = snapshot(&stream("a"), 2, 1, vec![0; MAX_SNAPSHOT + 1]);
    let refused = store.save_snapshot(&large).await;
    let told = matches!(refused, Err(SnapshotError::TooLarge { size, limit })
        if (size, limit) == (MAX_SNAPSHOT + 1, MAX_SNAPSHOT));
    assert!(told, "it tells the size and the limit: {refused:?}");
    for name in ["", "a\0b", "a\nb", &"x".repeat(MAX_TEXT + 1)] {
        let nameless = snapshot(&StreamId::from(name), 1, 1, "");
        let refused = store.save_snapshot(&nameless).await;
        let told = matches!(&refused, Err(SnapshotError::Invalid(it)) if it.field == "stream");
        assert!(told, "{name:?}: {refused:?}");
    }
    assert_eq!(load(&store, &stream("a")).await, Some(kept));
}

/// And of no other stream.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_snapshot_that_was_forgotten_is_gone<F: Fixture<Store: SnapshotStore>>() {
    let store = F::fresh().await.store();
    let [one, other] = ["a", "b"].map(|key| snapshot(&stream(key), 1, 1, key));
    save(&store, &one).await;
    save(&store, &other).await;
    for _ in 0..2 {
        let forgotten = store.forget_snapshot(&one.stream).await;
        forgotten.expect("the store can be written");
    }
    assert_eq!(load(&store, &one.stream).await, None);
    assert_eq!(load(&store, &other.stream).await, Some(other));
}

/// And not a mixture.
///
/// # Panics
///
/// The store breaks it.
pub async fn of_snapshots_saved_at_once_one_is_kept_whole<F: Fixture<Store: SnapshotStore>>() {
    let store = F::fresh().await.store();
    let all: Vec<_> = (1..=20)
        .map(|version| snapshot(&stream("a"), version, version, format!("at {version}")))
        .collect();
    join_all(all.iter().map(|it| save(&store, it))).await;
    let kept = load(&store, &stream("a")).await;
    assert!(all.contains(&kept.expect("they were saved")));
}

/// Where events do.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_snapshot_outlives_the_store<F: Fixture<Store: SnapshotStore>>() {
    let fixture = F::fresh().await;
    let saved = snapshot(&stream("a"), 7, 1, "state");
    save(&fixture.store(), &saved).await;
    if let Some(again) = fixture.reopen().await {
        assert_eq!(load(&again.store(), &saved.stream).await, Some(saved));
    }
}

fn stream(key: &str) -> StreamId {
    StreamId::new("thing", key)
}

fn snapshot(stream: &StreamId, version: u64, schema: u64, state: impl AsRef<[u8]>) -> Snapshot {
    Snapshot {
        stream: stream.clone(),
        version: Version(version),
        event: new_id(),
        schema,
        state: Bytes::copy_from_slice(state.as_ref()),
    }
}

async fn save(store: &impl SnapshotStore, snapshot: &Snapshot) {
    let saved = store.save_snapshot(snapshot).await;
    saved.expect("the store can be written");
}

async fn load(store: &impl SnapshotStore, stream: &StreamId) -> Option<Snapshot> {
    let loaded = store.load_snapshot(stream).await;
    loaded.expect("the store can be read")
}
