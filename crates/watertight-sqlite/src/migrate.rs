use rusqlite::{Connection, TransactionBehavior};
use uuid::Uuid;
use watertight_events::StoreId;

use crate::OpenError;

/// The steps from an empty file to the present tables; the file's `user_version` counts those that were taken.
const STEPS: [&str; 5] = [
    include_str!("../migrations/0001_events.sql"),
    include_str!("../migrations/0002_views.sql"),
    include_str!("../migrations/0003_inline.sql"),
    include_str!("../migrations/0004_outbox.sql"),
    include_str!("../migrations/0005_snapshots.sql"),
];

/// Takes the steps that are missing, and tells which store it is.
pub(crate) fn migrate(connection: &mut Connection) -> Result<StoreId, OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let taken: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = STEPS.len() as u32;
    if taken > known {
        return Err(OpenError::Newer {
            found: taken,
            known,
        });
    }
    for step in &STEPS[taken as usize..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    let insert = "INSERT OR IGNORE INTO store (one, id) VALUES (1, ?1)";
    transaction.execute(insert, [StoreId::fresh().0])?;
    let id: Uuid = transaction.query_row("SELECT id FROM store", [], |row| row.get(0))?;
    // Whoever held a view wrote through a store that is closed, or whose process is gone: the lock of the file says so.
    transaction.execute("UPDATE checkpoints SET owner = NULL, held_until = 0", [])?;
    transaction.commit()?;
    Ok(StoreId(id))
}
