//! A store that can be made to take its time, as a disk or a network does now and then.

use tokio::sync::watch;
use watertight_events::{
    EventStore, Filter, Key, Page, Position, ReadError, StoreId, StreamId, StreamPage, Version,
    Write, WriteError, Written,
};

#[derive(Clone)]
pub(crate) struct Slow<E> {
    store: E,
    hangs: watch::Sender<bool>,
}

impl<E> Slow<E> {
    pub(crate) fn new(store: E) -> Self {
        let hangs = watch::Sender::new(false);
        Self { store, hangs }
    }

    /// Whether writes wait.
    pub(crate) fn set(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }
}

impl<E: EventStore> EventStore for Slow<E> {
    fn id(&self) -> StoreId {
        self.store.id()
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        let mut hangs = self.hangs.subscribe();
        // The sender lives as long as this store.
        let _ = hangs.wait_for(|hangs| !hangs).await;
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
        self.store.read_stream(stream, after, limit).await
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
