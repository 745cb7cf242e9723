//! Reactions of a process on a SQLite file that is killed while it writes.

#[path = "support/reacting.rs"]
mod reacting;

use reacting::{is_whole, trade_and_kill};
use watertight_sqlite::SqliteStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kill_9_every_effect_was_had_and_every_event_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hotel.db");
    let mut random = fastrand::Rng::with_seed(7);
    let mut booked = Vec::new();
    for _ in 0..8 {
        let place = path.to_str().unwrap();
        booked.extend(trade_and_kill("sqlite", place, random.usize(1..150)));
    }
    let store = SqliteStore::open(&path).unwrap();
    is_whole(&store, &booked).await;
}
