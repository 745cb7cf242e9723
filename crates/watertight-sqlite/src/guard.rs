use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rusqlite::{
    Connection,
    hooks::{AuthAction, AuthContext, Authorization},
};
use tokio::time::Instant;

/// The tables of the store, and the views beside them.
const OURS: [&str; 16] = [
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
    "inbox",
    "inline_views",
    "outbox",
    "requeued_lanes",
    "store",
    "views",
];

/// Steps of SQLite between two looks at the clock: a fraction of a millisecond.
const STEPS: i32 = 1_000;

/// Keeps users' statements off what is the writer's: its tables, and the end of its transaction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    lent: Arc<AtomicBool>,
    until: Arc<Mutex<Option<Instant>>>,
}

/// A time limit, as long as it lives.
#[derive(Debug)]
pub(crate) struct Limit(Guard);

impl Guard {
    pub(crate) fn watch(connection: &Connection) -> rusqlite::Result<Self> {
        let guard = Self::default();
        let watching = guard.clone();
        // Set once and for all: each change of it would have every cached statement prepared again.
        let authorize = move |context: AuthContext<'_>| {
            if watching.lent.load(Ordering::Relaxed) && !is_harmless(context.action) {
                return Authorization::Deny;
            }
            Authorization::Allow
        };
        connection.authorizer(Some(authorize))?;
        let watching = guard.clone();
        connection.progress_handler(STEPS, Some(move || watching.is_late()))?;
        Ok(guard)
    }

    /// From now on, or no longer, statements are a user's.
    ///
    /// Says which they were.
    pub(crate) fn is_lent(&self, lent: bool) -> bool {
        self.lent.swap(lent, Ordering::Relaxed)
    }

    /// Statements that take longer are interrupted.
    pub(crate) fn limit(&self, time: Duration) -> Limit {
        self.set(Some(Instant::now() + time));
        Limit(self.clone())
    }

    fn is_late(&self) -> bool {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() > until)
    }

    fn set(&self, until: Option<Instant>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl Limit {
    /// Ends it, and says whether it was kept.
    pub(crate) fn end(self) -> bool {
        !self.0.is_late()
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        self.0.set(None);
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
