use std::{path::Path, sync::Arc};

use tokio::sync::watch;
use watertight_events::{
    EventStore, Filter, Key, Limits, Page, Position, ReadError, StoreId, StreamId, StreamPage,
    Version, Write, WriteError, Written, group_commit::GroupCommit,
};

use crate::{
    OpenError, SqliteStoreBuilder,
    clock::Clock,
    error::read_error,
    read::Readers,
    writer::{Done, Job},
};

/// An event store in one SQLite file, with its read models.
///
/// Writes that wait are committed together, by one writer on a thread of its own. Reads go to connections of their own, off
/// the runtime's workers. The file belongs to one store at a time: a second one is refused, in this process or another.
///
/// ```
/// use watertight_events::{EventStore, Expected, NewEvent, StreamId, Version, Write};
/// use watertight_sqlite::SqliteStore;
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("shop.db");
/// let store = SqliteStore::open(&path)?;
/// let user = StreamId::new("user", 42);
/// let created = Write::to(user.clone(), Expected::NoStream, vec![NewEvent::new("user_created", "{}")]);
/// assert_eq!(store.write(created).await?.position.0, 1);
/// store.close().await;
///
/// let store = SqliteStore::open(&path)?;
/// assert_eq!(store.read_stream(&user, Version::NONE, 10).await?.events.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Clone
///
/// Clones are the same store. When the last one is gone, what waits is committed and the file is free.
#[derive(Clone, Debug)]
pub struct SqliteStore(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) id: StoreId,
    pub(crate) limits: Limits,
    pub(crate) queue: GroupCommit<Job, Done>,
    /// How much may wait in the queue.
    pub(crate) bytes: usize,
    pub(crate) readers: Readers,
    pub(crate) head: watch::Sender<Position>,
    /// Counts what was changed beside events.
    pub(crate) changes: watch::Sender<u64>,
    pub(crate) clock: Clock,
    /// Closed when the writer has ended.
    pub(crate) writer: watch::Receiver<()>,
}

impl SqliteStore {
    /// Opens a file with the usual settings, and makes it if it is not there. Blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::builder(path).open()
    }

    /// Starts to open a file with other settings.
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        SqliteStoreBuilder::new(path.as_ref())
    }

    /// Reads on one of the reading connections: tables of a projection's own, say. All that it reads is of one moment.
    ///
    /// ```
    /// # use watertight_sqlite::SqliteStore;
    /// # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// # let store = SqliteStore::open(folder.path().join("shop.db"))?;
    /// let events = store.read(|tx| tx.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, u64>(0)));
    /// assert_eq!(events.await??, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// It panicked, or the store is closed.
    ///
    /// # Cancellation
    ///
    /// A read that has begun goes on, and keeps its connection until it is done.
    pub async fn read<T, F>(&self, read: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Transaction<'_>) -> T + Send + 'static,
    {
        let read =
            move |connection: &mut rusqlite::Connection| Ok(read(&connection.transaction()?));
        let read = self.0.readers.with(read).await?;
        read.map_err(|error: rusqlite::Error| read_error(&error))
    }

    /// Gives up this clone, and waits until the other ones are gone too, what was waiting is committed and the file is free.
    pub async fn close(self) {
        let mut writer = self.0.writer.clone();
        drop(self);
        // The only change there ever is: that it is closed.
        let _ = writer.changed().await;
    }
}

impl EventStore for SqliteStore {
    fn id(&self) -> StoreId {
        self.0.id
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        let bytes = self.0.limits.check(&write)?;
        match self.0.queue.submit(Job::Write(write), bytes).await? {
            Done::Write(answer) => answer,
            Done::Task => unreachable!("a write is answered as one"),
        }
    }

    async fn answer(&self, key: &Key) -> Result<Option<Written>, WriteError> {
        self.0.readers.answer(key.clone()).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        self.0
            .readers
            .read_stream(stream.clone(), after, limit)
            .await
    }

    async fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        self.0.readers.read_all(after, filter.clone(), limit).await
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.0.head.subscribe()
    }
}
