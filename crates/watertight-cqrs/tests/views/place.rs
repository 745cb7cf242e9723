//! The stores that read models are tested on.

use std::time::Duration;

use tempfile::TempDir;
use watertight_events::{EventStore, MemoryStore, ViewStore};
use watertight_sqlite::SqliteStore;

pub(crate) trait Place: EventStore + ViewStore {
    /// How many times as often a future is polled before it is dropped, so that it gets as far as one in memory.
    const SPIN: usize;
    /// A lease that expires all the time.
    const SHORT: Duration;

    async fn fresh() -> (Self, Option<TempDir>);
}

impl Place for MemoryStore {
    const SPIN: usize = 1;
    const SHORT: Duration = Duration::ZERO;

    async fn fresh() -> (Self, Option<TempDir>) {
        (Self::new(), None)
    }
}

impl Place for SqliteStore {
    const SPIN: usize = 100;
    const SHORT: Duration = Duration::from_millis(20);

    async fn fresh() -> (Self, Option<TempDir>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Self::open(folder.path().join("events.db")).unwrap();
        (store, Some(folder))
    }
}

/// Makes a test on each store with tables of a projection's own.
macro_rules! on_every_table_store {
    ($($test:ident)*) => {
        $(
            mod $test {
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn on_sqlite() {
                    super::$test::<watertight_sqlite::SqliteStore>().await;
                }
            }
        )*
    };
}
pub(crate) use on_every_table_store;

/// Makes a test on each store: in memory on paused time, elsewhere on the real one.
macro_rules! on_every_store {
    (threads: $($test:ident)*) => {
        $(
            mod $test {
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn in_memory() {
                    super::$test::<watertight_events::MemoryStore>().await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn on_sqlite() {
                    super::$test::<watertight_sqlite::SqliteStore>().await;
                }
            }
        )*
    };
    ($($test:ident)*) => {
        $(
            mod $test {
                #[tokio::test(start_paused = true)]
                async fn in_memory() {
                    super::$test::<watertight_events::MemoryStore>().await;
                }

                #[tokio::test]
                async fn on_sqlite() {
                    super::$test::<watertight_sqlite::SqliteStore>().await;
                }
            }
        )*
    };
}
pub(crate) use on_every_store;
