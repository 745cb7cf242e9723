//! Ours under load.

mod append;
mod catch_up;
mod domain;
mod fill;
mod handled;
mod read;
mod stores;

use anyhow::bail;
use watertight_benches::events::{Answer, Ask, Keeper, Work, answer, under_load};
use watertight_events::{EventStore, MemoryStore, ViewStore};

use self::handled::Handled;

/// The database with accounts of ten events.
const ACCOUNTS: &str = "accounts";
/// The one with a single long stream.
const LONG: &str = "long";
/// The one with many streams of one event.
const MANY: &str = "many";
/// The one that begins empty.
const FEW: &str = "few";

fn main() -> anyhow::Result<()> {
    answer(work)
}

async fn work(ask: Ask) -> anyhow::Result<Answer> {
    match ask.keeper {
        Keeper::Memory => in_memory(&ask).await,
        Keeper::Sqlite => in_file(&ask).await,
        Keeper::Postgres => on_server(&ask).await,
    }
}

async fn in_memory(ask: &Ask) -> anyhow::Result<Answer> {
    let store = MemoryStore::new();
    match ask.work {
        Work::Fill | Work::FillWide => bail!("memory is filled by whoever measures"),
        Work::Read | Work::CatchUp => fill::accounts(&store, ask.events).await?,
        _ => {}
    }
    filled(&store, ask).await
}

async fn in_file(ask: &Ask) -> anyhow::Result<Answer> {
    let file = |name: &str| stores::file(&ask.file(name));
    match ask.work {
        Work::Fill => {
            let store = stores::new_file(&ask.file(ACCOUNTS))?;
            fill::all(&store, ask).await?;
            stores::settle_file(&ask.file(ACCOUNTS))
        }
        Work::FillWide => {
            let (long, many) = (
                stores::new_file(&ask.file(LONG))?,
                stores::new_file(&ask.file(MANY))?,
            );
            fill::wide(&long, &many, ask.events).await?;
            stores::settle_file(&ask.file(LONG))?;
            stores::settle_file(&ask.file(MANY))
        }
        Work::Append => {
            let few = stores::new_file(&ask.file(FEW))?;
            append::all(&file(LONG)?, &file(MANY)?, &few, ask).await
        }
        Work::CatchUp => filled(&stores::without_views(&ask.file(ACCOUNTS))?, ask).await,
        _ => filled(&file(ACCOUNTS)?, ask).await,
    }
}

async fn on_server(ask: &Ask) -> anyhow::Result<Answer> {
    match ask.work {
        Work::Fill => {
            let store = stores::new_database(ask, ACCOUNTS).await?;
            fill::all(&store, ask).await?;
            stores::settle(&store).await
        }
        Work::FillWide => {
            let long = stores::new_database(ask, LONG).await?;
            let many = stores::new_database(ask, MANY).await?;
            fill::wide(&long, &many, ask.events).await?;
            stores::settle(&long).await?;
            stores::settle(&many).await?;
            Ok(Answer::new())
        }
        Work::Append => {
            let long = stores::database(ask, LONG).await?;
            let many = stores::database(ask, MANY).await?;
            let few = stores::new_database(ask, FEW).await?;
            append::all(&long, &many, &few, ask).await
        }
        Work::CatchUp => {
            let store = stores::database_without_views(ask, ACCOUNTS).await?;
            filled(&store, ask).await
        }
        _ => filled(&stores::database(ask, ACCOUNTS).await?, ask).await,
    }
}

async fn filled<S: EventStore + ViewStore>(store: &S, ask: &Ask) -> anyhow::Result<Answer> {
    match ask.work {
        Work::Read => read::all(store, ask).await,
        Work::CatchUp => catch_up::run(store, ask).await,
        _ => under_load(&Handled::new(store), ask).await,
    }
}
