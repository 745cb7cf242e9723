//! Snapshots: what the events of a stream came to, kept so that they need not all be read again.

mod memory;

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use uuid::Uuid;

pub(crate) use self::memory::Album;
use crate::{Invalid, StreamId, Version, ids::check_text};

/// The largest state of a snapshot, in bytes.
pub const MAX_SNAPSHOT: usize = 16 << 20;

/// The state of a stream at one of its versions.
///
/// It is a cache, and never believed: whoever uses it checks that the stream still has this event at this version, and that
/// the state is of the schema that is wanted. If not, all events are read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// The stream.
    pub stream: StreamId,
    /// Up to which event.
    pub version: Version,
    /// The message id of that event. After a backup was restored, another one may have its version.
    pub event: Uuid,
    /// A hash of what the state is and how it was come to.
    pub schema: u64,
    /// The state; the store never looks into it.
    pub state: Bytes,
}

/// A store of snapshots, at most one of each stream.
///
/// It need not be the store of the events. What every store must keep to is written down as tests: `snapshot_store_tests!`,
/// behind the feature `conformance`.
///
/// ```
/// use watertight_events::{MemoryStore, Snapshot, SnapshotStore, StreamId, Version, new_id};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// let stream = StreamId::new("account", 7);
/// let snapshot = Snapshot { stream: stream.clone(), version: Version(100), event: new_id(), schema: 1, state: "42".into() };
/// store.save_snapshot(&snapshot).await?;
/// assert_eq!(store.load_snapshot(&stream).await?, Some(snapshot));
/// # Ok::<(), watertight_events::SnapshotError>(())
/// # }).unwrap();
/// ```
///
/// # Cancellation
///
/// What is dropped is done or not done, never in part.
pub trait SnapshotStore: Clone + Send + Sync + 'static {
    /// The snapshot of a stream, if there is one.
    ///
    /// # Errors
    ///
    /// A failure of the store.
    fn load_snapshot(
        &self,
        stream: &StreamId,
    ) -> impl Future<Output = Result<Option<Snapshot>, SnapshotError>> + Send;

    /// Keeps a snapshot in place of the one before, whichever is of the later version: the one before may be of events that
    /// are lost.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Invalid`] or [`SnapshotError::TooLarge`] for one that no store could hold; a failure of the store.
    fn save_snapshot(
        &self,
        snapshot: &Snapshot,
    ) -> impl Future<Output = Result<(), SnapshotError>> + Send;

    /// Removes the snapshot of a stream. One that is not there is no error.
    ///
    /// # Errors
    ///
    /// A failure of the store.
    fn forget_snapshot(
        &self,
        stream: &StreamId,
    ) -> impl Future<Output = Result<(), SnapshotError>> + Send;
}

/// Why a snapshot was not read or written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Something in it can be in no store.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Its state is larger than a store takes.
    #[error("the state is {size} bytes, more than {limit}")]
    TooLarge {
        /// How many bytes it has.
        size: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The store failed.
    #[error("the store failed: {message}")]
    Store {
        /// Whether trying again may help.
        transient: bool,
        /// What it said.
        message: Arc<str>,
    },
}

impl Snapshot {
    /// Refuses what some store could not hold.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Invalid`] for the name of its stream, [`SnapshotError::TooLarge`] for its state.
    pub fn check(&self) -> Result<(), SnapshotError> {
        check_text("stream", self.stream.as_str())?;
        let (size, limit) = (self.state.len(), MAX_SNAPSHOT);
        if size > limit {
            return Err(SnapshotError::TooLarge { size, limit });
        }
        Ok(())
    }
}

impl SnapshotError {
    /// A failure of the store.
    pub fn store(transient: bool, message: impl Into<Arc<str>>) -> Self {
        let message = message.into();
        Self::Store { transient, message }
    }
}
