//! What a process leaves behind in a SQLite file that is killed while it writes.

#[path = "support/crash.rs"]
mod crash;
#[path = "support/kill.rs"]
mod kill;

use crash::{append_and_kill, is_whole};
use watertight_events::EventStore;
use watertight_sqlite::{OpenError, SqliteStore};

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_and_nothing_is_there_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let mut random = fastrand::Rng::with_seed(7);
    let mut acknowledged = Vec::new();
    for _ in 0..8 {
        let writes = random.usize(1..150);
        let place = path.to_str().unwrap();
        acknowledged.extend(append_and_kill("sqlite", place, writes));
        let store = SqliteStore::open(&path).unwrap();
        is_whole(&store, &acknowledged).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_file_in_use_is_refused_and_free_again_after_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let store = SqliteStore::open(&path).unwrap();
    let id = store.id();
    assert!(matches!(SqliteStore::open(&path), Err(OpenError::InUse(_))));
    store.close().await;
    assert_eq!(SqliteStore::open(&path).unwrap().id(), id);
}
