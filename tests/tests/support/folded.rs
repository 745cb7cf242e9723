//! What read models must be.

use std::collections::BTreeMap;

use watertight_cqrs::{Model, ProjectionState, Runner};
use watertight_events::{EventStore, Filter, Position, TableStore};

use crate::tally::Tally;

pub(crate) type Fold = BTreeMap<String, Tally>;

/// What the events up to a position come to.
pub(crate) async fn folded(store: &impl EventStore, to: Position) -> Fold {
    let (mut fold, mut after) = (Fold::new(), Position::START);
    loop {
        let page = store.read_all(after, &Filter::all(), 5_000).await.unwrap();
        for event in page.events.iter().take_while(|event| event.position <= to) {
            let tally = fold.entry(event.stream.to_string()).or_default();
            *tally = tally.and(event.position);
        }
        after = page.scanned_to;
        if page.at_head || after >= to {
            return fold;
        }
    }
}

/// Runs until everything that is in the store has been seen, and stops.
pub(crate) async fn catch_up<M: Model<S>, S: EventStore + TableStore>(runner: Runner<M, S, S>) {
    let handle = runner.handle();
    let running = tokio::spawn(runner.run());
    let live = handle.until(|it| it.state == ProjectionState::Live && it.lag() == 0);
    live.await;
    handle.stop();
    running.await.unwrap().unwrap();
}
