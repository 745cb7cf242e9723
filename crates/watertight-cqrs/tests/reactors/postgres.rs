#[path = "../../../watertight-postgres/tests/support/mod.rs"]
mod database;

use std::time::Duration;

use tempfile::TempDir;
use watertight_postgres::PostgresStore;

use crate::place::Place;

impl Place for PostgresStore {
    const SPIN: usize = 200;
    const SHORT: Duration = Duration::from_millis(50);

    async fn fresh() -> (Self, Option<TempDir>) {
        let store = Self::open(database::database().await).await.unwrap();
        (store, None)
    }
}
