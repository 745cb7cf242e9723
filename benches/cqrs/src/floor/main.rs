//! The least that can be done: the same rows into the same columns, with nothing decided, checked or kept beside them.

mod cached;
mod group;
mod one;
mod rows;
mod server;
mod sqlite;

use anyhow::bail;
use watertight_benches::events::{Answer, Ask, Keeper, Work, answer, under_load};

fn main() -> anyhow::Result<()> {
    answer(work)
}

async fn work(ask: Ask) -> anyhow::Result<Answer> {
    match (ask.keeper, &*ask.subject, ask.work) {
        (Keeper::Sqlite, _, Work::Fill) => sqlite::fill(&ask),
        (Keeper::Sqlite, _, Work::Distinct) => sqlite::transactions(&ask),
        (Keeper::Sqlite, _, Work::Read) => sqlite::scan(&ask),
        (Keeper::Postgres, _, Work::IsDurable) => server::is_durable(&ask).await,
        (Keeper::Postgres, _, Work::Fill) => server::fill(&ask).await,
        (Keeper::Postgres, "one insert", _) => {
            under_load(&one::Inserts::open(&ask).await?, &ask).await
        }
        (Keeper::Postgres, "group commit", _) => {
            under_load(&group::Queue::open(&ask).await?, &ask).await
        }
        _ => bail!("there is no such floor"),
    }
}
