//! A database of its own for every test.

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{Connection, PgConnection, PgPool, postgres::PgPoolOptions, raw_sql};

/// Where the server is: `cargo xtask test` sets it.
const SERVER: &str = "WATERTIGHT_POSTGRES";

/// A new database on the server, and a pool of connections to it.
pub(crate) async fn database() -> PgPool {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = env::var(SERVER);
    let server =
        server.expect("WATERTIGHT_POSTGRES is the URL of a server: `cargo xtask test` starts one");
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{}_{number}", std::process::id());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    let create = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE); CREATE DATABASE {name}");
    for statement in create.split("; ") {
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        raw_sql(statement).execute(&mut admin).await.unwrap();
    }
    pool(&format!("{server}/{name}")).await
}

/// Another pool to a database.
pub(crate) async fn pool(url: &str) -> PgPool {
    let options = PgPoolOptions::new().max_connections(4);
    options.connect(url).await.unwrap()
}
