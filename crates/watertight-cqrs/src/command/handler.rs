use std::{fmt, sync::Arc};

use quick_cache::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;
use watertight_events::{EventStore, StreamId};

use super::{
    CommandHandlerBuilder,
    slot::Slot,
    snapshots::{SnapshotCounts, Snapshots},
};
use crate::Decider;

/// A decider as a tower Service over an event store.
///
/// It reads the stream of a command, lets the decider decide, and appends what happened at the version it was decided at. If
/// another command came first, it decides again. Streams that are in use stay in memory, with the events that are on their
/// way, so commands for one hot stream need not wait for each other's commits.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use watertight_events::StreamId;
/// use tower::ServiceExt;
/// use watertight_cqrs::{CommandHandler, CommandRequest, Decider, Event};
/// use watertight_events::MemoryStore;
/// # struct Opening;
/// # #[derive(Debug, Deserialize, Serialize)]
/// # enum Door { Opened }
/// # impl Event for Door {}
/// # impl Decider for Opening {
/// #     type Command = u32;
/// #     type Event = Door;
/// #     type State = bool;
/// #     type Rejection = std::fmt::Error;
/// #     const CATEGORY: &'static str = "door";
/// #     fn stream_id(door: &u32) -> StreamId { StreamId::new("door", door) }
/// #     fn decide(&self, open: &bool, _: &u32) -> Result<Vec<Door>, std::fmt::Error> {
/// #         if *open { Err(std::fmt::Error) } else { Ok(vec![Door::Opened]) }
/// #     }
/// #     fn evolve(_: bool, _: &Door) -> bool { true }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let handler = CommandHandler::new(Opening, MemoryStore::new());
/// let opened = handler.clone().oneshot(CommandRequest::new(7)).await.unwrap();
/// assert_eq!(opened.version.0, 1);
/// let again = handler.oneshot(CommandRequest::new(7)).await.unwrap_err();
/// assert!(again.rejection().is_some());
/// # });
/// ```
///
/// # Readiness
///
/// It has so many places (1 024 unless the builder is told), and `poll_ready` reserves one, which is held until the answer.
/// So tower's load shed, concurrency limit, buffer and timeout work on it as on any service with a limit.
///
/// # Clone
///
/// A clone shares the places and what is in memory. A reserved place is not copied.
///
/// # Cancellation
///
/// A command that is dropped is done or not done, never in part. Send it again under its key to find out.
pub struct CommandHandler<D: Decider, S> {
    pub(super) shared: Arc<Shared<D, S>>,
    pub(super) places: PollSemaphore,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

pub(super) struct Shared<D: Decider, S> {
    pub(super) decider: D,
    pub(super) store: S,
    pub(super) attempts: u32,
    pub(super) snapshots: Option<Arc<Snapshots<D::State>>>,
    slots: Cache<StreamId, Arc<Slot<D::State>>>,
}

impl<D: Decider, S: EventStore> CommandHandler<D, S> {
    /// A handler with the usual bounds.
    pub fn new(decider: D, store: S) -> Self {
        Self::of(Self::builder(decider, store))
    }

    /// Starts to build a handler.
    pub const fn builder(decider: D, store: S) -> CommandHandlerBuilder<D, S> {
        CommandHandlerBuilder::new(decider, store)
    }

    /// The store that it appends to.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// What became of its snapshots; nothing where it takes none.
    #[must_use]
    pub fn snapshots(&self) -> SnapshotCounts {
        let snapshots = self.shared.snapshots.as_ref();
        snapshots.map_or_else(SnapshotCounts::default, |it| it.counts())
    }

    pub(super) fn of(builder: CommandHandlerBuilder<D, S>) -> Self {
        let CommandHandlerBuilder {
            decider,
            store,
            places,
            streams,
            attempts,
            snapshots,
        } = builder;
        Self {
            shared: Arc::new(Shared {
                decider,
                store,
                attempts,
                snapshots,
                slots: Cache::new(streams),
            }),
            places: PollSemaphore::new(Arc::new(Semaphore::new(places))),
            place: None,
        }
    }
}

impl<D: Decider, S> Shared<D, S> {
    /// What is known of a stream; at first nothing.
    pub(super) fn slot(&self, stream: &StreamId) -> Arc<Slot<D::State>> {
        if let Some(slot) = self.slots.get(stream) {
            return slot;
        }
        let fresh = self
            .slots
            .get_or_insert_with(stream, || Ok::<_, std::convert::Infallible>(Arc::default()));
        fresh.unwrap_or_else(|never| match never {})
    }
}

impl<D: Decider, S> Clone for CommandHandler<D, S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            places: self.places.clone(),
            place: None,
        }
    }
}

impl<D: Decider, S> fmt::Debug for CommandHandler<D, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandHandler")
            .field("category", &D::CATEGORY)
            .field("free_places", &self.places.available_permits())
            .field("streams", &self.shared.slots.len())
            .finish_non_exhaustive()
    }
}
