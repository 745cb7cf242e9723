use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use futures::executor::block_on;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::watch;
use watertight_events::{
    Limits, Position,
    group_commit::{Bounds, GroupCommit},
};

use crate::{
    OpenError, SqliteStore, clock::Clock, lock::FileLock, migrate::migrate, read::Readers,
    store::Inner, transaction::SqliteTransaction, writer::Batches,
};

/// The longest wait for a lock of the file, which only a backup or a curious shell could hold.
const BUSY: Duration = Duration::from_secs(5);

/// How sure a commit is before it is acknowledged.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Synchronous {
    /// It survives a power cut. The default.
    #[default]
    Full,
    /// It survives the process, however that ends; a power cut can undo the last commits, never tear one.
    Normal,
}

/// Opens a [`SqliteStore`].
///
/// | setting | default |
/// |---|---|
/// | `synchronous` | [`Synchronous::Full`] |
/// | `readers` | 4 connections; more reads wait for one |
/// | `limits`, `bounds` | those of [`Limits`] and [`Bounds`] |
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `open`"]
pub struct SqliteStoreBuilder {
    path: PathBuf,
    synchronous: Synchronous,
    readers: usize,
    limits: Limits,
    bounds: Bounds,
}

impl SqliteStoreBuilder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            synchronous: Synchronous::default(),
            readers: 4,
            limits: Limits::default(),
            bounds: Bounds::default(),
        }
    }

    /// How sure a commit is before it is acknowledged.
    pub const fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Connections that read.
    pub const fn readers(mut self, connections: usize) -> Self {
        self.readers = connections;
        self
    }

    /// How large a write may be.
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How much may wait, and how much is one commit.
    pub const fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Opens the file, makes it if it is not there, and brings its tables up to date. Blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(self) -> Result<SqliteStore, OpenError> {
        if !(1..=64).contains(&self.readers) {
            return Err(OpenError::Setting {
                field: "readers",
                value: self.readers.to_string(),
                expected: "1 to 64",
            });
        }
        let lock = FileLock::take(&self.path)?;
        let mut writing =
            self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        writing.pragma_update(None, "journal_mode", "WAL")?;
        let id = migrate(&mut writing)?;
        let head = writing.query_row("SELECT position FROM head", [], |row| row.get(0))?;
        let head = watch::Sender::new(Position(head));
        let readers = (0..self.readers).map(|_| self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY));
        let readers = Readers::new(readers.collect::<Result<_, _>>()?);

        let changes = watch::Sender::new(0);
        let writing = SqliteTransaction::new(writing)?;
        let batches = Batches::new(writing, head.clone(), changes.clone(), lock);
        let (running, ended) = watch::channel(());
        let (queue, writer) = GroupCommit::new(batches, self.bounds);
        thread::Builder::new()
            .name("watertight-sqlite".to_owned())
            .spawn(move || {
                block_on(writer.run());
                drop(running);
            })
            .map_err(OpenError::Thread)?;
        Ok(SqliteStore(Arc::new(Inner {
            id,
            limits: self.limits,
            queue,
            bytes: self.bounds.bytes,
            readers,
            head,
            changes,
            clock: Clock::start(),
            writer: ended,
        })))
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, OpenError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(128);
        connection.pragma_update(
            None,
            "synchronous",
            match self.synchronous {
                Synchronous::Full => "FULL",
                Synchronous::Normal => "NORMAL",
            },
        )?;
        Ok(connection)
    }
}
