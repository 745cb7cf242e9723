use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use super::{Snapshot, SnapshotError, SnapshotStore};
use crate::{MemoryStore, StreamId};

/// The snapshots of a store in memory; there are never more of them than streams.
#[derive(Debug, Default)]
pub(crate) struct Album(RwLock<HashMap<StreamId, Snapshot>>);

impl Album {
    fn change<T>(&self, change: impl FnOnce(&mut HashMap<StreamId, Snapshot>) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SnapshotStore for MemoryStore {
    async fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, SnapshotError> {
        let all = self.album().0.read();
        let all = all.unwrap_or_else(PoisonError::into_inner);
        Ok(all.get(stream).cloned())
    }

    async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        snapshot.check()?;
        let (stream, snapshot) = (snapshot.stream.clone(), snapshot.clone());
        self.album().change(|all| all.insert(stream, snapshot));
        Ok(())
    }

    async fn forget_snapshot(&self, stream: &StreamId) -> Result<(), SnapshotError> {
        self.album().change(|all| all.remove(stream));
        Ok(())
    }
}
