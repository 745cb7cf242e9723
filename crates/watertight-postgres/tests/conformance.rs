//! The store on PostgreSQL keeps to everything that a store of events, views and snapshots must.

mod support;

use sqlx::PgPool;
use watertight_events::{conformance::Fixture, event_store_tests};
use watertight_postgres::PostgresStore;

struct Database {
    store: PostgresStore,
    pool: PgPool,
}

impl Fixture for Database {
    type Store = PostgresStore;

    async fn fresh() -> Self {
        Self::open(support::database().await).await
    }

    fn store(&self) -> PostgresStore {
        self.store.clone()
    }

    async fn reopen(self) -> Option<Self> {
        let Self { store, pool } = self;
        drop(store);
        Some(Self::open(pool).await)
    }
}

impl Database {
    async fn open(pool: PgPool) -> Self {
        let store = PostgresStore::open(pool.clone()).await.unwrap();
        Self { store, pool }
    }
}

event_store_tests!(Database);

mod views {
    use super::Database;

    watertight_events::view_store_tests!(Database);
}

mod snapshots {
    use super::Database;

    watertight_events::snapshot_store_tests!(Database);
}
