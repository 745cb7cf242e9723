//! Read models in the commits of events, which several nodes append.

mod support;

use std::{sync::Arc, time::Duration};

use futures::future::{BoxFuture, join_all};
use sqlx::{Acquire, PgConnection, query, query_scalar, raw_sql};
use support::{database, pool};
use watertight_events::{
    Change, Document, EventStore, Expected, Filter, Find, Inline, InlineStore, NewEvent, Position,
    Recorded, Session, StreamId, ViewError, ViewId, ViewStore, Work, WorkError, Write, WriteError,
    Written, new_id,
};
use watertight_postgres::PostgresStore;

/// A document per event, with when it was recorded; what it does with one of these kinds says its name.
struct Every;

/// What is done with tables of the model's own.
enum Tables {
    Slow,
    Nested,
    Swallowed,
}

impl Work<PgConnection> for Tables {
    fn run<'a>(&'a self, tx: &'a mut PgConnection) -> BoxFuture<'a, Result<(), WorkError>> {
        Box::pin(async move {
            match self {
                Self::Slow => {
                    query("SELECT pg_sleep(3600)").execute(tx).await?;
                }
                Self::Nested => {
                    raw_sql("CREATE TABLE IF NOT EXISTS rows (row bigint)")
                        .execute(&mut *tx)
                        .await?;
                    let mut nested = tx.begin().await?;
                    raw_sql("INSERT INTO rows VALUES (1)")
                        .execute(&mut *nested)
                        .await?;
                    nested.commit().await?;
                }
                Self::Swallowed => {
                    let _ = raw_sql("SELECT 1 / 0").execute(tx).await;
                }
            }
            Ok(())
        })
    }
}

impl Inline<PgConnection> for Every {
    fn filter(&self) -> Filter {
        Filter::all().category("thing")
    }

    fn apply<'a>(
        &'a self,
        session: &'a mut dyn Session<PgConnection>,
        events: &'a [Recorded],
    ) -> BoxFuture<'a, Result<(), ViewError>> {
        Box::pin(async move {
            for event in events {
                match event.event.kind.as_str() {
                    "slow" => session.work(&Tables::Slow).await?,
                    "nested" => session.work(&Tables::Nested).await?,
                    "swallowed" => session.work(&Tables::Swallowed).await?,
                    "panics" => panic!("as asked"),
                    "refused" => return Err(ViewError::store(false, "as asked")),
                    _ => {}
                }
                let body = format!("{:?}", event.recorded_at);
                let document = Document::new(event.position.to_string(), body);
                session.save(&[Change::Put(document)], &[]).await?;
            }
            Ok(())
        })
    }
}

fn view() -> ViewId {
    ViewId::new("every", 1)
}

/// Two nodes on one database.
async fn nodes(limit: Duration) -> [PostgresStore; 2] {
    let one = database().await;
    let name = one.connect_options().get_database().unwrap().to_owned();
    let server = std::env::var("WATERTIGHT_POSTGRES").unwrap();
    let two = pool(&format!("{server}/{name}")).await;
    let [one, two] = [one, two].map(|pool| PostgresStore::builder(pool).inline_limit(limit));
    [one.open().await.unwrap(), two.open().await.unwrap()]
}

const LONG: Duration = Duration::from_secs(600);

async fn attach(store: &PostgresStore) {
    let view = view();
    let claimed = store.claim(&view, store.id(), new_id(), Duration::ZERO);
    let claimed = claimed.await.unwrap();
    let from = claimed.checkpoint.position;
    let attached = store.attach(&claimed.lease, from, Arc::new(Every)).await;
    attached.unwrap();
}

async fn write(store: &PostgresStore, stream: &str, kind: &str) -> Result<Written, WriteError> {
    let event = NewEvent::new(kind.to_owned(), "{}");
    let stream = StreamId::from(stream);
    store
        .write(Write::to(stream, Expected::Any, vec![event]))
        .await
}

async fn documents(store: &PostgresStore) -> Vec<(u64, String)> {
    let found = store.find(&view(), &Find::all()).await.unwrap();
    let documents = found.documents.iter().map(|it| {
        let body = String::from_utf8(it.body.to_vec()).unwrap();
        (it.key.parse().unwrap(), body)
    });
    let mut documents: Vec<_> = documents.collect();
    documents.sort_unstable();
    documents
}

async fn keys(store: &PostgresStore) -> Vec<u64> {
    let documents = documents(store).await.into_iter();
    documents.map(|(key, _)| key).collect()
}

async fn checkpoint(store: &PostgresStore) -> Position {
    let versions = store.versions("every").await.unwrap();
    versions.active().unwrap().checkpoint.position
}

