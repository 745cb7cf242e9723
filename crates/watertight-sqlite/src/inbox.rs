//! Messages that were handled before.

use std::{sync::Arc, time::Duration};

use rusqlite::params;
use uuid::Uuid;

use crate::{SqliteTransaction, row};

/// Messages that are forgotten for each one that is new, once they have expired.
const EXPIRED: usize = 10;

const SEE: &str = "
    INSERT INTO inbox (consumer, message_id, expires_at) VALUES (?1, ?2, ?3)
    ON CONFLICT (consumer, message_id) DO UPDATE SET expires_at = excluded.expires_at WHERE expires_at <= ?4";
const EXPIRE: &str = "
    DELETE FROM inbox WHERE (consumer, message_id) IN (
        SELECT consumer, message_id FROM inbox WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2
    )";

/// Has each message of a consumer handled once, in the [transaction](crate::SqliteStore::transaction) of what is done about it.
///
/// A message is remembered for 7 days, unless the inbox says otherwise: longer than whoever sends it goes on trying. Those that
/// have expired are deleted by the transactions that bring new ones, ten by each at most, so the table shrinks again and nobody
/// waits for it.
#[derive(Clone, Debug)]
pub struct Inbox {
    consumer: Arc<str>,
    keep: Duration,
}

impl Inbox {
    /// The inbox of a consumer; each has its own.
    pub fn new(consumer: impl Into<Arc<str>>) -> Self {
        Self {
            consumer: consumer.into(),
            keep: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }

    /// The same, remembering messages for another time.
    #[must_use]
    pub const fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// Whether a message comes for the first time. It has, for everybody else, once the transaction is committed.
    ///
    /// # Errors
    ///
    /// SQLite failed.
    pub fn once(
        &self,
        transaction: &mut SqliteTransaction,
        message: Uuid,
    ) -> rusqlite::Result<bool> {
        let now = row::now();
        let expires = now.saturating_add(row::micros(self.keep));
        transaction.as_ours(|connection| {
            let mut see = connection.prepare_cached(SEE)?;
            let is_new = see.execute(params![&*self.consumer, message, expires, now])? > 0;
            if is_new {
                let mut expire = connection.prepare_cached(EXPIRE)?;
                expire.execute(params![now, EXPIRED])?;
            }
            Ok(is_new)
        })
    }
}
