use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::{
    Connection,
    hooks::{AuthAction, AuthContext, Authorization},
};

/// The tables of the store, and the views beside them.
const OURS: [&str; 13] = [
    "checkpoints",
    "command_log",
    "consumers",
    "dead_letters",
    "document_fields",
    "documents",
    "documents_readable",
    "events",
    "events_readable",
    "head",
    "requeued_lanes",
    "store",
    "views",
];

/// Keeps users' statements off what is the writer's: its tables, and the end of its transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard(Arc<AtomicBool>);

impl Guard {
    pub(crate) fn watch(connection: &Connection) -> rusqlite::Result<Self> {
        let guard = Self::default();
        let watching = guard.clone();
        // Set once and for all: each change of it would have every cached statement prepared again.
        let authorize = move |context: AuthContext<'_>| {
            if watching.0.load(Ordering::Relaxed) && !is_harmless(context.action) {
                return Authorization::Deny;
            }
            Authorization::Allow
        };
        connection.authorizer(Some(authorize))?;
        Ok(guard)
    }

    /// From now on, or no longer, statements are a user's.
    pub(crate) fn is_lent(&self, lent: bool) {
        self.0.store(lent, Ordering::Relaxed);
    }
}

fn is_harmless(action: AuthAction<'_>) -> bool {
    match action {
        AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::Pragma { .. } => false,
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::DropTable { table_name }
        | AuthAction::DropIndex { table_name, .. }
        | AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::DropView {
            view_name: table_name,
        } => !is_ours(table_name),
        _ => true,
    }
}

fn is_ours(table: &str) -> bool {
    OURS.iter().any(|ours| ours.eq_ignore_ascii_case(table))
}
