//! Reactions of a node on PostgreSQL that is killed while it writes.

#[path = "support/reacting.rs"]
mod reacting;
#[path = "support/server.rs"]
mod server;

use reacting::{is_whole, trade_and_kill};
use server::database;
use sqlx::PgPool;
use watertight_postgres::PostgresStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kill_9_every_effect_was_had_and_every_event_is_there_once() {
    let url = database("reacting").await;
    let mut random = fastrand::Rng::with_seed(7);
    let mut booked = Vec::new();
    for _ in 0..8 {
        booked.extend(trade_and_kill("postgres", &url, random.usize(1..150)));
    }
    let store = PostgresStore::open(PgPool::connect(&url).await.unwrap());
    is_whole(&store.await.unwrap(), &booked).await;
}
