//! Tables of a service's own, with events and messages in the same commit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use tempfile::TempDir;
use watertight_events::{
    EventStore, Expected, Filter, NewEvent, Position, Recorded, StreamId, Version, Write,
    WriteError, new_id,
};
use watertight_sqlite::{Inbox, OutboxError, SqliteStore, SqliteTransaction, TransactionError};

/// A store with a table of rooms.
async fn hotel() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("hotel.db")).unwrap();
    let tables = store.transaction(|tx| tx.execute_batch("CREATE TABLE rooms (guest INTEGER)"));
    tables.await.unwrap();
    (store, folder)
}

fn book(tx: &SqliteTransaction, guest: u64) -> rusqlite::Result<usize> {
    tx.execute("INSERT INTO rooms VALUES (?1)", [guest])
}

fn booked(guest: u64) -> NewEvent {
    NewEvent::new("booked", guest.to_string())
}

fn room(number: u64) -> StreamId {
    StreamId::new("room", number)
}

async fn guests(store: &SqliteStore) -> Vec<u64> {
    let read = store.read(|tx| {
        let mut select = tx.prepare("SELECT guest FROM rooms ORDER BY rowid")?;
        let rows = select.query_map([], |row| row.get(0))?;
        rows.collect::<rusqlite::Result<_>>()
    });
    read.await.unwrap().unwrap()
}

async fn count(store: &SqliteStore, table: &'static str) -> u64 {
    let select = format!("SELECT count(*) FROM {table}");
    let read = store.read(move |tx| tx.query_row(&select, [], |row| row.get(0)));
    read.await.unwrap().unwrap()
}

async fn events(store: &SqliteStore) -> Vec<Recorded> {
    let page = store
        .read_all(Position::START, &Filter::all(), 100_000)
        .await;
    page.unwrap().events
}

#[tokio::test]
async fn rows_and_staged_events_are_committed_together() {
    let (store, _folder) = hotel().await;
    let outbox = store.outbox();
    let mut head = store.head();
    let booking = store.transaction(move |tx| {
        for guest in 1..=3 {
            book(tx, guest)?;
            outbox.stage(tx, room(guest % 2), booked(guest))?;
        }
        Ok::<_, OutboxError>("done")
    });
    assert_eq!(booking.await.unwrap(), "done");
    assert_eq!(guests(&store).await, [1, 2, 3]);
    let found = events(&store).await;
    let places = found
        .iter()
        .map(|it| (it.position.0, it.stream.key(), it.version.0));
    assert_eq!(
        places.collect::<Vec<_>>(),
        [(1, "1", 1), (2, "0", 1), (3, "1", 2)]
    );
    assert_eq!(count(&store, "outbox").await, 0);
    head.wait_for(|head| *head == Position(3)).await.unwrap();
}

#[tokio::test]
async fn what_is_given_up_or_panics_leaves_nothing_behind() {
    let (store, _folder) = hotel().await;
    let outbox = store.outbox();
    let given_up = store.transaction(move |tx| {
        book(tx, 1).unwrap();
        outbox.stage(tx, room(1), booked(1)).unwrap();
        Err::<(), _>("no vacancy")
    });
    let error = given_up.await.unwrap_err();
    assert!(
        matches!(error, TransactionError::Aborted("no vacancy")),
        "{error:?}"
    );
    let panics = store.transaction(move |tx| -> Result<(), ()> {
        outbox.stage(tx, room(1), booked(1)).unwrap();
        panic!("on fire")
    });
    let error = panics.await.unwrap_err();
    assert!(
        matches!(&error, TransactionError::Panicked(why) if &**why == "on fire"),
        "{error:?}"
    );
    assert!(guests(&store).await.is_empty());
    assert_eq!(events(&store).await, []);
    store.transaction(|tx| book(tx, 2)).await.unwrap();
    assert_eq!(guests(&store).await, [2]);
}

