use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Semaphore;
use watertight_core::BuildError;
use watertight_events::{EventStore, SnapshotStore};

use super::{CommandHandler, snapshots::Snapshots};
use crate::{Decider, Upcasters};

/// Builds a [`CommandHandler`].
///
/// | setting | default | what it bounds |
/// |---|---|---|
/// | `places` | 1 024 | commands under way; more wait in `poll_ready` |
/// | `streams` | 10 000 | streams kept in memory; the least used make room |
/// | `attempts` | 10 | decisions on one command before a conflict is its answer |
/// | `snapshots` | off | events that are read of a stream that is not in memory |
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct CommandHandlerBuilder<D: Decider, S> {
    pub(super) decider: D,
    pub(super) store: S,
    pub(super) places: usize,
    pub(super) streams: usize,
    pub(super) attempts: u32,
    pub(super) snapshots: Option<Arc<Snapshots<D::State>>>,
}

impl<D: Decider, S: EventStore> CommandHandlerBuilder<D, S> {
    pub(super) const fn new(decider: D, store: S) -> Self {
        Self {
            decider,
            store,
            places: 1_024,
            streams: 10_000,
            attempts: 10,
            snapshots: None,
        }
    }

    /// Commands under way at the same time.
    pub const fn places(mut self, commands: usize) -> Self {
        self.places = commands;
        self
    }

    /// Streams that are kept in memory.
    pub const fn streams(mut self, streams: usize) -> Self {
        self.streams = streams;
        self
    }

    /// Decisions on one command when others come first again and again.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Keeps the state of a stream in this store every so many events, so that a stream that is not in memory need not be
    /// read from its first event. They are taken while nobody waits for them, two at a time: what cannot be read, saved or
    /// believed costs a longer read, and no command.
    ///
    /// The state is kept as JSON. What changes its meaning without changing the names of its fields raises
    /// [`Decider::VERSION`]. [`CommandHandler::snapshots`] counts what becomes of them.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use watertight_cqrs::{CommandHandler, Decider, Event};
    /// # use watertight_events::{MemoryStore, StreamId};
    /// # struct Opening;
    /// # #[derive(Debug, Deserialize, Serialize)]
    /// # enum Door { Opened }
    /// # impl Event for Door {}
    /// # impl Decider for Opening {
    /// #     type Command = u32;
    /// #     type Event = Door;
    /// #     type State = u64;
    /// #     type Rejection = std::fmt::Error;
    /// #     const CATEGORY: &'static str = "door";
    /// #     fn stream_id(door: &u32) -> StreamId { StreamId::new("door", door) }
    /// #     fn decide(&self, _: &u64, _: &u32) -> Result<Vec<Door>, std::fmt::Error> { Ok(vec![Door::Opened]) }
    /// #     fn evolve(times: u64, _: &Door) -> u64 { times + 1 }
    /// # }
    /// let store = MemoryStore::new();
    /// let doors = CommandHandler::builder(Opening, store.clone()).snapshots(store, 100).build()?;
    /// assert_eq!(doors.snapshots().saved, 0);
    /// # Ok::<(), watertight_core::BuildError>(())
    /// ```
    pub fn snapshots<P: SnapshotStore>(mut self, store: P, every: u64) -> Self
    where
        D::State: Serialize + DeserializeOwned,
    {
        self.snapshots = Some(Arc::new(Snapshots::new::<D, P>(store, every)));
        self
    }

    /// Builds the handler.
    ///
    /// # Errors
    ///
    /// No places, more than a semaphore has, no streams, no attempts, or snapshots every 0 events; upcasters that do not fit together.
    pub fn build(self) -> Result<CommandHandler<D, S>, BuildError> {
        let wrong =
            |field, value, expected| Err(BuildError::invalid(D::CATEGORY, field, value, expected));
        if !(1..=Semaphore::MAX_PERMITS).contains(&self.places) {
            return wrong("places", self.places, "at least 1");
        }
        if self.streams == 0 {
            return wrong("streams", 0, "at least 1");
        }
        if self.attempts == 0 {
            return wrong("attempts", 0, "at least 1");
        }
        if self.snapshots.as_ref().is_some_and(|it| it.every == 0) {
            return wrong("snapshots", 0, "every 1 event or more");
        }
        if let Err(error) = Upcasters::check::<D::Event>() {
            let (error, expected) = (error.to_string(), "a way to the present shape");
            return Err(BuildError::invalid(
                D::CATEGORY,
                "upcasters",
                error,
                expected,
            ));
        }
        Ok(CommandHandler::of(self))
    }
}
