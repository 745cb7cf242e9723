//! cqrs-es in memory, on PostgreSQL by postgres-es, and in a SQLite file by sqlite-es.

mod account;
mod file;
mod server;

use std::sync::Arc;

use anyhow::{anyhow, bail};
use cqrs_es::{AggregateError, CqrsFramework, EventStore, mem_store::MemStore};
use sqlx::{PgPool, SqlitePool};
use uuid::Uuid;
use watertight_benches::events::{Answer, Ask, Keeper, Outcome, Subject, Work, under_load};

use self::account::Account;
use crate::booked::Command;

/// Events between two snapshots.
const SNAPSHOT: usize = 50;

pub(crate) async fn work(ask: &Ask) -> anyhow::Result<Answer> {
    let snapshots = ask.subject.ends_with("snapshots");
    match (ask.keeper, ask.work) {
        (Keeper::Memory, Work::Fill) => bail!("memory is filled by whoever measures"),
        (Keeper::Memory, _) => {
            let store = MemStore::default();
            let framework = CqrsFramework::new(store.clone(), Vec::new(), ());
            let counted = Counted::Memory(store);
            under_load(&Framework::new(framework, counted), ask).await
        }
        (Keeper::Sqlite, Work::Fill) => file::fill(ask).await,
        (Keeper::Sqlite, _) => under_load(&file::open(ask, snapshots).await?, ask).await,
        (Keeper::Postgres, Work::Fill) => server::fill(ask).await,
        (Keeper::Postgres, _) => under_load(&server::open(ask, snapshots).await?, ask).await,
    }
}

/// The framework over one of its stores.
pub(crate) struct Framework<S: EventStore<Account>> {
    cqrs: Arc<CqrsFramework<Account, S>>,
    counted: Counted,
}

/// Where events are counted, beside the framework.
#[derive(Clone)]
pub(crate) enum Counted {
    Memory(MemStore<Account>),
    File(SqlitePool),
    Server(PgPool),
}

impl<S: EventStore<Account>> Framework<S> {
    fn new(cqrs: CqrsFramework<Account, S>, counted: Counted) -> Self {
        Self {
            cqrs: Arc::new(cqrs),
            counted,
        }
    }

    async fn send(&self, id: Uuid, command: Command) -> anyhow::Result<Outcome> {
        match self.cqrs.execute(&id.to_string(), command).await {
            Ok(()) => Ok(Outcome::Done),
            Err(AggregateError::AggregateConflict) => Ok(Outcome::Conflict),
            Err(error) => Err(anyhow!("{error}")),
        }
    }
}

impl<S: EventStore<Account>> Clone for Framework<S> {
    fn clone(&self) -> Self {
        Self {
            cqrs: Arc::clone(&self.cqrs),
            counted: self.counted.clone(),
        }
    }
}

impl<S: EventStore<Account> + Send + Sync + 'static> Subject for Framework<S>
where
    S::AC: Send,
{
    async fn create(&self, id: Uuid) -> anyhow::Result<Outcome> {
        self.send(id, Command::Open).await
    }

    async fn update(&self, id: Uuid) -> anyhow::Result<Outcome> {
        self.send(id, Command::Deposit(10)).await
    }

    async fn stored(&self, id: Uuid) -> anyhow::Result<u64> {
        let id = id.to_string();
        let count = match &self.counted {
            Counted::Memory(store) => store.load_events(&id).await?.len() as u64,
            Counted::File(pool) => file::count(pool, &id).await?,
            Counted::Server(pool) => server::count(pool, &id).await?,
        };
        Ok(count)
    }
}
