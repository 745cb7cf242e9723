//! Read models in the transaction that appends their events.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use sqlx::{Connection, PgConnection, PgPool, Row, query};
use uuid::Uuid;
use watertight_events::{
    Change, EventStore, Filter, Inline, InlineStore, Lane, Lease, Loaded, Parked, Position,
    Recorded, Save, Session, StoreId, ViewError, ViewId, Work,
};

use super::{find, save, table::do_work, versions};
use crate::{
    PostgresStore,
    inline::{Model, Models},
    journal::lock_head,
    read::read_all_in,
    row::{signed, unsigned},
    transaction::{Refused, begin},
};

/// Events that a model may have left to read when it is attached.
const LEFT: usize = 1_000;

/// One read model in a transaction that appends events.
struct Here<'t> {
    connection: &'t mut PgConnection,
    view: &'t ViewId,
    id: i64,
}

impl InlineStore for PostgresStore {
    async fn attach(
        &self,
        lease: &Lease,
        from: Position,
        model: Arc<dyn Inline<PgConnection>>,
    ) -> Result<(), ViewError> {
        let models = &self.0.models;
        self.change(attach(self.pool(), models, self.id(), lease, from, model))
            .await
    }

    fn know(&self, view: &ViewId, model: Model) {
        self.0.models.attach(view.clone(), model);
    }

    async fn retire(&self, view: &ViewId) -> Result<(), ViewError> {
        self.change(retire(self.pool(), view)).await?;
        self.0.models.forget(view);
        Ok(())
    }
}

