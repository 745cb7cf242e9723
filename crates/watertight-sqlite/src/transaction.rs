use std::{
    any::Any,
    ops::{Deref, DerefMut},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use rusqlite::Connection;
use watertight_events::{Work, WorkError, WriteError};

use crate::{
    guard::{Guard, Limit},
    inline::Models,
};

/// The transaction of the writer, as a projection with tables of its own is given it.
///
/// It is a [`Connection`]: statements are prepared and executed as usual, and may read everything. Beginning and ending
/// transactions, settings, and writing the store's own tables are denied.
///
/// Work is done on the writer's thread, so everything that is written waits for it. It must not wait for anything itself: what is
/// pending is refused.
#[derive(Debug)]
pub struct SqliteTransaction {
    connection: Connection,
    guard: Guard,
    pub(crate) models: Models,
    /// The longest that a read model may take in a commit of events.
    inline: Duration,
}

/// Why a [transaction](crate::SqliteStore::transaction) was not committed. Nothing of it was, except after
/// [`WriteError::Unknown`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError<X> {
    /// The closure says so.
    #[error(transparent)]
    Aborted(X),
    /// The closure panicked.
    #[error("the closure panicked: {0}")]
    Panicked(Arc<str>),
    /// The queue is full, or SQLite failed.
    #[error(transparent)]
    Store(WriteError),
}

/// Rolls back what was not committed.
#[derive(Debug)]
pub(crate) struct Begun<'c>(&'c mut SqliteTransaction);

impl SqliteTransaction {
    pub(crate) fn new(connection: Connection, inline: Duration) -> rusqlite::Result<Self> {
        let guard = Guard::watch(&connection)?;
        let models = Models::read(&connection)?;
        Ok(Self {
            connection,
            guard,
            models,
            inline,
        })
    }

    pub(crate) fn begin(&mut self) -> rusqlite::Result<Begun<'_>> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        self.models.rolled_back();
        Ok(Begun(self))
    }

    /// Has something done that is undone again if it is refused. An error, on the other hand, has undone all.
    pub(crate) fn nested<T, X>(
        &mut self,
        work: impl FnOnce(&mut Self) -> rusqlite::Result<Result<T, X>>,
    ) -> rusqlite::Result<Result<T, X>> {
        self.connection.execute_batch("SAVEPOINT nested")?;
        let done = work(self)?;
        self.connection.execute_batch(match &done {
            Ok(_) => "RELEASE nested",
            Err(_) => "ROLLBACK TO nested; RELEASE nested",
        })?;
        Ok(done)
    }

    /// Does something of the store's own while the transaction is lent.
    pub(crate) fn as_ours<T>(&mut self, work: impl FnOnce(&Connection) -> T) -> T {
        let lent = self.guard.is_lent(false);
        let done = work(&self.connection);
        self.guard.is_lent(lent);
        done
    }

    /// Has a user's closure called.
    pub(crate) fn lend_to<T, X>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, X>,
    ) -> rusqlite::Result<Result<T, TransactionError<X>>> {
        self.guard.is_lent(true);
        let done = catch_unwind(AssertUnwindSafe(|| work(self)));
        self.guard.is_lent(false);
        // Some failures, such as a full disk, end the transaction of everybody.
        if self.connection.is_autocommit() {
            let ended = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT);
            let message = "a failure has ended the transaction".to_owned();
            return Err(rusqlite::Error::SqliteFailure(ended, Some(message)));
        }
        Ok(match done {
            Ok(done) => done.map_err(TransactionError::Aborted),
            Err(panic) => Err(TransactionError::Panicked(said(&*panic).into())),
        })
    }

    /// Limits the time of what comes next.
    pub(crate) fn limit(&self) -> Limit {
        self.guard.limit(self.inline)
    }

    /// Has a user's work done.
    pub(crate) fn lend(
        &mut self,
        work: &dyn Work<Self>,
    ) -> rusqlite::Result<Result<(), WorkError>> {
        self.guard.is_lent(true);
        let done = at_once(|| work.run(self));
        self.guard.is_lent(false);
        match done.and_then(|done| done) {
            // Some failures, such as a full disk, end the transaction of everybody.
            Err(error) if self.connection.is_autocommit() => {
                let error = error.downcast::<rusqlite::Error>();
                Err(error.map_or_else(rusqlite::Error::ToSqlConversionFailure, |error| *error))
            }
            done => Ok(done),
        }
    }
}

impl Deref for SqliteTransaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Begun<'_> {
    pub(crate) fn commit(self) -> rusqlite::Result<()> {
        self.0.connection.execute_batch("COMMIT")?;
        self.0.models.committed();
        Ok(())
    }
}

impl Deref for Begun<'_> {
    type Target = SqliteTransaction;

    fn deref(&self) -> &SqliteTransaction {
        self.0
    }
}

impl DerefMut for Begun<'_> {
    fn deref_mut(&mut self) -> &mut SqliteTransaction {
        self.0
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.0.connection.is_autocommit() {
            // Should that fail too, it is tried again before the next one.
            let _ = self.0.connection.execute_batch("ROLLBACK");
        }
    }
}

/// What a user's future comes to when it is polled once, on a thread that must not wait.
pub(crate) fn at_once<F: Future>(work: impl FnOnce() -> F) -> Result<F::Output, WorkError> {
    match catch_unwind(AssertUnwindSafe(|| work().now_or_never())) {
        Ok(Some(done)) => Ok(done),
        Ok(None) => Err("it waits for something, and everything that is written for it".into()),
        Err(panic) => Err(format!("it panicked: {}", said(&*panic)).into()),
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("nothing")
}
