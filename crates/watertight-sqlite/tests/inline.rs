//! Read models in the commits of events, as a file keeps them.

use std::{sync::Arc, time::Duration};

use futures::future::{BoxFuture, join_all, pending};
use tempfile::TempDir;
use watertight_events::{
    Change, Document, EventStore, Expected, Filter, Find, Inline, InlineStore, NewEvent, Position,
    Recorded, Session, StoreId, StreamId, ViewError, ViewId, ViewStore, Work, WorkError, Write,
    WriteError, Written, new_id,
};
use watertight_sqlite::{OutboxError, SqliteStore, SqliteTransaction, TransactionError};

/// A document per event; what it does with one of these kinds says its name.
struct Every;

/// Never ends by itself.
struct Endless;

impl Work<SqliteTransaction> for Endless {
    fn run<'a>(&'a self, tx: &'a mut SqliteTransaction) -> BoxFuture<'a, Result<(), WorkError>> {
        let endless = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT count(*) FROM n";
        Box::pin(async move { Ok(tx.query_row(endless, [], |_| Ok(()))?) })
    }
}

impl Inline<SqliteTransaction> for Every {
    fn filter(&self) -> Filter {
        Filter::all().category("thing")
    }

    fn apply<'a>(
        &'a self,
        session: &'a mut dyn Session<SqliteTransaction>,
        events: &'a [Recorded],
    ) -> BoxFuture<'a, Result<(), ViewError>> {
        Box::pin(async move {
            for event in events {
                match event.event.kind.as_str() {
                    "slow" => session.work(&Endless).await?,
                    "panics" => panic!("as asked"),
                    "waits" => pending().await,
                    "refused" => return Err(ViewError::store(false, "as asked")),
                    _ => {}
                }
                let document = Document::new(event.position.to_string(), "{}");
                session.save(&[Change::Put(document)], &[]).await?;
            }
            Ok(())
        })
    }
}

fn view() -> ViewId {
    ViewId::new("every", 1)
}

fn open(folder: &TempDir) -> SqliteStore {
    // So long that a busy machine does not matter.
    open_with(folder, Duration::from_secs(600))
}

fn open_with(folder: &TempDir, limit: Duration) -> SqliteStore {
    let store = SqliteStore::builder(folder.path().join("inline.db"));
    store.inline_limit(limit).open().unwrap()
}

async fn attach(store: &SqliteStore) {
    let keep = Duration::ZERO;
    let claimed = store.claim(&view(), store.id(), new_id(), keep).await;
    let claimed = claimed.unwrap();
    let from = claimed.checkpoint.position;
    let attached = store.attach(&claimed.lease, from, Arc::new(Every)).await;
    attached.unwrap();
}

async fn write(store: &SqliteStore, stream: &str, kind: &str) -> Result<Written, WriteError> {
    let event = NewEvent::new(kind.to_owned(), "{}");
    store
        .write(Write::to(
            StreamId::from(stream),
            Expected::Any,
            vec![event],
        ))
        .await
}

async fn keys(store: &SqliteStore) -> Vec<u64> {
    let found = store.find(&view(), &Find::all()).await.unwrap();
    let keys = found.documents.iter().map(|it| it.key.parse().unwrap());
    let mut keys: Vec<u64> = keys.collect();
    keys.sort_unstable();
    keys
}

async fn checkpoint(store: &SqliteStore) -> Position {
    let versions = store.versions("every").await.unwrap();
    versions.active().unwrap().checkpoint.position
}

#[tokio::test]
async fn what_was_written_is_in_the_model_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    write(&store, "thing-1", "happened").await.unwrap();
    attach(&store).await;
    assert_eq!(keys(&store).await, [1], "what was left to read, too");
    write(&store, "thing-1", "happened").await.unwrap();
    write(&store, "other-1", "happened").await.unwrap();
    assert_eq!(keys(&store).await, [1, 2]);
    assert_eq!(
        checkpoint(&store).await,
        Position(3),
        "past what it leaves out"
    );
}

#[tokio::test]
async fn a_process_that_has_not_attached_it_may_not_append() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    attach(&store).await;
    write(&store, "thing-1", "happened").await.unwrap();
    store.close().await;

    let store = open(&folder);
    for stream in ["thing-1", "other-1"] {
        let refused = write(&store, stream, "happened").await;
        let named = matches!(&refused, Err(WriteError::NotAttached { view: it }) if *it == view());
        assert!(named, "it is named: {refused:?}");
    }
    let nothing = Write::to(StreamId::from("thing-1"), Expected::Any, vec![]);
    store.write(nothing).await.expect("it appends nothing");
    assert_eq!(*store.head().borrow(), Position(1));
    attach(&store).await;
    write(&store, "thing-1", "happened").await.unwrap();
    assert_eq!(keys(&store).await, [1, 2]);
    store.close().await;

    let store = open(&folder);
    store.retire(&view()).await.unwrap();
    write(&store, "thing-1", "happened").await.unwrap();
    assert_eq!(checkpoint(&store).await, Position(2));
}

