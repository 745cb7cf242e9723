//! The store in memory keeps to everything that an event store must.

use watertight_events::{MemoryStore, conformance::Fixture, event_store_tests};

struct Memory(MemoryStore);

impl Fixture for Memory {
    type Store = MemoryStore;

    async fn fresh() -> Self {
        Self(MemoryStore::new())
    }

    fn store(&self) -> MemoryStore {
        self.0.clone()
    }

    async fn reopen(self) -> Option<Self> {
        None
    }
}

event_store_tests!(Memory);

mod erased {
    //! So does the same store behind a pointer.

    use std::sync::Arc;

    use watertight_events::{AnyEventStore, MemoryStore, conformance::Fixture, event_store_tests};

    struct Erased(Arc<dyn AnyEventStore>);

    impl Fixture for Erased {
        type Store = Arc<dyn AnyEventStore>;

        async fn fresh() -> Self {
            Self(Arc::new(MemoryStore::new()))
        }

        fn store(&self) -> Self::Store {
            Arc::clone(&self.0)
        }

        async fn reopen(self) -> Option<Self> {
            None
        }
    }

    event_store_tests!(Erased);
}

mod snapshots {
    //! And to everything that a store of snapshots must.

    watertight_events::snapshot_store_tests!(super::Memory);
}

mod views {
    //! And to everything that a store of views must.

    use std::time::Duration;

    use tokio::time::{advance, pause};
    use watertight_events::{
        EventStore, MemoryStore, ViewError, ViewId, ViewStore, new_id, view_store_tests,
    };

    view_store_tests!(super::Memory);

    #[tokio::test]
    async fn a_lease_expires_on_tokios_clock() {
        pause();
        let store = MemoryStore::new();
        let view = ViewId::new("things", 1);
        let claim = || store.claim(&view, store.id(), new_id(), Duration::from_secs(10));
        claim().await.unwrap();
        advance(Duration::from_millis(9_999)).await;
        let held = claim().await;
        let left = Duration::from_millis(1);
        assert!(matches!(held, Err(ViewError::Held { left: told, .. }) if told == left));
        advance(left).await;
        assert_eq!(claim().await.unwrap().lease.epoch, 2);
    }
}
