//! What a node leaves behind in PostgreSQL that is killed while it writes.

#[path = "support/crash.rs"]
mod crash;
#[path = "support/database.rs"]
mod database;

use crash::{append_and_kill, is_whole};
use database::database;
use sqlx::PgPool;
use watertight_postgres::PostgresStore;

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_and_nothing_is_there_in_part() {
    let url = database("crash").await;
    let store = PostgresStore::open(PgPool::connect(&url).await.unwrap())
        .await
        .unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let mut acknowledged = Vec::new();
    for _ in 0..8 {
        let writes = random.usize(1..150);
        acknowledged.extend(append_and_kill("postgres", &url, writes));
        is_whole(&store, &acknowledged).await;
    }
}
