//! What is particular to views in a file.

use std::time::Duration;

use rusqlite::Connection;
use watertight_events::{
    Change, Document, EventStore, Expected, Find, NewEvent, Position, Save, StreamId, ViewId,
    ViewStore, Write, new_id,
};
use watertight_sqlite::SqliteStore;

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_lease_ends_with_the_store_that_gave_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.db");
    let store = SqliteStore::open(&path).unwrap();
    let view = ViewId::new("things", 1);
    let former = store.claim(&view, store.id(), new_id(), LONG).await;
    let former = former.unwrap().lease;
    store.close().await;

    let store = SqliteStore::open(&path).unwrap();
    assert!(!store.versions("things").await.unwrap().all[0].running);
    let mine = store.claim(&view, store.id(), new_id(), LONG).await;
    assert!(
        mine.unwrap().lease.epoch > former.epoch,
        "nobody else has it"
    );
    let late = Save::new(former, Position::START, Position(1));
    store.save(&late).await.unwrap_err();
}

#[tokio::test]
async fn a_file_from_before_there_were_views_gets_their_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../migrations/0001_events.sql"))
        .unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    let store = SqliteStore::open(&path).unwrap();
    let claimed = store
        .claim(&ViewId::new("things", 1), store.id(), new_id(), LONG)
        .await;
    assert_eq!(claimed.unwrap().checkpoint.position, Position::START);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn views_and_events_written_at_once_do_not_get_in_each_others_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("views.db")).unwrap();
    let view = ViewId::new("things", 1);
    let lease = store.claim(&view, store.id(), new_id(), LONG).await;
    let lease = lease.unwrap().lease;
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    let event = NewEvent::new("happened", "{}");
                    let stream = StreamId::new("thing", writer);
                    let write = Write::to(stream, Expected::Any, vec![event]);
                    store.write(write).await.unwrap();
                }
            })
        })
        .collect();
    for at in 0..50 {
        let mut save = Save::new(lease.clone(), Position(at), Position(at + 1));
        let document = Document::new(format!("k{at}"), "{}").indexed("at", at.to_string());
        save.changes.push(Change::Put(document));
        store.save(&save).await.unwrap();
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(*store.head().borrow(), Position(400));
    let found = store.find(&view, &Find::all()).await.unwrap();
    assert_eq!(found.documents.len(), 50);
}
