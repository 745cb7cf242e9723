//! esrs on PostgreSQL, its only store.

use std::sync::Arc;

use anyhow::{anyhow, bail, ensure};
use esrs::{
    Aggregate, AggregateState,
    manager::AggregateManager,
    store::postgres::{PgStore, PgStoreBuilder, PgStoreError},
};
use sqlx::{PgPool, query, query_scalar};
use uuid::Uuid;
use watertight_benches::events::{Answer, Ask, Keeper, Outcome, Subject, Work, under_load};

use crate::{
    booked::{Booked, Command, Refused, decide, evolve},
    server,
};

const TABLE: &str = "account_events";

const MANY: &str = r#"
INSERT INTO account_events (id, aggregate_id, payload, sequence_number)
SELECT gen_random_uuid(), lpad(to_hex((n - 1) / 10), 32, '0')::uuid, '{"Deposited":{"amount":10}}', (n - 1) % 10 + 1
FROM generate_series(1, $1::bigint) AS n"#;

const ONE: &str = r#"
INSERT INTO account_events (id, aggregate_id, payload, sequence_number)
SELECT gen_random_uuid(), $2,
    CASE n WHEN 1 THEN '{"Opened":{"owner":"ada.lovelace@engines.example"}}' ELSE '{"Deposited":{"amount":10}}' END::jsonb, n
FROM generate_series(1, $1::bigint) AS n"#;

pub(crate) struct Account;

impl Aggregate for Account {
    const NAME: &'static str = "account";
    type State = Option<u64>;
    type Command = Command;
    type Event = Booked;
    type Error = Refused;

    fn handle_command(balance: &Option<u64>, command: Command) -> Result<Vec<Booked>, Refused> {
        Ok(vec![decide(*balance, command)?])
    }

    fn apply_event(balance: Option<u64>, event: Booked) -> Option<u64> {
        evolve(balance, &event)
    }
}

/// One aggregate is locked where many want it, as its documentation advises.
#[derive(Clone)]
struct Manager {
    manager: Arc<AggregateManager<PgStore<Account>>>,
    pool: PgPool,
    locks: bool,
}

pub(crate) async fn work(ask: &Ask) -> anyhow::Result<Answer> {
    if ask.keeper != Keeper::Postgres {
        bail!("esrs has no other store");
    }
    if ask.work == Work::Fill {
        return fill(ask).await;
    }
    let pool = server::open(ask).await?;
    let store = PgStoreBuilder::new(pool.clone())
        .without_running_migrations()
        .try_build()
        .await?;
    let manager = Manager {
        manager: Arc::new(AggregateManager::new(store)),
        pool,
        locks: ask.work == Work::Hot,
    };
    under_load(&manager, ask).await
}

async fn fill(ask: &Ask) -> anyhow::Result<Answer> {
    let pool = server::create(ask).await?;
    let _: PgStore<Account> = PgStoreBuilder::new(pool.clone()).try_build().await?;
    query(MANY)
        .bind(i64::try_from(ask.events)?)
        .execute(&pool)
        .await?;
    for (size, id) in ask.sizes().all() {
        query(ONE)
            .bind(i64::try_from(size)?)
            .bind(id)
            .execute(&pool)
            .await?;
    }
    server::settle(&pool, TABLE).await
}

impl Manager {
    async fn send(
        &self,
        state: AggregateState<Option<u64>>,
        command: Command,
    ) -> anyhow::Result<Outcome> {
        match self.manager.handle_command(state, command).await {
            Ok(Ok(_)) => Ok(Outcome::Done),
            Ok(Err(refused)) => Err(refused.into()),
            Err(PgStoreError::Sqlx(error)) if server::is_conflict(&error) => Ok(Outcome::Conflict),
            Err(error) => Err(error.into()),
        }
    }
}

impl Subject for Manager {
    async fn create(&self, id: Uuid) -> anyhow::Result<Outcome> {
        self.send(AggregateState::with_id(id), Command::Open).await
    }

    async fn update(&self, id: Uuid) -> anyhow::Result<Outcome> {
        let state = if self.locks {
            let loaded = self.manager.lock_and_load(id).await?;
            ensure!(loaded.is_some(), "there is no account {id}");
            loaded.unwrap()
        } else {
            let loaded = self.manager.load(id).await?;
            loaded.ok_or_else(|| anyhow!("there is no account {id}"))?
        };
        self.send(state, Command::Deposit(10)).await
    }

    async fn stored(&self, id: Uuid) -> anyhow::Result<u64> {
        let count: i64 =
            query_scalar("SELECT count(*) FROM account_events WHERE aggregate_id = $1")
                .bind(id)
                .fetch_one(&self.pool)
                .await?;
        Ok(u64::try_from(count)?)
    }
}