#[tokio::test]
async fn one_that_is_far_behind_or_of_other_events_is_not_attached() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let events = vec![NewEvent::new("happened", "{}"); 1_001];
    let many = Write::to(StreamId::from("thing-1"), Expected::Any, events);
    store.write(many).await.unwrap();
    let view = view();
    let claimed = store.claim(&view, store.id(), new_id(), Duration::ZERO);
    let lease = claimed.await.unwrap().lease;
    let behind = store.attach(&lease, Position::START, Arc::new(Every)).await;
    assert!(
        matches!(behind, Err(ViewError::Behind { .. })),
        "{behind:?}"
    );
    assert_eq!(keys(&store).await, [0; 0]);
    let foreign = ViewId::new("foreign", 1);
    let claimed = store.claim(&foreign, StoreId::fresh(), new_id(), Duration::ZERO);
    let other = claimed.await.unwrap().lease;
    let other = store.attach(&other, Position::START, Arc::new(Every)).await;
    assert!(
        matches!(other, Err(ViewError::OtherStore { .. })),
        "{other:?}"
    );
    let elsewhere = store.attach(&lease, Position(9), Arc::new(Every)).await;
    let fenced = matches!(elsewhere, Err(ViewError::Fenced { .. }));
    assert!(fenced, "{elsewhere:?}");
    write(&store, "thing-1", "happened").await.unwrap();
}

/// Writes an event of each kind, all of which wait for the same commit, and returns why those were refused that were.
async fn write_each<const N: usize>(store: &SqliteStore, kinds: [&str; N]) -> [Option<String>; N] {
    let writes = kinds.map(|kind| write(store, "thing-1", kind));
    let done = join_all(writes).await.into_iter();
    let why = done.map(|done| done.err().map(|error| error.to_string()));
    let why: Vec<_> = why.collect();
    why.try_into().unwrap()
}

#[tokio::test]
async fn events_that_it_refuses_are_not_written_and_others_are() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    attach(&store).await;
    let kinds = [
        "happened", "refused", "panics", "happened", "waits", "happened",
    ];
    let refused = write_each(&store, kinds).await;
    let wanted = ["", "as asked", "panicked", "", "waits", ""];
    for (why, wanted) in refused.iter().zip(wanted) {
        let why = why.as_deref().unwrap_or_default();
        assert!(
            why.contains(wanted) && why.is_empty() == wanted.is_empty(),
            "{why}"
        );
    }
    assert_eq!(*store.head().borrow(), Position(3));
    assert_eq!(keys(&store).await, [1, 2, 3]);
    assert_eq!(checkpoint(&store).await, Position(3));
}

#[tokio::test]
async fn events_that_it_takes_too_long_for_are_not_written_and_others_are() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_with(&folder, Duration::from_secs(1));
    attach(&store).await;
    let [first, slow, last] = write_each(&store, ["happened", "slow", "happened"]).await;
    assert_eq!((first, last), (None, None));
    let slow = slow.expect("it never ends by itself");
    assert!(slow.contains("too long"), "{slow}");
    assert_eq!(keys(&store).await, [1, 2]);
    assert_eq!(checkpoint(&store).await, Position(2));
}

#[tokio::test]
async fn one_that_was_erased_is_not_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let second = ViewId::new("every", 2);
    let other = store.claim(&second, store.id(), new_id(), Duration::ZERO);
    other.await.unwrap();
    attach(&store).await;
    store.erase(&view()).await.unwrap();
    write(&store, "thing-1", "happened").await.unwrap();
    store.close().await;
    write(&open(&folder), "thing-1", "happened").await.unwrap();
}

/// Adds a row and stages two events, the second one of this kind.
async fn stage(
    store: &SqliteStore,
    kind: &'static str,
) -> Result<(), TransactionError<OutboxError>> {
    let outbox = store.outbox();
    let staging = store.transaction(move |tx| {
        tx.execute_batch("CREATE TABLE IF NOT EXISTS rows (it); INSERT INTO rows VALUES (1)")?;
        outbox.stage(
            tx,
            StreamId::from("thing-1"),
            NewEvent::new("happened", "{}"),
        )?;
        outbox.stage(tx, StreamId::from("thing-1"), NewEvent::new(kind, "{}"))?;
        Ok(())
    });
    staging.await
}

#[tokio::test]
async fn what_was_staged_is_in_the_model_at_once_or_refused_with_its_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    attach(&store).await;
    stage(&store, "happened").await.unwrap();
    assert_eq!(keys(&store).await, [1, 2]);
    let refused = stage(&store, "refused").await;
    assert!(
        matches!(refused, Err(TransactionError::Store(_))),
        "{refused:?}"
    );
    assert_eq!(keys(&store).await, [1, 2]);
    store.close().await;

    let store = open(&folder);
    let refused = stage(&store, "happened").await;
    let not_attached =
        |it: &OutboxError| matches!(it, OutboxError::Refused(WriteError::NotAttached { .. }));
    assert!(
        matches!(&refused, Err(TransactionError::Aborted(why)) if not_attached(why)),
        "{refused:?}"
    );
    let rows = store.read(|tx| tx.query_row("SELECT count(*) FROM rows", [], |row| row.get(0)));
    assert_eq!(rows.await.unwrap(), Ok(1));
    assert_eq!(*store.head().borrow(), Position(2));
}
