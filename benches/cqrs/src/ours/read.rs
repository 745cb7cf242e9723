//! Everything that is there, once from the beginning to the end.

use anyhow::ensure;
use tokio::time::Instant;
use watertight_benches::events::{Answer, Ask};
use watertight_events::{EventStore, Filter, Position};

/// Events per page.
const PAGE: usize = 1_000;

pub(crate) async fn all<S: EventStore>(store: &S, ask: &Ask) -> anyhow::Result<Answer> {
    let all = Filter::all();
    let start = Instant::now();
    let mut position = Position::START;
    let mut read = 0;
    while position.0 < ask.events {
        let page = store.read_all(position, &all, PAGE).await?;
        ensure!(page.scanned_to > position, "only {read} events are there");
        read += page.events.len();
        position = page.scanned_to;
    }
    let per_second = read as f64 / start.elapsed().as_secs_f64();
    Ok([("per_second".to_owned(), per_second)].into())
}
