//! A batch under the head's lock, with the read models that are applied in its commit.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::{sync::watch, time::timeout};
use watertight_events::{
    Write,
    group_commit::CommitError,
    plan::{Ask, Plan},
};

use crate::{
    connection::PATIENCE,
    inline::{self, Models, Registered, has_events},
    journal::{self, Head},
};

/// What is done in the commits of events beside them.
#[derive(Debug)]
pub(crate) struct Commits {
    pub(crate) models: Models,
    /// For one model in one commit.
    pub(crate) limit: Duration,
    pub(crate) changes: watch::Sender<u64>,
}

/// A transaction under the head's lock, from where it was planned.
#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) head: Head,
    pub(crate) has_inline: bool,
    pub(crate) plan: Plan,
    /// What the commit came to, or why there was none.
    pub(crate) end: sqlx::Result<Result<(), CommitError>>,
}

impl Commits {
    /// An error comes before anything was written.
    pub(crate) async fn lock_and_write(
        &self,
        connection: &mut PgConnection,
        batch: &[Write],
    ) -> sqlx::Result<Locked> {
        let prepared = async {
            let mut transaction = connection.begin().await?;
            let head = journal::lock_head(&mut transaction).await?;
            // In statements after the lock: the locking one sees what was there before it waited.
            let registered = Registered::read(&mut transaction).await?;
            let facts = journal::look_up(&mut transaction, Ask::of(batch), head.position).await?;
            Ok((transaction, head, registered, facts))
        };
        let (mut transaction, head, registered, facts) = in_time(prepared).await?;
        let missing = registered.missing(&self.models);
        let may = |write: &&Write| missing.is_none() || !has_events(write);
        let mut plan = Plan::of(batch.iter().filter(may), facts);
        if let Some(view) = missing {
            plan.answers = inline::answers(batch, plan.answers, view);
        }
        let writing = async {
            if !plan.is_empty() {
                journal::write(&mut transaction, &plan, head.batch).await?;
            }
            let applied = registered.apply(&mut transaction, &self.models, &plan, self.limit);
            if let Err(error) = applied.await {
                return Ok(Err(error));
            }
            transaction.commit().await?;
            Ok(Ok(()))
        };
        let end = in_time(writing).await;
        Ok(Locked {
            head,
            has_inline: !registered.is_empty(),
            plan,
            end,
        })
    }
}

/// A server that does not answer is as good as a connection that is gone.
pub(crate) async fn in_time<T>(work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let done = timeout(PATIENCE, work).await;
    done.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}
