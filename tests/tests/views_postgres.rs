//! Read models on PostgreSQL, kept up to date by processes that are killed, over connections and a server that go away.

#[path = "support/folded.rs"]
mod folded;
#[path = "support/kill.rs"]
mod kill;
#[path = "support/own_server.rs"]
mod own_server;
#[path = "support/server.rs"]
mod server;
#[path = "../src/tally.rs"]
mod tally;

use std::time::Duration;

use folded::{Fold, catch_up, folded};
use kill::{Process, run_and_kill};
use own_server::Server;
use server::database;
use sqlx::{Connection, PgConnection, Row, postgres::PgPoolOptions, query, query_scalar};
use tally::{Counted, Tallies, Tally, TallyRows};
use watertight_cqrs::{Event, Projection, ProjectionHandle, ProjectionState, TableRunner, View};
use watertight_events::{
    EventStore, Expected, Filter, Find, NewEvent, Position, StreamId, Subscription, ViewStore,
    Write, WriteError,
};
use watertight_postgres::PostgresStore;

const PROJECTOR: &str = env!("CARGO_BIN_EXE_projector");

async fn open(url: &str) -> PostgresStore {
    // A server that is gone is noticed after a second.
    let options = PgPoolOptions::new().acquire_timeout(Duration::from_secs(1));
    let pool = options.connect(url).await.unwrap();
    PostgresStore::open(pool).await.unwrap()
}

/// A read model of one moment.
struct Moment {
    position: Position,
    fold: Fold,
}

/// The documents of the view and the rows of the tables, with their checkpoints, all of one moment.
async fn now(store: &PostgresStore) -> [Moment; 2] {
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ";
    let mut tx = store.pool().begin_with(begin).await.unwrap();
    let reached = "SELECT position FROM watertight.checkpoints WHERE name = $1 AND parked = 0";
    let mut positions = [Position::START; 2];
    for (position, name) in positions.iter_mut().zip(["tallies", "tally_rows"]) {
        let reached = query_scalar(reached).bind(name).fetch_one(&mut *tx);
        *position = Position(reached.await.map(i64::cast_unsigned).unwrap());
    }
    let documents = query(
        "SELECT key, body FROM watertight.documents JOIN watertight.checkpoints USING (view_id) WHERE name = 'tallies'",
    );
    let documents = documents.fetch_all(&mut *tx).await.unwrap();
    let rows = query("SELECT stream, events, trace FROM tallies");
    let rows = rows.fetch_all(&mut *tx).await.unwrap();
    let documents = documents.iter().map(|row| {
        let tally = serde_json::from_slice(row.get("body")).unwrap();
        (row.get("key"), tally)
    });
    let rows = rows.iter().map(|row| {
        let (events, trace) = (row.get::<i64, _>("events"), row.get("trace"));
        let events = events.cast_unsigned();
        (row.get("stream"), Tally { events, trace })
    });
    let [of_view, of_tables] = positions;
    [
        Moment {
            position: of_view,
            fold: documents.collect(),
        },
        Moment {
            position: of_tables,
            fold: rows.collect(),
        },
    ]
}

/// Both are the fold of all events up to their checkpoints; tells where the first one is.
async fn is_exact(store: &PostgresStore) -> Position {
    let moments = now(store).await;
    for Moment { position, fold } in &moments {
        assert_eq!(*fold, folded(store, *position).await, "up to {position}");
    }
    moments[0].position
}

async fn catch_up_both(store: &PostgresStore) -> Position {
    catch_up(Projection::<Tallies, _, _>::new(
        store.clone(),
        store.clone(),
    ))
    .await;
    catch_up(TableRunner::new(TallyRows, store.clone(), store.clone())).await;
    is_exact(store).await
}

#[tokio::test]
async fn a_read_model_that_was_killed_goes_on_with_every_event_once() {
    let url = database("killed").await;
    let store = open(&url).await;
    let mut random = fastrand::Rng::with_seed(7);
    let mut last = Position::START;
    for _ in 0..8 {
        run_and_kill(PROJECTOR, ["postgres", &url], 2 + random.usize(..60));
        is_exact(&store).await;
        let head = catch_up_both(&store).await;
        assert!(head > last, "there was something to do");
        last = head;
    }
}

