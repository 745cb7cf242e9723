use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::{
    EventStore, Filter, Key, Page, Position, ReadError, StoreId, StreamId, StreamPage, Version,
    Write, WriteError, Written,
};

/// [`EventStore`] as a trait object: `Arc<dyn AnyEventStore>` is an event store too. Implemented for every store.
pub trait AnyEventStore: Send + Sync {
    /// See [`EventStore::id`].
    fn any_id(&self) -> StoreId;

    /// See [`EventStore::write`].
    fn any_write(&self, write: Write) -> BoxFuture<'_, Result<Written, WriteError>>;

    /// See [`EventStore::answer`].
    fn any_answer<'a>(&'a self, key: &'a Key)
    -> BoxFuture<'a, Result<Option<Written>, WriteError>>;

    /// See [`EventStore::read_stream`].
    fn any_read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'a, Result<StreamPage, ReadError>>;

    /// See [`EventStore::read_all`].
    fn any_read_all<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>>;

    /// See [`EventStore::head`].
    fn any_head(&self) -> watch::Receiver<Position>;
}

impl<S: EventStore> AnyEventStore for S {
    fn any_id(&self) -> StoreId {
        self.id()
    }

    fn any_write(&self, write: Write) -> BoxFuture<'_, Result<Written, WriteError>> {
        Box::pin(self.write(write))
    }

    fn any_answer<'a>(
        &'a self,
        key: &'a Key,
    ) -> BoxFuture<'a, Result<Option<Written>, WriteError>> {
        Box::pin(self.answer(key))
    }

    fn any_read_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'a, Result<StreamPage, ReadError>> {
        Box::pin(self.read_stream(stream, after, limit))
    }

    fn any_read_all<'a>(
        &'a self,
        after: Position,
        filter: &'a Filter,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(self.read_all(after, filter, limit))
    }

    fn any_head(&self) -> watch::Receiver<Position> {
        self.head()
    }
}

impl EventStore for Arc<dyn AnyEventStore> {
    fn id(&self) -> StoreId {
        (**self).any_id()
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        (**self).any_write(write).await
    }

    async fn answer(&self, key: &Key) -> Result<Option<Written>, WriteError> {
        (**self).any_answer(key).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        (**self).any_read_stream(stream, after, limit).await
    }

    async fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        (**self).any_read_all(after, filter, limit).await
    }

    fn head(&self) -> watch::Receiver<Position> {
        (**self).any_head()
    }
}
