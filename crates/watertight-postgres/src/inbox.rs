//! Messages that were handled before.

use std::{sync::Arc, time::Duration};

use sqlx::{PgConnection, PgPool, query};
use tokio::time::sleep;
use uuid::Uuid;

use crate::row::micros;

/// How often messages that have expired are deleted.
const TIDY: Duration = Duration::from_secs(60);

/// Messages that are deleted at a time.
const EXPIRED: i64 = 1_000;

/// Has each message of a consumer handled once, in the user's own transaction with what is done about it.
///
/// A message is remembered for 7 days, unless the inbox says otherwise: longer than whoever sends it goes on trying. Those that
/// have expired are deleted by every open store, once a minute and a thousand at a time.
///
/// ```no_run
/// # async fn handle(pool: sqlx::PgPool, message: uuid::Uuid) -> sqlx::Result<()> {
/// use watertight_postgres::Inbox;
///
/// let inbox = Inbox::new("bills");
/// let mut transaction = pool.begin().await?;
/// if inbox.once(&mut transaction, message).await? {
///     sqlx::query("UPDATE bills SET paid = true WHERE bill = 7").execute(&mut *transaction).await?;
/// }
/// transaction.commit().await
/// # }
/// ```
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

    /// Whether a message comes for the first time. While another transaction handles the same message, it waits for how that ends.
    ///
    /// # Errors
    ///
    /// The database failed, and with it the transaction.
    pub async fn once(&self, transaction: &mut PgConnection, message: Uuid) -> sqlx::Result<bool> {
        let seen = query(
            "INSERT INTO watertight.inbox AS known (consumer, message_id, expires_at)
             VALUES ($1, $2, clock_timestamp() + $3 * interval '1 microsecond')
             ON CONFLICT (consumer, message_id) DO UPDATE SET expires_at = excluded.expires_at
             WHERE known.expires_at <= clock_timestamp()",
        )
        .bind(&*self.consumer)
        .bind(message)
        .bind(micros(self.keep))
        .execute(transaction)
        .await?;
        Ok(seen.rows_affected() > 0)
    }
}

/// Deletes what has expired, for as long as the store is open.
pub(crate) async fn tidy(pool: PgPool) {
    loop {
        // What fails is done the next time.
        if !matches!(forget(&pool).await, Ok(deleted) if deleted == EXPIRED.cast_unsigned()) {
            sleep(TIDY).await;
        }
    }
}

async fn forget(pool: &PgPool) -> sqlx::Result<u64> {
    let deleted = query(
        "DELETE FROM watertight.inbox WHERE (consumer, message_id) IN (
             SELECT consumer, message_id FROM watertight.inbox WHERE expires_at <= clock_timestamp()
             ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
         )",
    )
    .bind(EXPIRED)
    .execute(pool)
    .await?;
    Ok(deleted.rows_affected())
}