#[tokio::test]
async fn what_was_written_is_in_the_model_at_once_as_others_read_it() {
    let [store, _] = nodes(LONG).await;
    write(&store, "thing-1", "happened").await.unwrap();
    attach(&store).await;
    assert_eq!(keys(&store).await, [1], "what was left to read, too");
    write(&store, "thing-1", "happened").await.unwrap();
    write(&store, "other-1", "happened").await.unwrap();
    assert_eq!(checkpoint(&store).await, Position(3), "past what it leaves");
    let page = store.read_all(Position::START, &Filter::all(), 2).await;
    let events = page.unwrap().events;
    let read = events
        .iter()
        .map(|it| (it.position.0, format!("{:?}", it.recorded_at)));
    assert_eq!(documents(&store).await, read.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_node_that_has_not_attached_it_may_not_append() {
    let [one, two] = nodes(LONG).await;
    for store in [&one, &two] {
        write(store, "thing-1", "happened").await.unwrap();
    }
    attach(&one).await;
    for stream in ["thing-1", "other-1"] {
        let refused = write(&two, stream, "happened").await;
        let named = matches!(&refused, Err(WriteError::NotAttached { view: it }) if *it == view());
        assert!(named, "it is named: {refused:?}");
    }
    let nothing = Write::to(StreamId::from("thing-1"), Expected::Any, vec![]);
    two.write(nothing).await.expect("it appends nothing");
    write(&one, "thing-1", "happened").await.unwrap();
    attach(&two).await;
    for store in [&two, &one, &two] {
        write(store, "thing-1", "happened").await.unwrap();
    }
    assert_eq!(keys(&one).await, [1, 2, 3, 4, 5, 6]);

    one.retire(&view()).await.unwrap();
    for store in [&one, &two] {
        write(store, "thing-1", "happened").await.unwrap();
    }
    assert_eq!(checkpoint(&one).await, Position(6), "it is behind again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_append_at_once_leave_out_and_double_nothing() {
    let nodes = nodes(LONG).await;
    for store in &nodes {
        attach(store).await;
    }
    let writers = (0..8_usize).map(|writer| {
        let store = nodes[writer % 2].clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                let stream = format!("thing-{writer}");
                write(&store, &stream, "happened").await.unwrap();
            }
        })
    });
    for done in join_all(writers).await {
        done.unwrap();
    }
    assert_eq!(keys(&nodes[0]).await, Vec::from_iter(1..=80));
}

#[tokio::test]
async fn one_that_is_far_behind_is_not_attached() {
    let [store, _] = nodes(LONG).await;
    let events = vec![NewEvent::new("happened", "{}"); 1_001];
    let many = Write::to(StreamId::from("thing-1"), Expected::Any, events);
    store.write(many).await.unwrap();
    let view = view();
    let claimed = store.claim(&view, store.id(), new_id(), Duration::ZERO);
    let lease = claimed.await.unwrap().lease;
    let behind = store.attach(&lease, Position::START, Arc::new(Every)).await;
    let told = matches!(behind, Err(ViewError::Behind { .. }));
    assert!(told, "{behind:?}");
    let elsewhere = store.attach(&lease, Position(9), Arc::new(Every)).await;
    let fenced = matches!(elsewhere, Err(ViewError::Fenced { .. }));
    assert!(fenced, "{elsewhere:?}");
    write(&store, "thing-1", "happened").await.unwrap();
}

/// Writes an event of each kind, all of which wait for the same commit, and returns why those were refused that were.
async fn write_each<const N: usize>(store: &PostgresStore, kinds: [&str; N]) -> Vec<String> {
    let writes = kinds.map(|kind| write(store, "thing-1", kind));
    let done = join_all(writes).await.into_iter();
    let why = done.map(|done| done.err().map(|error| error.to_string()));
    why.map(Option::unwrap_or_default).collect()
}

#[tokio::test]
async fn events_that_it_refuses_are_not_written_and_others_are() {
    let [store, _] = nodes(LONG).await;
    attach(&store).await;
    let kinds = [
        "happened",
        "refused",
        "nested",
        "panics",
        "happened",
        "swallowed",
        "happened",
    ];
    let refused = write_each(&store, kinds).await;
    let wanted = ["", "as asked", "", "panicked", "", "did not say so", ""];
    for (why, wanted) in refused.iter().zip(wanted) {
        assert!(
            why.contains(wanted) && why.is_empty() == wanted.is_empty(),
            "{why}"
        );
    }
    assert_eq!(*store.head().borrow(), Position(4));
    assert_eq!(keys(&store).await, [1, 2, 3, 4]);
    assert_eq!(checkpoint(&store).await, Position(4));
    let rows: i64 = query_scalar("SELECT count(*) FROM rows")
        .fetch_one(store.pool())
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn events_that_it_takes_too_long_for_are_not_written_and_others_are() {
    let [store, _] = nodes(Duration::from_secs(1)).await;
    attach(&store).await;
    let refused = write_each(&store, ["happened", "slow", "happened"]).await;
    assert_eq!((&*refused[0], &*refused[2]), ("", ""));
    assert!(refused[1].contains("too long"), "{}", refused[1]);
    assert_eq!(keys(&store).await, [1, 2]);
    assert_eq!(checkpoint(&store).await, Position(2));
}

#[tokio::test]
async fn one_that_was_erased_is_not_asked_for() {
    let [one, two] = nodes(LONG).await;
    let second = ViewId::new("every", 2);
    let other = one.claim(&second, one.id(), new_id(), Duration::ZERO);
    other.await.unwrap();
    attach(&one).await;
    one.erase(&view()).await.unwrap();
    for store in [&one, &two] {
        write(store, "thing-1", "happened").await.unwrap();
    }
}
