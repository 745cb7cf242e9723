use std::{
    any::Any,
    ops::{Deref, DerefMut},
    panic::{AssertUnwindSafe, catch_unwind},
};

use futures::FutureExt;
use rusqlite::Connection;
use watertight_events::{Work, WorkError};

use crate::guard::Guard;

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
}

/// Rolls back what was not committed.
#[derive(Debug)]
pub(crate) struct Begun<'c>(&'c mut SqliteTransaction);

impl SqliteTransaction {
    pub(crate) fn new(connection: Connection) -> rusqlite::Result<Self> {
        let guard = Guard::watch(&connection)?;
        Ok(Self { connection, guard })
    }

    pub(crate) fn begin(&mut self) -> rusqlite::Result<Begun<'_>> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
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

    /// Has a user's work done.
    pub(crate) fn lend(
        &mut self,
        work: &dyn Work<Self>,
    ) -> rusqlite::Result<Result<(), WorkError>> {
        self.guard.is_lent(true);
        let done = catch_unwind(AssertUnwindSafe(|| work.run(self).now_or_never()));
        self.guard.is_lent(false);
        let done = match done {
            Ok(Some(done)) => done,
            Ok(None) => Err("it waits for something, and everything that is written for it".into()),
            Err(panic) => Err(format!("it panicked: {}", said(&*panic)).into()),
        };
        match done {
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
        self.0.connection.execute_batch("COMMIT")
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

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("nothing")
}
