//! A process that keeps a view up to date, killed in the middle of it, and what the view must be afterwards.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use watertight_cqrs::{Event, Fact, View};
use watertight_events::{EventStore, Find, Position, ViewStore};
use watertight_tests::tally::{Counted, Counts, Tally};

/// A process that keeps the view up to date; killed with this value.
pub(crate) struct Projector {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
}

impl Projector {
    /// Starts it, with so many tasks that write events.
    pub(crate) fn start(store: &str, place: &str, writers: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_projector"))
            .args([store, place, &writers.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the projector starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, out }
    }

    /// Waits until it has told so many times how far it is.
    pub(crate) fn steps(&mut self, steps: usize) {
        let told = self.out.by_ref().map_while(Result::ok).take(steps).count();
        assert_eq!(told, steps, "it ended by itself");
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        // This is `SIGKILL`. It fails if the process has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The view is made of every event up to where it is, each once and in order; tells how many there are.
pub(crate) async fn is_exact<S: EventStore + ViewStore>(store: &S) -> u64 {
    let found = store.find(&Tally::id(), &Find::all().limit(10_000)).await;
    let documents = found.expect("the view is there").documents;
    let read = |body: &[u8]| serde_json::from_slice(body).expect("it is one of ours");
    let stored: BTreeMap<String, Counts> = documents
        .into_iter()
        .map(|it| (it.key, read(&it.body)))
        .collect();
    // The checkpoint may have moved on since: where the documents are, they say themselves.
    let all = stored.get("all").cloned().unwrap_or_default();
    assert!(checkpoint(store).await >= Position(all.last));
    let mut folded = BTreeMap::new();
    let mut after = Position::START;
    while after < Position(all.last) {
        let page = store.read_all(after, &Tally::filter(), 1_000).await;
        let page = page.expect("it can be read");
        for recorded in page.events {
            if recorded.position > Position(all.last) {
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
    assert_eq!(stored, folded, "at position {}", all.last);
    all.events
}

pub(crate) async fn checkpoint(store: &impl ViewStore) -> Position {
    let versions = store.versions(Tally::NAME).await;
    let versions = versions.expect("the store can be read");
    let active = versions.active().expect("the view is there");
    assert_eq!(active.parked, 0, "every event can be applied");
    active.checkpoint.position
}
