//! Writes, stages and reacts until it is killed, and says what was done: `hotel sqlite PATH | postgres URL`.

use std::{env, io::Write as _};

use anyhow::{Context, bail};
use uuid::Uuid;
use watertight_postgres::PostgresStore;
use watertight_sqlite::SqliteStore;
use watertight_tests::hotel::{Hotel, react, trade};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let kind = arguments.next().context("which store")?;
    let place = arguments.next().context("where it is")?;
    match kind.as_str() {
        "sqlite" => run(SqliteStore::open(place)?).await,
        "postgres" => {
            let pool = sqlx::PgPool::connect(&place).await?;
            run(PostgresStore::open(pool).await?).await
        }
        other => bail!("unknown store {other}"),
    }
}

async fn run<S: Hotel>(store: S) -> anyhow::Result<()> {
    store.prepare().await?;
    let _handles = react(&store, |message| say("effect", message));
    trade(store, |guest| say("booked", guest)).await
}

fn say(what: &str, which: Uuid) {
    let mut out = std::io::stdout().lock();
    // Whoever listened may be gone, and this process is about to be.
    let _ = writeln!(out, "{what} {which}").and_then(|()| out.flush());
}
