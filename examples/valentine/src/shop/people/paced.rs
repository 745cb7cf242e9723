use std::time::Duration;

use tokio::{sync::watch, time::sleep};
use watertight_events::{
    EventStore, Filter, Key, Page, Position, ReadError, StoreId, StreamId, StreamPage, Version,
    Write, WriteError, Written,
};

/// A store whose past is read at leisure, so that who rebuilds a read model leaves the disk to the customers.
#[derive(Clone, Debug)]
pub(super) struct Paced<E>(pub(super) E);

const PAUSE: Duration = Duration::from_millis(10);

impl<E: EventStore> EventStore for Paced<E> {
    fn id(&self) -> StoreId {
        self.0.id()
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        self.0.write(write).await
    }

    async fn answer(&self, key: &Key) -> Result<Option<Written>, WriteError> {
        self.0.answer(key).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        self.0.read_stream(stream, after, limit).await
    }

    async fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        sleep(PAUSE).await;
        self.0.read_all(after, filter, limit).await
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.0.head()
    }
}
