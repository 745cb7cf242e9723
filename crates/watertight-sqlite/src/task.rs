//! What the writer does beside events.

use std::sync::{Arc, Mutex, PoisonError};

use watertight_events::ViewError;

use crate::{
    store::Inner,
    transaction::SqliteTransaction,
    writer::{Done, Job},
};

/// A change in the writer's transaction. It is done again, should its neighbours have to be rolled back.
pub(crate) trait Task: Send + Sync {
    /// An error rolls back the whole transaction. What is refused is no error, but an answer.
    fn run(&self, transaction: &mut SqliteTransaction) -> rusqlite::Result<()>;
}

/// A task, and what came of its last run.
struct Slot<F, T> {
    work: F,
    outcome: Mutex<Option<Result<T, ViewError>>>,
}

impl<F, T> Task for Slot<F, T>
where
    F: Fn(&mut SqliteTransaction) -> rusqlite::Result<Result<T, ViewError>> + Send + Sync,
    T: Send,
{
    fn run(&self, transaction: &mut SqliteTransaction) -> rusqlite::Result<()> {
        let outcome = (self.work)(transaction)?;
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        Ok(())
    }
}

impl Inner {
    /// Has the writer change something, of so many bytes, and waits until it is committed.
    pub(crate) async fn change<T, F>(&self, bytes: usize, work: F) -> Result<T, ViewError>
    where
        F: Fn(&mut SqliteTransaction) -> rusqlite::Result<Result<T, ViewError>>
            + Send
            + Sync
            + 'static,
        T: Send + 'static,
    {
        let outcome = Mutex::new(None);
        let slot = Arc::new(Slot { work, outcome });
        // Its bytes are in memory already, so one that is larger than the whole queue is let in where there is some room.
        let bytes = bytes.min(self.bytes / 4);
        let task = Arc::clone(&slot) as Arc<dyn Task>;
        match self.queue.submit(Job::Task(task), bytes).await {
            Ok(Done::Task) => {}
            Ok(Done::Write(_)) => unreachable!("a task is answered as one"),
            Err(error) => {
                // Where nobody knows what became of it, the checkpoint tells.
                let transient =
                    error.is_transient() || matches!(error, watertight_events::WriteError::Unknown);
                return Err(ViewError::store(transient, error.to_string()));
            }
        }
        let mut outcome = slot.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.take().expect("a task that was committed has run")
    }
}
