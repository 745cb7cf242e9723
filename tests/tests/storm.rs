//! Ten thousand commands at once against a small queue: each is done, or told at once that it is too much.

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{Mutex, mpsc},
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};
use tower::ServiceExt;
use watertight_cqrs::{CommandError, CommandHandler, CommandRequest, Decider, Event};
use watertight_events::{EventStore, Filter, PAGE, Position, StreamId, group_commit::Bounds};
use watertight_sqlite::{SqliteStore, SqliteTransaction};

const COMMANDS: u64 = 10_000;

/// More than fit into the queue, so that it is the queue that says no.
const PLACES: usize = 2_000;

const QUEUE: usize = 100;

#[derive(Clone, Copy, Debug)]
struct Doors;

#[derive(Clone, Copy, Debug)]
struct Open(u64);

#[derive(Debug, Deserialize, Serialize)]
enum Door {
    Opened,
}

impl Event for Door {}

impl Decider for Doors {
    type Command = Open;
    type Event = Door;
    type State = ();
    type Rejection = Infallible;
    const CATEGORY: &'static str = "door";

    fn stream_id(command: &Open) -> StreamId {
        StreamId::new(Self::CATEGORY, command.0)
    }

    fn decide(&self, (): &(), _: &Open) -> Result<Vec<Door>, Infallible> {
        Ok(vec![Door::Opened])
    }

    fn evolve((): (), _: &Door) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_commands_at_once_are_done_or_told_that_it_is_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let mut bounds = Bounds::default();
    bounds.requests = QUEUE;
    let store = SqliteStore::builder(folder.path().join("doors.db")).bounds(bounds);
    let store = store.open().unwrap();
    let (held, let_go) = hold(&store).await;
    let (done, refused) = storm(&store, let_go).await;
    held.await.unwrap();
    assert!(!done.is_empty(), "what was queued is done");
    assert!(refused >= COMMANDS / 2, "{refused} refused");
    assert_eq!(done.len() as u64 + refused, COMMANDS);
    assert_eq!(recorded(&store).await, done);
}

/// Has the store's writer wait until it is let go, as for a disk that has much to do.
async fn hold(store: &SqliteStore) -> (JoinHandle<()>, mpsc::Sender<()>) {
    let (let_go, go) = mpsc::channel();
    let (waits, waiting) = oneshot::channel();
    let hold = Mutex::new(Some((waits, go)));
    let store = store.clone();
    let held = tokio::spawn(async move {
        let work = move |_: &mut SqliteTransaction| {
            // Called again it does not wait again.
            if let Some((waits, go)) = hold.lock().unwrap().take() {
                waits.send(()).unwrap();
                go.recv().unwrap();
            }
            Ok::<_, Infallible>(())
        };
        store.transaction(work).await.unwrap();
    });
    waiting.await.unwrap();
    (held, let_go)
}

/// The doors that were opened, and how many commands were refused; the writer is let go when half of them were.
async fn storm<S: EventStore>(store: &S, let_go: mpsc::Sender<()>) -> (HashSet<u64>, u64) {
    let doors = CommandHandler::builder(Doors, store.clone()).places(PLACES);
    let doors = doors.build().unwrap();
    let mut commands = JoinSet::new();
    for door in 0..COMMANDS {
        let doors = doors.clone();
        commands.spawn(async move {
            match doors.oneshot(CommandRequest::new(Open(door))).await {
                Ok(_) => Some(door),
                Err(CommandError::Overloaded) => None,
                Err(error) => panic!("{error:?}"),
            }
        });
    }
    let (mut done, mut refused) = (HashSet::new(), 0);
    while let Some(answer) = commands.join_next().await {
        match answer.unwrap() {
            Some(door) => assert!(done.insert(door)),
            None => refused += 1,
        }
        if refused == COMMANDS / 2 && done.is_empty() {
            let_go.send(()).unwrap();
        }
    }
    (done, refused)
}

/// The doors that the store has seen opened, each once.
async fn recorded<S: EventStore>(store: &S) -> HashSet<u64> {
    let (mut doors, mut after) = (HashSet::new(), Position::START);
    loop {
        let page = store.read_all(after, &Filter::all(), PAGE).await.unwrap();
        for recorded in page.events {
            let door = recorded.stream.key().parse().unwrap();
            assert!(doors.insert(door), "{door} was opened twice");
        }
        if page.at_head {
            return doors;
        }
        after = page.scanned_to;
    }
}