#[tokio::test]
async fn an_event_that_no_store_takes_is_refused_before_it_is_staged() {
    let (store, _folder) = hotel().await;
    let outbox = store.outbox();
    let booking = store.transaction(move |tx| {
        let long = NewEvent::new("booked", vec![b' '; (1 << 20) + 1]);
        let too_large = outbox.stage(tx, room(1), long).unwrap_err();
        let nowhere = outbox.stage(tx, StreamId::from(""), booked(1)).unwrap_err();
        outbox.stage(tx, room(1), booked(1)).unwrap();
        Ok::<_, ()>((too_large, nowhere))
    });
    let (too_large, nowhere) = booking.await.unwrap();
    assert!(matches!(
        too_large,
        OutboxError::Refused(WriteError::TooLarge { .. })
    ));
    assert!(matches!(
        nowhere,
        OutboxError::Refused(WriteError::Invalid(_))
    ));
    assert_eq!(events(&store).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn staged_and_written_events_share_commits_without_a_gap_or_a_lost_one() {
    let (store, _folder) = hotel().await;
    let tasks = (0..8_u64).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            for round in 0..50 {
                let guest = task * 1_000 + round;
                if task % 2 == 0 {
                    let write = Write::to(room(round % 3), Expected::Any, vec![booked(guest)]);
                    store.write(write).await.unwrap();
                    continue;
                }
                let outbox = store.outbox();
                let booking = store.transaction(move |tx| {
                    book(tx, guest)?;
                    outbox.stage(tx, room(round % 3), booked(guest))?;
                    if round % 5 == 0 {
                        return Err(rusqlite::Error::InvalidQuery.into());
                    }
                    Ok::<_, OutboxError>(())
                });
                assert_eq!(booking.await.is_ok(), round % 5 != 0);
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let found = events(&store).await;
    assert_eq!(found.len(), 4 * 50 + 4 * 40);
    let mut versions = [0; 3];
    for (at, event) in found.iter().enumerate() {
        assert_eq!(event.position, Position(at as u64 + 1));
        let version = &mut versions[event.stream.key().parse::<usize>().unwrap()];
        *version += 1;
        assert_eq!(event.version, Version(*version));
    }
    // In the order of the rows, for both are of one transaction.
    let payload = |it: &Recorded| {
        std::str::from_utf8(&it.event.payload)
            .unwrap()
            .parse()
            .unwrap()
    };
    let staged = found
        .iter()
        .map(payload)
        .filter(|guest: &u64| guest / 1_000 % 2 == 1);
    assert_eq!(staged.collect::<Vec<_>>(), guests(&store).await);
}

#[tokio::test]
async fn more_than_one_chunk_is_moved_in_one_commit() {
    let (store, _folder) = hotel().await;
    let outbox = store.outbox();
    let booking = store.transaction(move |tx| {
        for guest in 0..2_500 {
            outbox.stage(tx, room(guest % 7), booked(guest))?;
        }
        Ok::<_, OutboxError>(())
    });
    booking.await.unwrap();
    let found = events(&store).await;
    let expected = (0..2_500).map(|guest| guest.to_string());
    assert!(
        found
            .iter()
            .map(|it| &it.event.payload[..])
            .eq(expected.map(String::into_bytes))
    );
    assert_eq!(count(&store, "outbox").await, 0);
}

#[tokio::test]
async fn a_transaction_cannot_end_itself_or_write_what_is_the_stores() {
    let (store, _folder) = hotel().await;
    for sql in [
        "COMMIT",
        "INSERT INTO outbox (stream_id, event_id, type, schema_version, payload, metadata) VALUES ('a', x'', 'b', 1, x'', x'')",
        "DELETE FROM inbox",
        "UPDATE head SET position = 7",
    ] {
        let refused = store.transaction(move |tx| tx.execute_batch(sql)).await;
        assert!(
            matches!(refused, Err(TransactionError::Aborted(_))),
            "{sql}: {refused:?}"
        );
    }
    assert_eq!(*store.head().borrow(), Position::START);
}

/// Handles a message, unless it was handled before, and fails afterwards if it is told to.
async fn handle(store: &SqliteStore, inbox: &Inbox, message: uuid::Uuid, fails: bool) -> bool {
    let inbox = inbox.clone();
    let handling = store.transaction(move |tx| {
        let is_new = inbox.once(tx, message)?;
        if is_new {
            book(tx, 1)?;
        }
        if fails {
            return Err(rusqlite::Error::InvalidQuery);
        }
        Ok(is_new)
    });
    handling.await.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_is_handled_once_however_often_it_comes() {
    let (store, _folder) = hotel().await;
    let (message, handled) = (new_id(), Arc::new(AtomicU32::new(0)));
    let tasks = (0..16).map(|task| {
        let (store, handled) = (store.clone(), Arc::clone(&handled));
        tokio::spawn(async move {
            // Some fail, and have not handled it.
            if handle(&store, &Inbox::new("rooms"), message, task % 3 == 0).await {
                handled.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    assert_eq!(handled.load(Ordering::Relaxed), 1);
    assert_eq!(guests(&store).await, [1]);
    assert!(
        handle(&store, &Inbox::new("bills"), message, false).await,
        "another consumer"
    );
    assert!(
        handle(&store, &Inbox::new("rooms"), new_id(), false).await,
        "another message"
    );
}

#[tokio::test]
async fn expired_messages_make_room_a_few_at_a_time() {
    let (store, _folder) = hotel().await;
    let short = Inbox::new("rooms").keep(Duration::ZERO);
    let message = new_id();
    assert!(handle(&store, &short, message, false).await);
    assert!(
        handle(&store, &short, message, false).await,
        "it has expired"
    );
    let many = short.clone();
    let seeing = store.transaction(move |tx| {
        for _ in 0..50 {
            many.once(tx, new_id())?;
        }
        Ok::<_, rusqlite::Error>(())
    });
    seeing.await.unwrap();
    assert!(
        count(&store, "inbox").await < 20,
        "each one deletes more than one"
    );
    let long = Inbox::new("rooms");
    for _ in 0..3 {
        assert!(handle(&store, &long, new_id(), false).await);
    }
    assert_eq!(count(&store, "inbox").await, 3);
}
