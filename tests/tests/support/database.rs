//! A database of its own for a test.

use sqlx::{Connection, PgConnection, raw_sql};

/// The URL of a new database on the server that `cargo xtask test` starts.
pub(crate) async fn database(name: &str) -> String {
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
