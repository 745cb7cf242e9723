use std::{fmt, sync::Arc};

use quick_cache::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;
use watertight_core::BuildError;
use watertight_events::{EventStore, StreamId};

use super::slot::Slot;
use crate::{Decider, Upcasters};

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

/// Builds a [`CommandHandler`].
///
/// | setting | default | what it bounds |
/// |---|---|---|
/// | `places` | 1 024 | commands under way; more wait in `poll_ready` |
/// | `streams` | 10 000 | streams kept in memory; the least used make room |
/// | `attempts` | 10 | decisions on one command before a conflict is its answer |
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct CommandHandlerBuilder<D, S> {
    decider: D,
    store: S,
    places: usize,
    streams: usize,
    attempts: u32,
}

pub(super) struct Shared<D: Decider, S> {
    pub(super) decider: D,
    pub(super) store: S,
    pub(super) attempts: u32,
    slots: Cache<StreamId, Arc<Slot<D::State>>>,
}

impl<D: Decider, S: EventStore> CommandHandler<D, S> {
    /// A handler with the usual bounds.
    pub fn new(decider: D, store: S) -> Self {
        Self::of(Self::builder(decider, store))
    }

    /// Starts to build a handler.
    pub const fn builder(decider: D, store: S) -> CommandHandlerBuilder<D, S> {
        CommandHandlerBuilder {
            decider,
            store,
            places: 1_024,
            streams: 10_000,
            attempts: 10,
        }
    }

    /// The store that it appends to.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    fn of(builder: CommandHandlerBuilder<D, S>) -> Self {
        let CommandHandlerBuilder {
            decider,
            store,
            places,
            streams,
            attempts,
        } = builder;
        Self {
            shared: Arc::new(Shared {
                decider,
                store,
                attempts,
                slots: Cache::new(streams),
            }),
            places: PollSemaphore::new(Arc::new(Semaphore::new(places))),
            place: None,
        }
    }
}

impl<D: Decider, S: EventStore> CommandHandlerBuilder<D, S> {
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

    /// Builds the handler.
    ///
    /// # Errors
    ///
    /// No places, more than a semaphore has, no streams, or no attempts; upcasters that do not fit together.
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
