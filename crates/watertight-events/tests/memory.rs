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
