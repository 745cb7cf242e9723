//! Read models in the transaction that appends their events.

use std::sync::Arc;

use futures::{
    FutureExt,
    future::{BoxFuture, ready},
};
use rusqlite::params;
use watertight_events::{
    Change, Filter, Inline, InlineStore, Lane, Lease, Loaded, Parked, Position, Recorded, Save,
    Session, StoreId, ViewError, ViewId, Work,
};

use super::{
    Outcome,
    checkpoint::{self, Kept},
    find, save, table,
};
use crate::{
    SqliteStore, SqliteTransaction, error::view_error, read::read_all, transaction::at_once,
};

/// Events that a model may have left to read when it is attached.
const LEFT: usize = 1_000;

/// One read model in the writer's transaction.
struct Here<'t> {
    transaction: &'t mut SqliteTransaction,
    lease: Lease,
    /// Why the transaction is lost.
    failed: Option<rusqlite::Error>,
}

impl InlineStore for SqliteStore {
    async fn attach(
        &self,
        lease: &Lease,
        from: Position,
        model: Arc<dyn Inline<SqliteTransaction>>,
    ) -> Result<(), ViewError> {
        let (lease, events) = (lease.clone(), self.0.id);
        let attach = move |tx: &mut SqliteTransaction| {
            tx.nested(|tx| attach(tx, &lease, events, from, &model))
        };
        self.0.change(0, attach).await
    }

    async fn retire(&self, view: &ViewId) -> Result<(), ViewError> {
        let (view, now) = (view.clone(), self.0.clock.now());
        let retire = move |tx: &mut SqliteTransaction| {
            if let Some(kept) = Kept::find(tx, &view)?
                && let Err(held) = kept.is_free(&view, now)
            {
                return Ok(Err(held));
            }
            forget(tx, &view).map(Ok)
        };
        self.0.change(0, retire).await
    }
}

/// Applies what was appended; the error says why it cannot be.
pub(crate) fn apply(
    transaction: &mut SqliteTransaction,
    view: &ViewId,
    model: &dyn Inline<SqliteTransaction>,
    events: &[Recorded],
    (from, to): (Position, Position),
) -> Outcome<()> {
    let kept = Kept::find(transaction, view)?;
    let Some(lease) = kept.and_then(|kept| kept.lease(view, from)) else {
        let view = view.clone();
        let actual = Position::START;
        return Ok(Err(ViewError::Fenced { view, actual }));
    };
    let filter = model.filter();
    let wanted = |event: &&Recorded| lets_through(&filter, event);
    let events: Vec<_> = events.iter().filter(wanted).cloned().collect();
    if !events.is_empty() {
        let mut here = Here {
            transaction,
            lease,
            failed: None,
        };
        let applied = at_once(|| model.apply(&mut here, &events));
        if let Some(failed) = here.failed {
            return Err(failed);
        }
        let applied = applied.unwrap_or_else(|error| Err(table::refused(view, &error)));
        if let Err(error) = applied {
            return Ok(Err(error));
        }
    }
    checkpoint::move_to(transaction, view, to)?;
    Ok(Ok(()))
}

fn attach(
    transaction: &mut SqliteTransaction,
    lease: &Lease,
    events: StoreId,
    from: Position,
    model: &Arc<dyn Inline<SqliteTransaction>>,
) -> Outcome<()> {
    let view = &lease.view;
    let store = match checkpoint::advance(transaction, lease, from, from)? {
        Ok(kept) => kept.checkpoint.store,
        Err(fenced) => return Ok(Err(fenced)),
    };
    if store != events {
        let view = view.clone();
        return Ok(Err(ViewError::OtherStore { view, store }));
    }
    let left = read_all(transaction, from, &Filter::all(), LEFT)?;
    if !left.at_head {
        return Ok(Err(ViewError::Behind {
            view: view.clone(),
            actual: from,
            active: left.scanned_to,
        }));
    }
    let moved = (from, left.scanned_to);
    if let Err(error) = apply(transaction, view, &**model, &left.events, moved)? {
        return Ok(Err(error));
    }
    let insert = "INSERT OR IGNORE INTO inline_views (name, version) VALUES (?1, ?2)";
    let key = params![&*view.name, view.version];
    transaction.prepare_cached(insert)?.execute(key)?;
    let model = Some(Arc::clone(model));
    transaction.models.stage(view.clone(), model);
    Ok(Ok(()))
}

/// Takes a read model out of the commits of events.
pub(super) fn forget(transaction: &mut SqliteTransaction, view: &ViewId) -> rusqlite::Result<()> {
    let delete = "DELETE FROM inline_views WHERE name = ?1 AND version = ?2";
    let key = params![&*view.name, view.version];
    transaction.prepare_cached(delete)?.execute(key)?;
    transaction.models.stage(view.clone(), None);
    Ok(())
}

impl Here<'_> {
    fn change(&mut self, save: &Save) -> rusqlite::Result<()> {
        let kept = Kept::find(self.transaction, &save.lease.view)?;
        let parked = kept.map_or(0, |kept| kept.parked);
        save::change(self.transaction, save, parked).map(|_| ())
    }

    /// A failure of SQLite is kept for the whole transaction.
    fn keep<T: Send + 'static>(
        &mut self,
        done: Outcome<T>,
    ) -> BoxFuture<'static, Result<T, ViewError>> {
        let done = done.unwrap_or_else(|error| {
            let told = view_error(&error);
            self.failed = Some(error);
            Err(told)
        });
        ready(done).boxed()
    }
}

impl Session<SqliteTransaction> for Here<'_> {
    fn load<'a>(&'a mut self, lanes: &'a [Lane]) -> BoxFuture<'a, Result<Loaded, ViewError>> {
        let loaded = find::load(self.transaction, &self.lease.view, lanes).map(Ok);
        self.keep(loaded)
    }

    fn save<'a>(
        &'a mut self,
        changes: &'a [Change],
        park: &'a [Parked],
    ) -> BoxFuture<'a, Result<(), ViewError>> {
        let mut save = Save::new(self.lease.clone(), Position::START, Position::START);
        save.changes = changes.to_vec();
        save.park = park.to_vec();
        let saved = match save.check() {
            Ok(()) => self.change(&save).map(Ok),
            Err(error) => Ok(Err(error)),
        };
        self.keep(saved)
    }

    fn work<'a>(
        &'a mut self,
        work: &'a dyn Work<SqliteTransaction>,
    ) -> BoxFuture<'a, Result<(), ViewError>> {
        let view = &self.lease.view;
        let done = self.transaction.nested(|tx| {
            let done = tx.lend(work)?;
            Ok(done.map_err(|error| table::refused(view, &error)))
        });
        self.keep(done)
    }
}

fn lets_through(filter: &Filter, event: &Recorded) -> bool {
    filter.lets_through(event.stream.category(), event.event.kind.as_str())
}