async fn attach(
    pool: &PgPool,
    models: &Models,
    events: StoreId,
    lease: &Lease,
    from: Position,
    model: Model,
) -> Result<(), Refused> {
    let view = &lease.view;
    let mut transaction = begin(pool).await?;
    // Nobody appends from here on.
    lock_head(&mut transaction).await?;
    let stay = Save::new(lease.clone(), from, from);
    save::save_in(&mut transaction, &stay).await?;
    let store =
        query("SELECT store_id FROM watertight.checkpoints WHERE name = $1 AND version = $2")
            .bind(&*view.name)
            .bind(i64::from(view.version))
            .fetch_one(&mut *transaction)
            .await?;
    let store = StoreId(store.try_get::<Uuid, _>("store_id")?);
    if store != events {
        let view = view.clone();
        return Err(ViewError::OtherStore { view, store }.into());
    }
    let left = read_all_in(&mut transaction, from, &Filter::all(), LEFT).await?;
    if !left.at_head {
        return Err(Refused(ViewError::Behind {
            view: view.clone(),
            actual: from,
            active: left.scanned_to,
        }));
    }
    let moved = (from, left.scanned_to);
    apply(&mut transaction, view, &*model, &left.events, moved).await?;
    query("INSERT INTO watertight.inline_views (name, version) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(&*view.name)
        .bind(i64::from(view.version))
        .execute(&mut *transaction)
        .await?;
    query("UPDATE watertight.head SET batch = batch + 1")
        .execute(&mut *transaction)
        .await?;
    // Before anybody can ask for it; if it is not to be applied after all, that does no harm.
    models.attach(view.clone(), model);
    transaction.commit().await?;
    Ok(())
}

async fn retire(pool: &PgPool, view: &ViewId) -> Result<(), Refused> {
    let mut transaction = begin(pool).await?;
    lock_head(&mut transaction).await?;
    versions::is_free(&mut transaction, view).await?;
    forget(&mut transaction, view).await?;
    transaction.commit().await?;
    Ok(())
}

/// Takes a read model out of the commits of events.
pub(super) async fn forget(connection: &mut PgConnection, view: &ViewId) -> sqlx::Result<()> {
    query("DELETE FROM watertight.inline_views WHERE name = $1 AND version = $2")
        .bind(&*view.name)
        .bind(i64::from(view.version))
        .execute(connection)
        .await?;
    Ok(())
}

/// Applies what was appended, and moves the checkpoint along.
pub(crate) async fn apply(
    connection: &mut PgConnection,
    view: &ViewId,
    model: &dyn Inline<PgConnection>,
    events: &[Recorded],
    (from, to): (Position, Position),
) -> Result<(), ViewError> {
    let applied = async {
        let id = move_on(connection, view, (from, to)).await?;
        let filter = model.filter();
        let wanted = |event: &&Recorded| {
            filter.lets_through(event.stream.category(), event.event.kind.as_str())
        };
        let events: Vec<_> = events.iter().filter(wanted).cloned().collect();
        if events.is_empty() {
            return Ok(());
        }
        let mut here = Here {
            connection,
            view,
            id,
        };
        let applying = AssertUnwindSafe(async { model.apply(&mut here, &events).await });
        let applied = applying.catch_unwind().await;
        Ok(applied.unwrap_or_else(|panic| {
            let why = format!("it panicked: {}", said(&*panic)).into();
            let view = view.clone();
            Err(ViewError::Refused { view, why })
        })?)
    };
    applied.await.map_err(|Refused(why)| why)
}

/// Whoever holds the view or not: the head's lock keeps others away.
async fn move_on(
    connection: &mut PgConnection,
    view: &ViewId,
    (from, to): (Position, Position),
) -> Result<i64, Refused> {
    let found = query(
        "SELECT view_id, position FROM watertight.checkpoints WHERE name = $1 AND version = $2 FOR UPDATE",
    )
    .bind(&*view.name)
    .bind(i64::from(view.version))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(found) = found else {
        let why = format!("view {view} was erased meanwhile");
        return Err(ViewError::store(true, why).into());
    };
    let actual = Position(unsigned(found.try_get("position")?));
    if actual != from {
        let view = view.clone();
        return Err(ViewError::Fenced { view, actual }.into());
    }
    query("UPDATE watertight.checkpoints SET position = $3 WHERE name = $1 AND version = $2")
        .bind(&*view.name)
        .bind(i64::from(view.version))
        .bind(signed(to.0))
        .execute(connection)
        .await?;
    Ok(found.try_get("view_id")?)
}

impl Here<'_> {
    async fn change(&mut self, changes: &[Change], park: &[Parked]) -> Result<(), Refused> {
        let lease = Lease {
            view: self.view.clone(),
            owner: Uuid::nil(),
            epoch: 0,
        };
        let mut save = Save::new(lease, Position::START, Position::START);
        save.changes = changes.to_vec();
        save.park = park.to_vec();
        save.check()?;
        save::change(self.connection, self.id, &save).await?;
        Ok(())
    }

    async fn nested(&mut self, work: &dyn Work<PgConnection>) -> Result<(), Refused> {
        let mut nested = self.connection.begin().await?;
        match do_work(&mut nested, self.view, work).await {
            Ok(()) => nested.commit().await?,
            Err(refused) => {
                nested.rollback().await?;
                return Err(refused);
            }
        }
        Ok(())
    }
}

impl Session<PgConnection> for Here<'_> {
    fn load<'a>(&'a mut self, lanes: &'a [Lane]) -> BoxFuture<'a, Result<Loaded, ViewError>> {
        let load = find::load_in(self.connection, self.view, lanes);
        Box::pin(load.map(|loaded| loaded.map_err(|Refused(why)| why)))
    }

    fn save<'a>(
        &'a mut self,
        changes: &'a [Change],
        park: &'a [Parked],
    ) -> BoxFuture<'a, Result<(), ViewError>> {
        let change = self.change(changes, park);
        Box::pin(change.map(|saved| saved.map_err(|Refused(why)| why)))
    }

    fn work<'a>(
        &'a mut self,
        work: &'a dyn Work<PgConnection>,
    ) -> BoxFuture<'a, Result<(), ViewError>> {
        let nested = self.nested(work);
        Box::pin(nested.map(|done| done.map_err(|Refused(why)| why)))
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("nothing")
}
