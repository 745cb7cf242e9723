//! Tables of a read model's own.

use std::sync::Arc;

use watertight_events::{Save, Saved, TableStore, ViewError, Work, WorkError};

use super::{Outcome, save::save};
use crate::{SqliteStore, SqliteTransaction, error::view_error};

impl TableStore for SqliteStore {
    type Transaction = SqliteTransaction;

    async fn save_with(
        &self,
        save: &Save,
        work: Arc<dyn Work<SqliteTransaction>>,
    ) -> Result<Saved, ViewError> {
        save.check()?;
        let (bytes, save) = (save.bytes(), save.clone());
        self.0
            .change(bytes, move |tx| {
                tx.nested(|tx| save_with(tx, &save, &*work))
            })
            .await
    }
}

fn save_with(
    transaction: &mut SqliteTransaction,
    saving: &Save,
    work: &dyn Work<SqliteTransaction>,
) -> Outcome<Saved> {
    let saved = match save(transaction, saving)? {
        Ok(saved) => saved,
        Err(refused) => return Ok(Err(refused)),
    };
    let done = transaction.lend(work)?;
    Ok(done
        .map(|()| saved)
        .map_err(|error| refused(saving, &error)))
}

/// A failure that may pass is SQLite's, and not of the work.
fn refused(save: &Save, error: &WorkError) -> ViewError {
    if let Some(error) = error.downcast_ref()
        && let error = view_error(error)
        && error.is_transient()
    {
        return error;
    }
    ViewError::Refused {
        view: save.lease.view.clone(),
        why: error.to_string().into(),
    }
}
