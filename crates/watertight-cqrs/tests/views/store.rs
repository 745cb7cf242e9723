//! A store that gives way at every step, fails on demand, and counts.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use tokio::{sync::watch, task::yield_now};
use uuid::Uuid;
use watertight_events::{
    Claimed, EventStore, Filter, Find, Found, Key, Lane, Lease, Loaded, MemoryStore, Page, Parked,
    Position, ReadError, Save, Saved, StoreId, StreamId, StreamPage, TableStore, Version, Versions,
    ViewError, ViewId, ViewStore, Work, Write, WriteError, Written,
};

use crate::place::Place;

#[derive(Clone, Debug)]
pub(crate) struct Fragile<S = MemoryStore> {
    pub(crate) store: S,
    pub(crate) seen: Arc<Seen>,
    /// Where the store is.
    _folder: Option<Arc<TempDir>>,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// What happens to the next saves and reads, the first one last.
    faults: Mutex<Vec<Fault>>,
    /// What happens to the next writes, the first one last.
    write_faults: Mutex<Vec<Fault>>,
    /// Saves wait as long as this is set.
    pub(crate) hold: AtomicBool,
    pub(crate) loads: AtomicUsize,
    pub(crate) saves: AtomicUsize,
    /// Events that were read.
    pub(crate) events: AtomicUsize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Nothing is done.
    Before,
    /// It is done, and nobody knows.
    After,
    /// Nothing is done, and trying again does not help.
    Broken,
}

impl<S: Place> Fragile<S> {
    pub(crate) async fn fresh() -> Self {
        let (store, folder) = S::fresh().await;
        Self {
            store,
            seen: Arc::default(),
            _folder: folder.map(Arc::new),
        }
    }
}

impl Default for Fragile {
    fn default() -> Self {
        Self {
            store: MemoryStore::new(),
            seen: Arc::default(),
            _folder: None,
        }
    }
}

impl Fragile {
    pub(crate) fn count(counter: &AtomicUsize) -> usize {
        counter.load(Ordering::Relaxed)
    }
}

impl<S> Fragile<S> {
    pub(crate) fn fail(&self, faults: &[Fault]) {
        let mut all = self.seen.faults.lock().unwrap();
        all.extend(faults.iter().rev());
    }

    pub(crate) fn fail_writes(&self, faults: &[Fault]) {
        let mut all = self.seen.write_faults.lock().unwrap();
        all.extend(faults.iter().rev());
    }

    async fn saving(
        &self,
        saving: impl Future<Output = Result<Saved, ViewError>>,
    ) -> Result<Saved, ViewError> {
        while self.seen.hold.load(Ordering::Relaxed) {
            yield_now().await;
        }
        self.seen.saves.fetch_add(1, Ordering::Relaxed);
        match self.fault() {
            None => step(saving).await,
            Some(Fault::After) => {
                step(saving).await?;
                Err(ViewError::store(true, "as asked"))
            }
            Some(fault) => Err(ViewError::store(fault == Fault::Before, "as asked")),
        }
    }

    fn fault(&self) -> Option<Fault> {
        self.seen.faults.lock().unwrap().pop()
    }
}

/// Gives way before and after, so that a future can be dropped there.
async fn step<T>(work: impl Future<Output = T>) -> T {
    yield_now().await;
    let done = work.await;
    yield_now().await;
    done
}

impl<S: EventStore> EventStore for Fragile<S> {
    fn id(&self) -> StoreId {
        self.store.id()
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        let fault = self.seen.write_faults.lock().unwrap().pop();
        match fault {
            None => step(self.store.write(write)).await,
            Some(Fault::After) => {
                step(self.store.write(write)).await?;
                Err(WriteError::Unknown)
            }
            Some(fault) => Err(WriteError::store(fault == Fault::Before, "as asked")),
        }
    }

    async fn answer(&self, key: &Key) -> Result<Option<Written>, WriteError> {
        step(self.store.answer(key)).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        step(self.store.read_stream(stream, after, limit)).await
    }

    async fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        if let Some(fault) = self.fault() {
            return Err(ReadError::new(fault != Fault::Broken, "as asked"));
        }
        let page = step(self.store.read_all(after, filter, limit)).await?;
        let count = page.events.len();
        self.seen.events.fetch_add(count, Ordering::Relaxed);
        Ok(page)
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.store.head()
    }
}

impl<S: ViewStore> ViewStore for Fragile<S> {
    async fn claim(
        &self,
        view: &ViewId,
        events: StoreId,
        owner: Uuid,
        keep: Duration,
    ) -> Result<Claimed, ViewError> {
        step(self.store.claim(view, events, owner, keep)).await
    }

    async fn release(&self, lease: &Lease, why: Option<Arc<str>>) -> Result<(), ViewError> {
        step(self.store.release(lease, why)).await
    }

    async fn load(&self, view: &ViewId, lanes: &[Lane]) -> Result<Loaded, ViewError> {
        self.seen.loads.fetch_add(1, Ordering::Relaxed);
        step(self.store.load(view, lanes)).await
    }

    async fn save(&self, save: &Save) -> Result<Saved, ViewError> {
        self.saving(self.store.save(save)).await
    }

    async fn find(&self, view: &ViewId, find: &Find) -> Result<Found, ViewError> {
        step(self.store.find(view, find)).await
    }

    async fn versions(&self, name: &str) -> Result<Versions, ViewError> {
        step(self.store.versions(name)).await
    }

    async fn promote(&self, view: &ViewId) -> Result<(), ViewError> {
        step(self.store.promote(view)).await
    }

    async fn roll_back(&self, name: &str) -> Result<u32, ViewError> {
        step(self.store.roll_back(name)).await
    }

    async fn erase(&self, view: &ViewId) -> Result<(), ViewError> {
        step(self.store.erase(view)).await
    }

    async fn parked(
        &self,
        view: &ViewId,
        after: Option<&Parked>,
        limit: usize,
    ) -> Result<Vec<Parked>, ViewError> {
        step(self.store.parked(view, after, limit)).await
    }

    async fn requeue(&self, view: &ViewId, lane: &Lane) -> Result<u64, ViewError> {
        step(self.store.requeue(view, lane)).await
    }

    async fn requeued(&self, view: &ViewId, limit: usize) -> Result<Vec<Parked>, ViewError> {
        step(self.store.requeued(view, limit)).await
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.store.changed()
    }
}

impl<S: TableStore> TableStore for Fragile<S> {
    type Transaction = S::Transaction;

    async fn save_with(
        &self,
        save: &Save,
        work: Arc<dyn Work<S::Transaction>>,
    ) -> Result<Saved, ViewError> {
        self.saving(self.store.save_with(save, work)).await
    }
}
