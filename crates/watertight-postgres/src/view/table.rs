//! Tables of a read model's own.

use std::sync::Arc;

use sqlx::{PgConnection, PgPool, query_scalar};
use watertight_events::{Save, Saved, TableStore, ViewError, ViewId, Work, WorkError};

use super::save::save_in;
use crate::{
    PostgresStore,
    error::is_transient,
    row::unsigned,
    transaction::{Refused, begin},
};

/// Work is given the connection of the store's transaction. The server ends it where a statement takes longer than thirty
/// seconds, or there are ten between two of them.
impl TableStore for PostgresStore {
    type Transaction = PgConnection;

    async fn save_with(
        &self,
        save: &Save,
        work: Arc<dyn Work<PgConnection>>,
    ) -> Result<Saved, ViewError> {
        save.check()?;
        let saved = save_with(self.pool(), save, &*work).await;
        self.changed_unless(saved.map_err(|Refused(why)| why))
    }
}

async fn save_with(
    pool: &PgPool,
    save: &Save,
    work: &dyn Work<PgConnection>,
) -> Result<Saved, Refused> {
    let mut transaction = begin(pool).await?;
    let parked = save_in(&mut transaction, save).await?;
    do_work(&mut transaction, &save.lease.view, work).await?;
    transaction.commit().await?;
    Ok(Saved {
        parked: unsigned(parked),
    })
}

/// Has a user's work done, and looks whether the transaction is still there.
pub(super) async fn do_work(
    connection: &mut PgConnection,
    view: &ViewId,
    work: &dyn Work<PgConnection>,
) -> Result<(), Refused> {
    let before = which(&mut *connection).await?;
    work.caught(&mut *connection)
        .await
        .map_err(|error| refused(view, &error))?;
    // PostgreSQL answers a COMMIT of what has failed as if it were done.
    let after = which(&mut *connection).await.map_err(|error| {
        if is_aborted(&error) {
            refused(
                view,
                &"a statement failed, and the work did not say so".into(),
            )
            .into()
        } else {
            Refused::from(error)
        }
    })?;
    if after != before {
        let error = "the work has ended the transaction, which is the store's".into();
        return Err(refused(view, &error).into());
    }
    Ok(())
}

/// The number of the transaction that a connection is in, if it has changed something.
async fn which(connection: &mut PgConnection) -> sqlx::Result<Option<String>> {
    query_scalar("SELECT pg_current_xact_id_if_assigned()::text")
        .fetch_one(connection)
        .await
}

/// A failure that may pass is the database's, and not of the work.
fn refused(view: &ViewId, error: &WorkError) -> ViewError {
    if let Some(error) = error.downcast_ref::<sqlx::Error>()
        && is_transient(error)
    {
        return ViewError::store(true, error.to_string());
    }
    ViewError::Refused {
        view: view.clone(),
        why: error.to_string().into(),
    }
}

fn is_aborted(error: &sqlx::Error) -> bool {
    let said = error.as_database_error();
    said.is_some_and(|said| said.code().as_deref() == Some("25P02"))
}
