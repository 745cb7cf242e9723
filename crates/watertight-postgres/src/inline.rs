//! Read models that are applied in the commits of events.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{PgConnection, Row, query};
use tokio::time::{Instant, timeout};
use watertight_events::{
    Filter, Inline, Position, Recorded, ViewError, ViewId, Write, WriteError, Written,
    group_commit::CommitError, plan::Plan,
};

use crate::{error::failed, read::read_all_in, row::unsigned, view::inline::apply};

/// The server's own limit, in milliseconds.
const MOST: u128 = 30_000;

pub(crate) type Model = Arc<dyn Inline<PgConnection>>;

/// What this process can apply. Whether it is to be applied is written in the database.
#[derive(Clone, Default)]
pub(crate) struct Models(Arc<Mutex<HashMap<ViewId, Model>>>);

/// What must be applied in a commit.
#[derive(Debug, Default)]
pub(crate) struct Registered {
    views: Vec<ViewId>,
}

impl Models {
    pub(crate) fn attach(&self, view: ViewId, model: Model) {
        self.all().insert(view, model);
    }

    pub(crate) fn forget(&self, view: &ViewId) {
        self.all().remove(view);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ViewId, Model>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registered {
    /// Read under the head's lock, so that it holds for the commit.
    pub(crate) async fn read(connection: &mut PgConnection) -> sqlx::Result<Self> {
        let rows =
            query("SELECT name, version FROM watertight.inline_views ORDER BY name, version")
                .fetch_all(connection)
                .await?;
        let view = |row: &sqlx::postgres::PgRow| {
            let version = unsigned(row.try_get("version")?);
            let version = u32::try_from(version).unwrap_or_default();
            Ok(ViewId::new(row.try_get::<&str, _>("name")?, version))
        };
        let views = rows.iter().map(view).collect::<sqlx::Result<_>>()?;
        Ok(Self { views })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.views.is_empty()
    }

    /// A model that must be applied, and which this process does not know.
    pub(crate) fn missing(&self, models: &Models) -> Option<&ViewId> {
        let known = models.all();
        self.views.iter().find(|view| !known.contains_key(*view))
    }

    /// Applies what a plan has appended in the same transaction.
    pub(crate) async fn apply(
        &self,
        connection: &mut PgConnection,
        models: &Models,
        plan: &Plan,
        limit: Duration,
    ) -> Result<(), CommitError> {
        if self.views.is_empty() || plan.rows.is_empty() {
            return Ok(());
        }
        let events = appended(connection, plan).await?;
        // Else the server would go on with what nobody waits for any more, and keep the head locked.
        query("SELECT set_config('statement_timeout', $1, true)")
            .bind(limit.as_millis().clamp(1, MOST).to_string())
            .execute(&mut *connection)
            .await
            .map_err(|error| failed(&error))?;
        for view in &self.views {
            let Some(model) = models.all().get(view).cloned() else {
                continue;
            };
            let start = Instant::now();
            let moved = (plan.guard, plan.head);
            let applying = apply(connection, view, &*model, &events, moved);
            match timeout(limit, applying).await {
                Ok(applied) if start.elapsed() < limit => {
                    applied.map_err(|error| refused(&error))?;
                }
                _ => {
                    // A smaller batch may take less.
                    let why = format!("read model {view} took too long for a commit");
                    return Err(CommitError::Data(why.into()));
                }
            }
        }
        Ok(())
    }
}

/// A model that does not take the events, or a database that fails.
fn refused(error: &ViewError) -> CommitError {
    let message = error.to_string().into();
    if error.is_transient() {
        let transient = true;
        return CommitError::Failed { transient, message };
    }
    CommitError::Data(message)
}

/// The events of a plan as others will read them.
async fn appended(
    connection: &mut PgConnection,
    plan: &Plan,
) -> Result<Vec<Recorded>, CommitError> {
    let mut events = Vec::with_capacity(plan.rows.len());
    let mut after: Position = plan.guard;
    while after < plan.head {
        let page = read_all_in(connection, after, &Filter::all(), plan.rows.len()).await;
        let page = page.map_err(|error| failed(&error))?;
        if page.events.is_empty() {
            let why = "events that were just written cannot be read";
            return Err(CommitError::Data(why.into()));
        }
        after = page.scanned_to;
        events.extend(page.events);
    }
    Ok(events)
}

/// The answers to a batch in which writes with events were left out.
pub(crate) fn answers(
    batch: &[Write],
    planned: Vec<Result<Written, WriteError>>,
    missing: &ViewId,
) -> Vec<Result<Written, WriteError>> {
    let mut planned = planned.into_iter();
    let not_attached = || {
        Err(WriteError::NotAttached {
            view: missing.clone(),
        })
    };
    let answer = |write: &Write| {
        if has_events(write) {
            return not_attached();
        }
        planned.next().unwrap_or_else(not_attached)
    };
    batch.iter().map(answer).collect()
}

pub(crate) fn has_events(write: &Write) -> bool {
    write.appends.iter().any(|append| !append.events.is_empty())
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.all().keys()).finish()
    }
}
