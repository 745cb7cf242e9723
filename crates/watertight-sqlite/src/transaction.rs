use std::ops::{Deref, DerefMut};

use rusqlite::Connection;

/// The transaction of the writer, as a projection with tables of its own is given it.
///
/// It is a [`Connection`] in which statements are prepared and executed. Beginning and ending transactions is the writer's.
#[derive(Debug)]
pub struct SqliteTransaction {
    connection: Connection,
}

/// Rolls back what was not committed.
#[derive(Debug)]
pub(crate) struct Begun<'c>(&'c mut SqliteTransaction);

impl SqliteTransaction {
    pub(crate) const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    pub(crate) fn begin(&mut self) -> rusqlite::Result<Begun<'_>> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Begun(self))
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
