use std::sync::Arc;

use sqlx::PgPool;
use tokio::{sync::watch, task::JoinSet};
use watertight_events::{
    EventStore, Filter, Key, Limits, Page, Position, ReadError, StoreId, StreamId, StreamPage,
    Version, Write, WriteError, Written, group_commit::GroupCommit,
};

use crate::{OpenError, PostgresStoreBuilder, read};

/// A store of events and views on PostgreSQL, shared by as many nodes as there are.
///
/// Reads and views go through the user's pool. Beside it, every store has two connections of its own: one that writes, and one that
/// hears what other nodes have written.
///
/// Two nodes that write at the same time wait for each other at the head: together they reach about half the rate of one.
///
/// # Clone
///
/// Clones are the same store. When the last one is gone, what waits is committed.
#[derive(Clone, Debug)]
pub struct PostgresStore(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) id: StoreId,
    pub(crate) limits: Limits,
    pub(crate) pool: PgPool,
    pub(crate) queue: GroupCommit<Write, Result<Written, WriteError>>,
    pub(crate) head: watch::Sender<Position>,
    /// Counts what this process has changed in views.
    pub(crate) changes: watch::Sender<u64>,
    /// Ended together with the store.
    pub(crate) _news: JoinSet<()>,
}

impl PostgresStore {
    /// Opens the store in the pool's database with the usual settings, and makes its tables if they are not there.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub async fn open(pool: PgPool) -> Result<Self, OpenError> {
        Self::builder(pool).open().await
    }

    /// Starts to open the store with other settings.
    pub fn builder(pool: PgPool) -> PostgresStoreBuilder {
        PostgresStoreBuilder::new(pool)
    }

    /// The pool that it reads through.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }
}

impl EventStore for PostgresStore {
    fn id(&self) -> StoreId {
        self.0.id
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        let bytes = self.0.limits.check(&write)?;
        self.0.queue.submit(write, bytes).await?
    }

    async fn answer(&self, key: &Key) -> Result<Option<Written>, WriteError> {
        read::answer(&self.0.pool, key).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        read::read_stream(&self.0.pool, stream, after, limit).await
    }

    async fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        read::read_all(&self.0.pool, after, filter, limit).await
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.0.head.subscribe()
    }
}
