//! The store in a file keeps to everything that an event store must, and a store of views.

use tempfile::TempDir;
use watertight_events::{
    conformance::Fixture, event_store_tests, snapshot_store_tests, view_store_tests,
};
use watertight_sqlite::SqliteStore;

struct File {
    store: SqliteStore,
    folder: TempDir,
}

impl Fixture for File {
    type Store = SqliteStore;

    async fn fresh() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    fn store(&self) -> SqliteStore {
        self.store.clone()
    }

    async fn reopen(self) -> Option<Self> {
        let Self { store, folder } = self;
        store.close().await;
        Some(Self::open(folder))
    }
}

impl File {
    fn open(folder: TempDir) -> Self {
        let store = SqliteStore::open(folder.path().join("events.db")).unwrap();
        Self { store, folder }
    }
}

event_store_tests!(File);
view_store_tests!(File);
snapshot_store_tests!(File);
