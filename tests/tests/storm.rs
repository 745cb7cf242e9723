//! Ten thousand commands at once against a small queue: each is done, or told at once that it is too much.

use std::{collections::HashSet, convert::Infallible};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tower::ServiceExt;
use watertight_cqrs::{CommandError, CommandHandler, CommandRequest, Decider, Event};
use watertight_events::{EventStore, Filter, PAGE, Position, StreamId, group_commit::Bounds};
use watertight_sqlite::SqliteStore;

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
    let (done, refused) = storm(&store).await;
    assert!(
        !done.is_empty() && refused > 0,
        "{} done, {refused} refused",
        done.len()
    );
    assert_eq!(done.len() as u64 + refused, COMMANDS);
    assert_eq!(recorded(&store).await, done);
}

/// The doors that were opened, and how many commands were refused.
async fn storm<S: EventStore>(store: &S) -> (HashSet<u64>, u64) {
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
    let answers = commands.join_all().await;
    let refused = answers.iter().filter(|answer| answer.is_none()).count();
    (answers.into_iter().flatten().collect(), refused as u64)
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
