use std::{future::Future, sync::Arc};

use sqlx::{
    PgPool, Postgres, Transaction,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use tokio::time::timeout;
use watertight_events::ViewError;

use crate::{connection::PATIENCE, error::is_transient};

/// Whatever the pool's connections are set to: a later statement sees what was committed while an earlier one waited for a
/// lock, a process that is frozen holds no lock for ever, and no plan scans a table because it was empty when it was made.
///
/// A plan that was kept could still join in a wrong order. So statements look up row by row, `LATERAL` with a `LIMIT`, which
/// leaves no other order, and no plan need be made twice.
macro_rules! begin {
    ($mode:literal) => {
        concat!(
            "BEGIN ISOLATION LEVEL READ COMMITTED ",
            $mode,
            "; SET LOCAL idle_in_transaction_session_timeout = '10s'",
            "; SET LOCAL statement_timeout = '30s'",
            "; SET LOCAL enable_seqscan = off",
            "; SET LOCAL enable_bitmapscan = off",
            "; SET LOCAL jit = off"
        )
    };
}

/// Why something was not done: what the database said, or what was decided upon its answers.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) ViewError);

/// Begins to change something.
pub(crate) async fn begin(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    pool.begin_with(begin!("READ WRITE")).await
}

/// Begins to read with several statements.
pub(crate) async fn begin_to_read(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    pool.begin_with(begin!("READ ONLY")).await
}

/// The rows of a query.
pub(crate) async fn rows(
    pool: &PgPool,
    query: Query<'_, Postgres, PgArguments>,
) -> sqlx::Result<Vec<PgRow>> {
    let mut transaction = begin_to_read(pool).await?;
    let rows = query.fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(rows)
}

/// Ends with an error what takes longer than the server lets it: then the server or the way to it is gone.
pub(crate) async fn patiently<T>(
    work: impl Future<Output = Result<T, Refused>>,
) -> Result<T, ViewError> {
    let late = |_| ViewError::store(true, "the database does not answer");
    let done = timeout(PATIENCE, work).await.map_err(late)?;
    done.map_err(|Refused(why)| why)
}

impl From<ViewError> for Refused {
    fn from(why: ViewError) -> Self {
        Self(why)
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        let message: Arc<str> = error.to_string().into();
        Self(ViewError::store(is_transient(&error), message))
    }
}
