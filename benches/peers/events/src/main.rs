//! Other people's event stores under the load that ours are measured with: one of them per process.
//!
//! They are set up as their own documentation does it, in an account's words: it is opened, and money is paid in. Their tables
//! are as full as ours.

mod booked;
mod cqrs_es;
mod disintegrate;
mod esrs;
mod server;

use anyhow::bail;
use watertight_benches::events::{Answer, Ask, answer};

fn main() -> anyhow::Result<()> {
    answer(work)
}

async fn work(ask: Ask) -> anyhow::Result<Answer> {
    match &*ask.subject {
        "cqrs-es" | "cqrs-es with snapshots" => cqrs_es::work(&ask).await,
        "esrs" => esrs::work(&ask).await,
        "disintegrate" => disintegrate::work(&ask).await,
        other => bail!("nobody here is called {other:?}"),
    }
}
