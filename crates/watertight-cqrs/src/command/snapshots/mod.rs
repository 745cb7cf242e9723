//! Snapshots of states: when they are taken, and when they are believed.

mod counts;

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::{runtime::Handle, sync::Semaphore, time::timeout};
use watertight_events::{EventStore, Snapshot, SnapshotError, SnapshotStore, StreamId, Version};

use self::counts::Counts;
pub use self::counts::SnapshotCounts;
use super::{
    slot::Slot,
    stream::{self, Whole},
};
use crate::{Decider, Event, idempotency::fingerprint};

/// Snapshots that one handler takes at the same time; what comes meanwhile is not taken.
const AT_ONCE: usize = 2;

/// How long a command waits for a snapshot before all events are read instead.
const PATIENCE: Duration = Duration::from_secs(1);

/// The length of the checksum in front of a state, and of the space after it.
const SUM: usize = 17;

/// Takes snapshots, and finds them again.
pub(super) struct Snapshots<T> {
    store: Box<dyn Album>,
    pub(super) every: u64,
    schema: u64,
    encode: fn(&T) -> serde_json::Result<Vec<u8>>,
    decode: fn(&[u8]) -> serde_json::Result<T>,
    room: Arc<Semaphore>,
    counts: Counts,
}

/// [`SnapshotStore`] as a trait object.
trait Album: Send + Sync {
    fn load<'a>(&'a self, stream: &'a StreamId) -> Loading<'a>;

    fn save<'a>(&'a self, snapshot: &'a Snapshot) -> BoxFuture<'a, Result<(), SnapshotError>>;
}

type Loading<'a> = BoxFuture<'a, Result<Option<Snapshot>, SnapshotError>>;

impl<T: Clone + Default + Send + Sync + 'static> Snapshots<T> {
    pub(super) fn new<D, S>(store: S, every: u64) -> Self
    where
        D: Decider<State = T>,
        T: Serialize + DeserializeOwned,
        S: SnapshotStore,
    {
        Self {
            store: Box::new(store),
            every,
            schema: schema::<D>(),
            encode: serde_json::to_vec::<T>,
            decode: |state| serde_json::from_slice(state),
            room: Arc::new(Semaphore::new(AT_ONCE)),
            counts: Counts::default(),
        }
    }

    /// The snapshot of a stream, if there is one of this schema that can be read.
    pub(super) async fn load(&self, stream: &StreamId) -> Option<Whole<T>> {
        let snapshot = timeout(PATIENCE, self.store.load(stream)).await;
        let Ok(Ok(snapshot)) = snapshot else {
            self.counts.failed.one();
            return None;
        };
        let snapshot = snapshot?;
        let found = self.open(&snapshot);
        if found.is_none() {
            self.believed(false);
        }
        found
    }

    /// What was loaded is what the events come to, or it is not.
    pub(super) fn believed(&self, believed: bool) {
        let counts = &self.counts;
        let count = if believed {
            &counts.used
        } else {
            &counts.ignored
        };
        count.one();
    }

    pub(super) async fn save(&self, stream: StreamId, whole: &Whole<T>) {
        let saved = match self.close(stream, whole) {
            Ok(Some(snapshot)) => self.store.save(&snapshot).await.is_ok(),
            Ok(None) => return,
            Err(_) => false,
        };
        let counts = &self.counts;
        let count = if saved { &counts.saved } else { &counts.failed };
        count.one();
    }

    /// Has a snapshot taken, if one is due at this version, which is committed; where the state is not at hand, of what is
    /// in the store, because what a handler believes may be wrong at any moment.
    ///
    /// Nobody waits for it. While enough are being taken it is left to a later command.
    pub(super) fn take<D: Decider<State = T>, S: EventStore>(
        self: &Arc<Self>,
        store: &S,
        stream: &StreamId,
        slot: &Slot<T>,
        version: Version,
        at_hand: impl FnOnce() -> Option<Whole<T>>,
    ) {
        let last = slot.snapshot.load(Ordering::Relaxed);
        if version.0.saturating_sub(last) < self.every {
            return;
        }
        let room = Arc::clone(&self.room).try_acquire_owned();
        let (Ok(room), Ok(runtime)) = (room, Handle::try_current()) else {
            self.counts.skipped.one();
            return;
        };
        slot.snapshot.store(version.0, Ordering::Relaxed);
        let (store, snapshots) = (store.clone(), Arc::clone(self));
        let (stream, at_hand) = (stream.clone(), at_hand());
        runtime.spawn(async move {
            let whole = match at_hand {
                Some(whole) => Ok(whole),
                None => stream::fold_from::<D, _>(&store, Some(&snapshots), &stream).await,
            };
            // What cannot be read, the next command will say.
            if let Ok(whole) = whole {
                snapshots.save(stream, &whole).await;
            }
            drop(room);
        });
    }

    pub(super) fn counts(&self) -> SnapshotCounts {
        self.counts.read()
    }

    fn open(&self, snapshot: &Snapshot) -> Option<Whole<T>> {
        if snapshot.schema != self.schema || snapshot.version == Version::NONE {
            return None;
        }
        let (sum, state) = snapshot.state.split_at_checked(SUM)?;
        // JSON with a bit that has flipped is often JSON too.
        if sum != format!("{:016x} ", checksum(state)).as_bytes() {
            return None;
        }
        Some(Whole {
            state: (self.decode)(state).ok()?,
            version: snapshot.version,
            event: Some(snapshot.event),
            snapshot: snapshot.version,
        })
    }

    fn close(&self, stream: StreamId, whole: &Whole<T>) -> serde_json::Result<Option<Snapshot>> {
        let Some(event) = whole.event else {
            return Ok(None);
        };
        let state = (self.encode)(&whole.state)?;
        let mut sealed = format!("{:016x} ", checksum(&state)).into_bytes();
        sealed.extend(state);
        Ok(Some(Snapshot {
            stream,
            version: whole.version,
            event,
            schema: self.schema,
            state: sealed.into(),
        }))
    }
}

impl<S: SnapshotStore> Album for S {
    fn load<'a>(&'a self, stream: &'a StreamId) -> Loading<'a> {
        Box::pin(self.load_snapshot(stream))
    }

    fn save<'a>(&'a self, snapshot: &'a Snapshot) -> BoxFuture<'a, Result<(), SnapshotError>> {
        Box::pin(self.save_snapshot(snapshot))
    }
}

impl<T> fmt::Debug for Snapshots<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots")
            .field("every", &self.every)
            .field("schema", &self.schema)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

/// Tells states apart that mean something else: by the version of the fold, the names of the state's fields, and the shapes
/// of the events.
fn schema<D: Decider<State: Serialize>>() -> u64 {
    let shapes = D::Event::kinds().iter();
    let shapes: Vec<_> = shapes.map(|kind| (kind, D::Event::schema(kind))).collect();
    let steps = D::Event::upcasters().steps();
    let state = serde_json::to_value(D::State::default()).ok();
    let all = (D::CATEGORY, D::VERSION, state, shapes, steps);
    fingerprint(&all).unwrap_or_default()
}

fn checksum(bytes: &[u8]) -> u64 {
    let hash = Sha256::digest(bytes);
    hash[..8]
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
