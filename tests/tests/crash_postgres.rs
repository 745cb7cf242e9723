//! What a node leaves behind in PostgreSQL that is killed while it writes.

#[path = "support/crash.rs"]
mod crash;
#[path = "support/projecting.rs"]
mod projecting;
#[path = "support/server.rs"]
mod server;

use crash::{append_and_kill, is_whole};
use projecting::{Projector, checkpoint, is_exact};
use server::database;
use sqlx::PgPool;
use watertight_events::Position;
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

#[tokio::test]
async fn a_view_of_a_process_that_is_killed_has_every_event_once() {
    let url = database("projected").await;
    let store = PostgresStore::open(PgPool::connect(&url).await.unwrap())
        .await
        .unwrap();
    let mut random = fastrand::Rng::with_seed(8);
    let mut events = 0;
    for _ in 0..8 {
        Projector::start("postgres", &url, 4).steps(random.usize(1..60));
        let now = is_exact(&store).await;
        assert!(now > events, "it goes on where it was");
        events = now;
    }
}

#[tokio::test]
async fn two_processes_that_run_one_view_and_are_killed_have_each_effect_once() {
    let url = database("shared").await;
    let store = PostgresStore::open(PgPool::connect(&url).await.unwrap())
        .await
        .unwrap();
    let mut random = fastrand::Rng::with_seed(9);
    let mut running = Projector::start("postgres", &url, 2);
    let mut reached = Position::START;
    for _ in 0..8 {
        running.steps(1);
        let next = Projector::start("postgres", &url, 2);
        // The one that is killed is the one that runs the view: the other stands by, and takes over.
        running.steps(random.usize(1..60));
        running = next;
        is_exact(&store).await;
        let now = checkpoint(&store).await;
        assert!(now > reached, "one of them goes on");
        reached = now;
    }
    running.steps(20);
    drop(running);
    assert!(is_exact(&store).await > 0);
}
