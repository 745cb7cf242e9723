//! Several nodes on one database, and connections that are lost.

mod support;

use std::{collections::HashMap, future::poll_fn, task::Poll};

use sqlx::{PgPool, postgres::PgPoolOptions, query, query_scalar, raw_sql};
use support::{database, pool};
use tokio::task::JoinSet;
use watertight_events::{
    EventStore, Expected, Filter, Key, NewEvent, Position, Recorded, StreamId, Subscription,
    Version, Write, WriteError,
};
use watertight_postgres::{OpenError, PostgresStore};

fn happened(text: impl Into<String>) -> Vec<NewEvent> {
    vec![NewEvent::new("happened", text.into())]
}

async fn everything(store: &PostgresStore) -> Vec<Recorded> {
    let page = store
        .read_all(Position::START, &Filter::all(), 100_000)
        .await;
    let events = page.unwrap().events;
    for (event, position) in events.iter().zip(1..) {
        assert_eq!(event.position, Position(position), "positions have no gap");
    }
    events
}

/// So many nodes on a new database, each with a pool of its own.
async fn nodes(count: usize) -> (Vec<PostgresStore>, PgPool) {
    let admin = database().await;
    let name = admin.connect_options().get_database().unwrap().to_owned();
    let server = std::env::var("WATERTIGHT_POSTGRES").unwrap();
    let mut opening = JoinSet::new();
    for _ in 0..count {
        let url = format!("{server}/{name}");
        opening.spawn(async move { PostgresStore::open(pool(&url).await).await.unwrap() });
    }
    (opening.join_all().await, admin)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_open_an_empty_database_at_once_agree_on_it() {
    let (nodes, _) = nodes(6).await;
    assert!(nodes.iter().all(|node| node.id() == nodes[0].id()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_that_write_together_leave_no_gap_and_a_subscriber_misses_nothing() {
    let (nodes, _) = nodes(2).await;
    let mut writers = JoinSet::new();
    for writer in 0..16_usize {
        let store = nodes[writer % 2].clone();
        writers.spawn(async move {
            for turn in 0..25 {
                let stream = StreamId::new("stream", (writer + turn) % 5);
                store
                    .write(Write::to(stream, Expected::Any, happened(turn.to_string())))
                    .await
                    .unwrap();
            }
        });
    }
    let mut seen = Position::START;
    let mut subscription = Subscription::new(nodes[1].clone(), seen, Filter::all()).page(9);
    while seen < Position(400) {
        for event in subscription.next_page().await.unwrap().events {
            assert_eq!(event.position, seen.after(1));
            seen = event.position;
        }
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    assert_eq!(everything(&nodes[0]).await.len(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_write_to_one_stream_lose_no_update() {
    let (nodes, _) = nodes(2).await;
    let mut writers = JoinSet::new();
    for writer in 0..6_usize {
        let store = nodes[writer % 2].clone();
        writers.spawn(async move {
            let stream = StreamId::new("stream", "shared");
            let mut expected = Version::NONE;
            let mut left = 20;
            while left > 0 {
                let write = Write::to(
                    stream.clone(),
                    Expected::Exact(expected),
                    happened(writer.to_string()),
                );
                match store.write(write).await {
                    Ok(done) => (expected, left) = (done.version(), left - 1),
                    Err(WriteError::Conflict { actual, .. }) => {
                        assert!(actual > expected, "{actual} is no news after {expected}");
                        expected = actual;
                    }
                    Err(other) => panic!("a conflict is a conflict, not: {other}"),
                }
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    assert_eq!(everything(&nodes[0]).await.len(), 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_is_done_once_whichever_node_it_is_sent_to() {
    let (nodes, _) = nodes(3).await;
    let mut senders = JoinSet::new();
    for sender in 0..9_usize {
        let store = nodes[sender % 3].clone();
        senders.spawn(async move {
            let write = Write::to(StreamId::new("stream", 1), Expected::Any, happened("once"));
            store.write(write.under(Key::new("key", 1))).await.unwrap()
        });
    }
    let answers = senders.join_all().await;
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.position == Position(1)));
    assert_eq!(everything(&nodes[0]).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_connection_lost_at_any_moment_costs_no_event_and_doubles_none() {
    let (nodes, admin) = nodes(1).await;
    let store = &nodes[0];
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = store.clone();
        writers.spawn(async move {
            let mut done = Vec::new();
            for turn in 0..60 {
                let text = format!("{writer}.{turn}");
                let write = Write::to(
                    StreamId::new("stream", writer),
                    Expected::Any,
                    happened(&text),
                );
                match store.write(write).await {
                    Ok(_) => done.push(text),
                    // It was not written: sending it again must not double it.
                    Err(error) => assert!(
                        error.is_transient(),
                        "resolved before it is answered: {error}"
                    ),
                }
            }
            done
        });
    }
    // The writer's connection is cut whenever it has written a few more events.
    let mut head = store.head();
    for cut in 1..=12 {
        if head.wait_for(|head| head.0 >= cut * 20).await.is_err() {
            break;
        }
        query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%watertight.head%'",
        )
        .execute(&admin)
        .await
        .unwrap();
    }
    let mut done = Vec::new();
    while let Some(writer) = writers.join_next().await {
        done.extend(writer.unwrap());
    }
    assert!(done.len() > 300, "most go through: {}", done.len());
    let mut found: HashMap<String, u32> = HashMap::new();
    for event in everything(store).await {
        let text = String::from_utf8(event.event.payload.to_vec()).unwrap();
        *found.entry(text).or_default() += 1;
    }
    assert!(
        found.values().all(|times| *times == 1),
        "nothing is there twice"
    );
    for text in &done {
        assert!(found.contains_key(text), "{text} was acknowledged");
    }
    assert_eq!(found.len(), done.len(), "what was refused is not there");
}

#[tokio::test]
async fn versions_are_checked_far_up_too() {
    let (nodes, admin) = nodes(1).await;
    for version in [1_u64 << 31, (1 << 31) + 5] {
        let name = format!("stream-{version}");
        query(
            "WITH moved AS (UPDATE watertight.head SET position = position + 1, batch = batch + 1 RETURNING position)
             INSERT INTO watertight.events (position, stream_id, version, event_id, type, schema_version, payload, metadata)
             SELECT position, $1, $2, gen_random_uuid(), 'happened', 1, ''::bytea, $3 FROM moved",
        )
        .bind(&name)
        .bind(version.cast_signed())
        .bind(watertight_events::Metadata::root(uuid::Uuid::nil()).to_stored())
        .execute(&admin)
        .await
        .unwrap();
        let write = |expected| {
            Write::to(
                name.as_str().into(),
                Expected::Exact(Version(expected)),
                happened("1"),
            )
        };
        let done = nodes[0].write(write(version)).await.unwrap();
        assert_eq!(done.version(), Version(version + 1));
        match nodes[0].write(write(version)).await {
            Err(WriteError::Conflict { actual, .. }) => assert_eq!(actual, Version(version + 1)),
            other => panic!("a conflict, not: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let (nodes, admin) = nodes(1).await;
    raw_sql("UPDATE watertight.schema_version SET steps = 99")
        .execute(&admin)
        .await
        .unwrap();
    let opened = PostgresStore::open(nodes[0].pool().clone()).await;
    assert!(matches!(opened, Err(OpenError::Newer { found: 99, .. })));
}

#[tokio::test]
async fn what_is_no_event_of_ours_is_an_error_and_never_a_short_answer() {
    let (nodes, admin) = nodes(1).await;
    let stream = StreamId::new("stream", 1);
    nodes[0]
        .write(Write::to(stream.clone(), Expected::Any, happened("1")))
        .await
        .unwrap();
    raw_sql("UPDATE watertight.events SET metadata = 'no json'")
        .execute(&admin)
        .await
        .unwrap();
    let error = nodes[0]
        .read_stream(&stream, Version::NONE, 10)
        .await
        .unwrap_err();
    assert!(
        !error.transient && error.message.contains("metadata"),
        "{error}"
    );
    assert!(
        nodes[0]
            .read_all(Position::START, &Filter::all(), 10)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_read_that_is_dropped_anywhere_leaves_no_transaction_to_others() {
    let options = database().await.connect_options();
    let one = PgPoolOptions::new().max_connections(1);
    let pool = one.connect_with((*options).clone()).await.unwrap();
    let store = PostgresStore::open(pool.clone()).await.unwrap();
    for polls in 0..300 {
        let filter = Filter::all();
        let mut read = Box::pin(store.read_all(Position::START, &filter, 10));
        for _ in 0..polls {
            let once = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_ready()));
            if once.await {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(read);
        let read_only = query_scalar("SHOW transaction_read_only");
        let read_only: String = read_only.fetch_one(&pool).await.unwrap();
        assert_eq!(read_only, "off", "after {polls} polls");
    }
}
