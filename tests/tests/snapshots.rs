//! Snapshots of a long stream on the stores that outlive a process.

use serde::{Deserialize, Serialize};
use tower::ServiceExt;
use watertight_cqrs::{CommandError, CommandHandler, CommandRequest, Decider, Event};
use watertight_events::{EventStore, SnapshotStore, StreamId, Version};
use watertight_sqlite::SqliteStore;

struct Counting;

enum Command {
    Count(u64),
    Show,
}

#[derive(Deserialize, Serialize)]
enum Counted {
    By(u64),
}

/// How many events, and what they come to in this order.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Count {
    events: u64,
    mixed: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("as asked")]
struct Shown(Count);

impl Event for Counted {}

impl Decider for Counting {
    type Command = Command;
    type Event = Counted;
    type State = Count;
    type Rejection = Shown;
    const CATEGORY: &'static str = "count";

    fn stream_id(_: &Command) -> StreamId {
        stream()
    }

    fn decide(&self, count: &Count, command: &Command) -> Result<Vec<Counted>, Shown> {
        match command {
            Command::Count(up_to) => Ok((0..*up_to).map(Counted::By).collect()),
            Command::Show => Err(Shown(count.clone())),
        }
    }

    fn evolve(count: Count, Counted::By(by): &Counted) -> Count {
        Count {
            events: count.events + 1,
            mixed: count.mixed.wrapping_mul(31).wrapping_add(*by),
        }
    }
}

type Handler<S> = CommandHandler<Counting, S>;

fn stream() -> StreamId {
    StreamId::new(Counting::CATEGORY, 1)
}

fn cold<S: EventStore + SnapshotStore>(store: &S) -> Handler<S> {
    let builder = CommandHandler::builder(Counting, store.clone());
    builder.snapshots(store.clone(), 1_000).build().unwrap()
}

async fn shown<S: EventStore>(handler: &Handler<S>) -> Count {
    let show = CommandRequest::new(Command::Show);
    match handler.clone().oneshot(show).await {
        Err(CommandError::Rejected(Shown(count))) => count,
        other => panic!("{:?}", other.map(|done| done.version)),
    }
}

/// Writes many events, and waits for the snapshot after each command.
async fn write_long<S: EventStore + SnapshotStore>(store: &S) {
    let handler = cold(store);
    for command in 1..=4 {
        let count = CommandRequest::new(Command::Count(5_000));
        handler.clone().oneshot(count).await.unwrap();
        while handler.snapshots().saved < command {
            assert_eq!(handler.snapshots().failed, 0);
            tokio::task::yield_now().await;
        }
    }
}

/// A stream of twenty thousand events, read by a program that starts anew.
async fn read_long<S: EventStore + SnapshotStore>(store: &S) {
    let plain = CommandHandler::new(Counting, store.clone());
    let all = shown(&plain).await;
    assert_eq!(all.events, 20_000);

    let first = cold(store);
    assert_eq!(shown(&first).await, all);
    assert_eq!((first.snapshots().used, first.snapshots().ignored), (1, 0));
    let snapshot = store.load_snapshot(&stream()).await.unwrap().unwrap();
    assert_eq!(snapshot.version, Version(20_000));

    let mut rotten = snapshot.clone();
    let mut state = rotten.state.to_vec();
    *state.last_mut().unwrap() ^= 1;
    rotten.state = state.into();
    let mut ahead = snapshot;
    ahead.version = Version(20_001);
    for bad in [rotten, ahead] {
        store.save_snapshot(&bad).await.unwrap();
        let handler = cold(store);
        assert_eq!(shown(&handler).await, all);
        assert_eq!(
            (handler.snapshots().used, handler.snapshots().ignored),
            (0, 1)
        );
        while handler.snapshots().saved == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(shown(&cold(store)).await, all, "it was replaced");
    }
}

#[tokio::test]
async fn a_long_stream_in_a_file_is_read_from_its_snapshot_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counts.db");
    let store = SqliteStore::open(&file).unwrap();
    write_long(&store).await;
    store.close().await;
    let store = SqliteStore::open(&file).unwrap();
    read_long(&store).await;
}

#[cfg(feature = "server-tests")]
#[tokio::test]
async fn a_long_stream_on_a_server_is_read_from_its_snapshot_on() {
    use sqlx::PgPool;
    use watertight_postgres::PostgresStore;

    let url = server::database("snapshots").await;
    let open = async || PostgresStore::open(PgPool::connect(&url).await.unwrap()).await;
    write_long(&open().await.unwrap()).await;
    read_long(&open().await.unwrap()).await;
}

#[cfg(feature = "server-tests")]
#[path = "support/server.rs"]
mod server;
