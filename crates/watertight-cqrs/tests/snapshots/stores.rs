//! Stores that count, hang and fail.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::sync::watch;
use watertight_events::{
    EventStore, Filter, Key, MemoryStore, Page, Position, ReadError, Snapshot, SnapshotError,
    SnapshotStore, StoreId, StreamId, StreamPage, Version, Write, WriteError, Written,
};

/// Counts what is read of streams.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counting {
    pub(crate) store: MemoryStore,
    events: Arc<AtomicUsize>,
    largest: Arc<AtomicUsize>,
}

impl Counting {
    /// Events that were read, and how many at most at once, since this was asked the last time.
    pub(crate) fn read(&self) -> (usize, usize) {
        (self.events.swap(0, Relaxed), self.largest.swap(0, Relaxed))
    }
}

impl EventStore for Counting {
    fn id(&self) -> StoreId {
        self.store.id()
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        self.store.write(write).await
    }

    async fn answer(&self, key: &Key) -> Result<Option<Written>, WriteError> {
        self.store.answer(key).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        let page = self.store.read_stream(stream, after, limit).await?;
        self.events.fetch_add(page.events.len(), Relaxed);
        self.largest.fetch_max(page.events.len(), Relaxed);
        Ok(page)
    }

    async fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        self.store.read_all(after, filter, limit).await
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.store.head()
    }
}

/// Snapshots in memory, unless something is wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moody {
    pub(crate) store: MemoryStore,
    pub(crate) mood: Arc<Mutex<Mood>>,
    /// Saves that were begun.
    pub(crate) begun: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Mood {
    #[default]
    Well,
    Hangs,
    HangsAtSaves,
    Fails,
}

impl Moody {
    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    async fn mind(&self) -> Result<(), SnapshotError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well => Ok(()),
            Mood::Hangs | Mood::HangsAtSaves => pending().await,
            Mood::Fails => Err(SnapshotError::store(false, "as asked")),
        }
    }
}

impl SnapshotStore for Moody {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, SnapshotError> {
        if *self.mood.lock().unwrap() != Mood::HangsAtSaves {
            self.mind().await?;
        }
        self.store.load_snapshot(stream).await
    }

    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        self.begun.fetch_add(1, Relaxed);
        self.mind().await?;
        self.store.save_snapshot(snapshot).await
    }

    async fn forget_snapshot(&self, stream: &StreamId) -> Result<(), SnapshotError> {
        self.store.forget_snapshot(stream).await
    }
}
