//! Users and their profiles, by commands and queries over one event store.

mod audit;
mod customers;
mod paced;
mod profiles;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Result, ensure};
use axum::http::StatusCode;
use futures::future::try_join_all;
use tempfile::TempDir;
use tower::{ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use watertight_cqrs::{
    CommandHandler, CommandRequest, ConsistencyToken, Projection, ProjectionHandle,
    ProjectionSnapshot, ProjectionState, QueryHandler, QueryRequest, View,
};
use watertight_events::{EventStore, ViewError, ViewStore};
use watertight_sqlite::SqliteStore;

pub(crate) use self::audit::PeopleAudit;
use self::{
    audit::audit,
    customers::{CheckOut, Customers, customer_of, histories},
    paced::Paced,
    profiles::{ProfileOf, Profiles, ProfilesByDomain},
};
use super::World;

/// What happened to the customers, and what is shown of them.
#[derive(Debug)]
pub(crate) struct People {
    world: World,
    store: SqliteStore,
    /// Whether the naive shop has taken the read model down, to fill it anew.
    down: Arc<AtomicBool>,
    /// Removed when the shop is closed.
    _folder: TempDir,
}

/// Work for an order that a service does.
pub(super) type Work = BoxCloneSyncService<u64, (), StatusCode>;

/// Events that a rebuild reads at a time.
const BATCH: usize = 250;

impl People {
    /// Opens a store in a file of its own, where every customer has moved so many times.
    pub(super) async fn open(world: World, moves: u64) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = SqliteStore::open(folder.path().join("people.db"))?;
        let writes = histories(moves)?.into_iter();
        try_join_all(writes.map(|history| store.write(history))).await?;
        let shown = Projection::<Profiles, _, _>::new(store.clone(), store.clone());
        let handle = shown.handle();
        tokio::spawn(shown.run());
        caught_up(&handle).await?;
        Ok(Self {
            world,
            store,
            down: Arc::default(),
            _folder: folder,
        })
    }

    /// The user service: notes that a customer checks out, once for each order.
    pub(super) fn user(&self) -> Work {
        let commands = CommandHandler::new(Customers, self.store.clone());
        let work = move |order: u64| {
            let commands = commands.clone();
            async move {
                let command = CommandRequest::new(CheckOut { order }).key(order.to_string());
                let command = command.map_err(|_| StatusCode::BAD_REQUEST)?;
                let done = commands.oneshot(command).await;
                done.map(drop).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
            }
        };
        BoxCloneSyncService::new(ServiceBuilder::new().service_fn(work))
    }

    /// The profile service: shows the customer whose order it is.
    pub(super) fn profile(&self) -> Work {
        let queries = QueryHandler::new(ProfileOf, self.store.clone());
        let down = Arc::clone(&self.down);
        let work = move |order: u64| {
            let (queries, down) = (queries.clone(), down.load(Ordering::Relaxed));
            async move {
                if down {
                    return Err(StatusCode::SERVICE_UNAVAILABLE);
                }
                let found = queries.oneshot(QueryRequest::new(customer_of(order))).await;
                let found = found.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
                found.value.map(drop).ok_or(StatusCode::NOT_FOUND)
            }
        };
        BoxCloneSyncService::new(ServiceBuilder::new().service_fn(work))
    }

    /// Builds the read model anew from the first event on, and has the new one read when it is there.
    ///
    /// The naive shop shows nobody meanwhile; the other goes on to show the old one.
    pub(crate) async fn rebuild(&self) -> Result<()> {
        self.down
            .store(self.world == World::Naive, Ordering::Relaxed);
        let past = Paced(self.store.clone());
        let new = Projection::<ProfilesByDomain, _, _>::new(past, self.store.clone()).batch(BATCH);
        let handle = new.handle();
        tokio::spawn(new.run());
        loop {
            caught_up(&handle).await?;
            match self.store.promote(&ProfilesByDomain::id()).await {
                // The other was a few events faster.
                Err(ViewError::Behind { .. }) => {}
                promoted => break promoted?,
            }
        }
        self.down.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Holds what is shown against what happened.
    pub(crate) async fn audit(&self, confirmed: &[u64]) -> Result<PeopleAudit> {
        let head = ConsistencyToken {
            store: self.store.id(),
            position: *self.store.head().borrow(),
        };
        let queries = QueryHandler::new(ProfileOf, self.store.clone());
        let up_to_date = QueryRequest::new(customer_of(0)).at_least(head);
        queries.oneshot(up_to_date).await?;
        audit(&self.store, &self.store, confirmed).await
    }
}

async fn caught_up(projection: &ProjectionHandle) -> Result<()> {
    let live = |it: &ProjectionSnapshot| it.state == ProjectionState::Live && it.lag() == 0;
    let reached = projection.until(live).await;
    ensure!(live(&reached), "{} is {:?}", reached.view, reached.state);
    Ok(())
}
