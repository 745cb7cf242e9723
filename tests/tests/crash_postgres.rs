//! What a node leaves behind in PostgreSQL that is killed while it writes.

#[path = "support/crash.rs"]
mod crash;
#[path = "support/kill.rs"]
mod kill;

use crash::{append_and_kill, is_whole};
use sqlx::{Connection, PgConnection, PgPool, raw_sql};
use watertight_postgres::PostgresStore;

/// The URL of a new database on the server that `cargo xtask test` starts.
async fn database(name: &str) -> String {
    let server = std::env::var("WATERTIGHT_POSTGRES");
    let server =
        server.expect("WATERTIGHT_POSTGRES is the URL of a server: `cargo xtask test` starts one");
    let name = format!("{name}_{}", std::process::id());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    for statement in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name}"),
    ] {
        raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut admin)
            .await
            .unwrap();
    }
    format!("{server}/{name}")
}

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