#[tokio::test]
async fn an_inline_read_model_of_a_process_that_was_killed_has_every_event() {
    let url = database("inline").await;
    let store = open(&url).await;
    let mut random = fastrand::Rng::with_seed(9);
    let mut last = Position::START;
    for _ in 0..6 {
        let lines = 2 + random.usize(..60);
        run_and_kill(PROJECTOR, ["postgres-inline", &url], lines);
        let moments = now(&store).await;
        let head: i64 = query_scalar("SELECT position FROM watertight.head")
            .fetch_one(store.pool())
            .await
            .unwrap();
        // What it has sent before it was killed may still come in, and then it is in both.
        assert_eq!(moments[0].position, moments[1].position);
        assert!(moments[0].position.0.cast_signed() <= head);
        let now = is_exact(&store).await;
        assert!(now > last, "there was something to do");
        last = now;
    }
    let event: NewEvent = Counted::Counted.encode().unwrap().into();
    let write = Write::to(StreamId::new("tally", 1), Expected::Any, vec![event]);
    let refused = store.write(write).await;
    assert!(
        matches!(refused, Err(WriteError::NotAttached { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_stands_by_for_an_inline_read_model_appends_too() {
    let url = database("nodes").await;
    let nodes = [open(&url).await, open(&url).await];
    let inline = |store: &PostgresStore| {
        let view = Projection::<Tallies, _, _>::new(store.clone(), store.clone()).inline();
        let handle = view.handle();
        tokio::spawn(view.run());
        handle
    };
    let first = inline(&nodes[0]);
    let attached = first.until(|it| it.state == ProjectionState::Inline).await;
    assert!(!attached.state.has_ended());
    let second = inline(&nodes[1]);
    second
        .until(|it| it.state == ProjectionState::Standby)
        .await;
    for _ in 0..5 {
        for store in &nodes {
            fill(store, 100).await;
        }
    }
    let head = Position(1_000);
    let stored = nodes[0].find(&Tallies::id(), &Find::all()).await;
    let stored = stored.unwrap().documents.into_iter().map(|it| {
        let tally: Tally = serde_json::from_slice(&it.body).unwrap();
        (it.key, tally)
    });
    assert_eq!(stored.collect::<Fold>(), folded(&nodes[1], head).await);
}

#[tokio::test]
async fn of_two_processes_the_other_takes_over_and_every_event_has_its_effect_once() {
    let url = database("shared").await;
    let store = open(&url).await;
    let mut random = fastrand::Rng::with_seed(8);
    let mut last = Position::START;
    let mut running = Process::start(PROJECTOR, ["postgres", &url]);
    for _ in 0..6 {
        running.tell(2);
        // It stands by, and gets both read models when the first one is killed.
        let next = Process::start(PROJECTOR, ["postgres", &url]);
        running.tell(random.usize(1..60));
        running = next;
        let now = is_exact(&store).await;
        assert!(now > last, "one of them goes on");
        last = now;
    }
    running.tell(20);
    drop(running);
    assert!(catch_up_both(&store).await > last);
}

/// Writes so many events, a few at a time.
async fn fill(store: &PostgresStore, events: usize) {
    for at in 0..events / 50 {
        let events = (0..50).map(|_| Counted::Counted.encode().unwrap().into());
        let write = Write::to(
            StreamId::new("tally", at % 7),
            Expected::Any,
            events.collect(),
        );
        store.write(write).await.unwrap();
    }
}

/// Cuts every connection to a database but this one.
async fn cut(admin: &mut PgConnection) {
    query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .execute(admin)
    .await
    .unwrap();
}

/// Both read models, running.
fn run(store: &PostgresStore) -> [ProjectionHandle; 2] {
    let view = Projection::<Tallies, _, _>::new(store.clone(), store.clone()).batch(10);
    let rows = TableRunner::new(TallyRows, store.clone(), store.clone()).batch(10);
    let handles = [view.handle(), rows.handle()];
    tokio::spawn(view.run());
    tokio::spawn(rows.run());
    handles
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_are_cut_during_a_replay_shorten_nothing() {
    let url = database("cut").await;
    let store = open(&url).await;
    fill(&store, 3_000).await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let handles = run(&store);
    for step in 1..=10 {
        for handle in &handles {
            let there = handle.until(|it| it.position.0 >= step * 250);
            assert!(!there.await.state.has_ended(), "it goes on");
        }
        cut(&mut admin).await;
    }
    for handle in &handles {
        let done = handle.until(|it| it.position == Position(3_000));
        assert!(!done.await.state.has_ended(), "it goes on");
    }
    // All that has been read is saved within a tenth of a second.
    while now(&store)
        .await
        .iter()
        .any(|it| it.position < Position(3_000))
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(is_exact(&store).await, Position(3_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_page_over_a_connection_that_is_cut_is_whole_or_an_error() {
    let url = database("pages").await;
    let store = open(&url).await;
    fill(&store, 2_000).await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let (mut whole, mut errors) = (0, 0);
    for turn in 0.. {
        if whole >= 10 && errors >= 10 {
            break;
        }
        let filter = Filter::all();
        let reading = store.read_all(Position(100), &filter, 1_500);
        let cutting = async {
            // Sooner or later in the course of the read.
            for _ in 0..turn % 50 * 20 {
                tokio::task::yield_now().await;
            }
            cut(&mut admin).await;
        };
        match tokio::join!(reading, cutting).0 {
            Ok(page) => {
                let positions = page.events.iter().map(|event| event.position.0);
                assert!(positions.eq(101..=1_600), "a page is whole");
                whole += 1;
            }
            Err(error) => {
                assert!(error.transient, "{error}");
                errors += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_stopped_during_a_replay_and_started_again_shortens_nothing() {
    let mut server = Server::start().await;
    let store = open(&server.url()).await;
    fill(&store, 3_000).await;
    let handles = run(&store);
    for (step, how) in [(500, "INT"), (1_500, "QUIT"), (2_500, "INT")] {
        for handle in &handles {
            let there = handle.until(|it| it.position.0 >= step);
            assert!(!there.await.state.has_ended(), "it goes on");
        }
        server.stop(how);
        for handle in &handles {
            let trouble = handle.until(|it| !it.state.is_healthy());
            assert!(!trouble.await.state.has_ended(), "it tries again");
        }
        server.again().await;
    }
    for handle in &handles {
        let done = handle.until(|it| it.position == Position(3_000));
        assert!(!done.await.state.has_ended(), "it goes on");
        handle.stop();
    }
    assert_eq!(catch_up_both(&store).await, Position(3_000));
    let event: NewEvent = Counted::Counted.encode().unwrap().into();
    let write = Write::to(StreamId::new("tally", 1), Expected::Any, vec![event]);
    assert_eq!(store.write(write).await.unwrap().position, Position(3_001));
    let mut live = Subscription::new(store.clone(), Position(3_000), Filter::all());
    assert_eq!(live.next_page().await.unwrap().scanned_to, Position(3_001));
}
