//! A process that keeps a view up to date, killed in the middle of it, and what the view must be afterwards.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use watertight_cqrs::{Event, Fact, View};
use watertight_events::{EventStore, Find, Position, ViewStore};
use watertight_tests::tally::{Counted, Counts, Tally};

/// Starts a projector in which so many tasks write events.
pub(crate) fn projector(store: &str, place: &str, writers: usize) -> Child {
    Command::new(env!("CARGO_BIN_EXE_projector"))
        .args([store, place, &writers.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the projector starts")
}

/// Waits until a projector has told so many times how far it is, and kills it with `SIGKILL`.
pub(crate) fn kill_after(mut child: Child, steps: usize) {
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    let told = out.lines().map_while(Result::ok).take(steps).count();
    child.kill().expect("it is killed");
    child.wait().expect("it has ended");
    assert_eq!(told, steps, "it ended by itself");
}

/// The view is made of every event up to its checkpoint, each once and in order; tells how many there are.
pub(crate) async fn is_exact<S: EventStore + ViewStore>(store: &S) -> u64 {
    let (checkpoint, stored) = stored(store).await;
    let mut folded = BTreeMap::new();
    let mut after = Position::START;
    while after < checkpoint {
        let page = store.read_all(after, &Tally::filter(), 1_000).await;
        let page = page.expect("it can be read");
        for recorded in page.events {
            if recorded.position > checkpoint {
                break;
            }
            let event = Counted::decode(&recorded.event.kind, &recorded.event.payload);
            let event = event.expect("it is one of ours");
            let fact = Fact::new(recorded.stream, recorded.position, event);
            for key in Tally::keys(&fact) {
                let before = folded.remove(&key);
                let after = Tally::apply(&key, before, &fact).expect("nothing is forgotten");
                folded.insert(key, after);
            }
        }
        after = page.scanned_to;
    }
    assert_eq!(stored, folded, "at position {checkpoint}");
    folded.get("all").map_or(0, |all| all.events)
}

/// The checkpoint, and the documents that belong to it.
async fn stored(store: &impl ViewStore) -> (Position, BTreeMap<String, Counts>) {
    loop {
        let before = checkpoint(store).await;
        let found = store.find(&Tally::id(), &Find::all().limit(10_000)).await;
        let documents = found.expect("the view is there").documents;
        // What a process has sent before it was killed may still come in.
        if checkpoint(store).await == before {
            let read = |body: &[u8]| serde_json::from_slice(body).expect("it is one of ours");
            let documents = documents.into_iter().map(|it| (it.key, read(&it.body)));
            return (before, documents.collect());
        }
    }
}

pub(crate) async fn checkpoint(store: &impl ViewStore) -> Position {
    let versions = store.versions(Tally::NAME).await;
    let versions = versions.expect("the store can be read");
    let active = versions.active().expect("the view is there");
    assert_eq!(active.parked, 0, "every event can be applied");
    active.checkpoint.position
}
