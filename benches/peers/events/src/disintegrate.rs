//! disintegrate on PostgreSQL, its only store.

use std::error::Error;

use anyhow::{anyhow, bail};
use disintegrate::{
    Decision, DecisionError, Event, NoSnapshot, StateMutate, StateQuery, serde::json::Json,
};
use disintegrate_postgres::{PgDecisionMaker, PgEventStore, decision_maker};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, query, query_scalar, raw_sql};
use uuid::Uuid;
use watertight_benches::events::{Answer, Ask, Keeper, Outcome, Subject, Work, under_load};

use crate::{
    booked::{Command, OWNER, Refused},
    server,
};

const TABLE: &str = "event";
const TABLES: &str = include_str!("disintegrate.sql");

const MANY: &str = r#"
INSERT INTO event (event_type, payload, account)
SELECT 'Deposited', convert_to('{"Deposited":{"account":"' || account || '","amount":10}}', 'UTF8'), account
FROM (SELECT lpad(to_hex((n - 1) / 10), 32, '0')::uuid AS account FROM generate_series(1, $1::bigint) AS n) AS accounts"#;

const ONE: &str = r#"
INSERT INTO event (event_type, payload, account)
SELECT CASE n WHEN 1 THEN 'Opened' ELSE 'Deposited' END,
    convert_to(CASE n WHEN 1 THEN '{"Opened":{"account":"' || $2::text || '","owner":"ada.lovelace@engines.example"}}'
        ELSE '{"Deposited":{"account":"' || $2::text || '","amount":10}}' END, 'UTF8'), $2::uuid
FROM generate_series(1, $1::bigint) AS n"#;

#[derive(Clone, Debug, Deserialize, Event, PartialEq, Serialize)]
enum AccountEvent {
    Opened {
        #[id]
        account: Uuid,
        owner: String,
    },
    Deposited {
        #[id]
        account: Uuid,
        amount: u64,
    },
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, StateQuery)]
#[state_query(AccountEvent)]
struct Account {
    #[id]
    account: Uuid,
    balance: Option<u64>,
}

impl StateMutate for Account {
    fn mutate(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::Opened { .. } => self.balance = Some(0),
            AccountEvent::Deposited { amount, .. } => {
                self.balance = Some(self.balance.unwrap_or_default() + amount);
            }
        }
    }
}

struct Decide(Uuid, Command);

impl Decision for Decide {
    type Event = AccountEvent;
    type StateQuery = Account;
    type Error = Refused;

    fn state_query(&self) -> Account {
        Account {
            account: self.0,
            balance: None,
        }
    }

    fn process(&self, state: &Account) -> Result<Vec<AccountEvent>, Refused> {
        let account = self.0;
        match (self.1, state.balance) {
            (Command::Open, Some(_)) => Err(Refused::Taken),
            (Command::Open, None) => Ok(vec![AccountEvent::Opened {
                account,
                owner: OWNER.to_owned(),
            }]),
            (Command::Deposit(_), None) => Err(Refused::Missing),
            (Command::Deposit(amount), Some(_)) => {
                Ok(vec![AccountEvent::Deposited { account, amount }])
            }
        }
    }
}

type Maker = PgDecisionMaker<AccountEvent, Json<AccountEvent>, NoSnapshot>;

#[derive(Clone)]
struct Decisions {
    maker: Maker,
    pool: PgPool,
}

pub(crate) async fn work(ask: &Ask) -> anyhow::Result<Answer> {
    if ask.keeper != Keeper::Postgres {
        bail!("disintegrate has no other store");
    }
    if ask.work == Work::Fill {
        return fill(ask).await;
    }
    let pool = server::open(ask).await?;
    let store = PgEventStore::new_uninitialized(pool.clone(), Json::default());
    let maker = decision_maker(store, NoSnapshot);
    under_load(&Decisions { maker, pool }, ask).await
}

async fn fill(ask: &Ask) -> anyhow::Result<Answer> {
    let pool = server::create(ask).await?;
    raw_sql(TABLES).execute(&pool).await?;
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

impl Decisions {
    async fn send(&self, id: Uuid, command: Command) -> anyhow::Result<Outcome> {
        match self.maker.make(Decide(id, command)).await {
            Ok(_) => Ok(Outcome::Done),
            Err(DecisionError::StateStore(error)) if is_conflict(&*error) => Ok(Outcome::Conflict),
            // It reads up to the first position that somebody else is still writing, so it may not see its own last event.
            Err(DecisionError::Domain(Refused::Missing)) => Ok(Outcome::Conflict),
            Err(error) => Err(anyhow!("{error}")),
        }
    }
}

impl Subject for Decisions {
    async fn create(&self, id: Uuid) -> anyhow::Result<Outcome> {
        self.send(id, Command::Open).await
    }

    async fn update(&self, id: Uuid) -> anyhow::Result<Outcome> {
        self.send(id, Command::Deposit(10)).await
    }

    async fn stored(&self, id: Uuid) -> anyhow::Result<u64> {
        let count: i64 = query_scalar("SELECT count(*) FROM event WHERE account = $1")
            .bind(id)
            .fetch_one(&self.pool)
            .await?;
        Ok(u64::try_from(count)?)
    }
}

fn is_conflict(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref() {
        Some(disintegrate_postgres::Error::Concurrency) => true,
        Some(disintegrate_postgres::Error::Database(error)) => server::is_conflict(error),
        _ => false,
    }
}
