use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};
use tokio_util::sync::PollSemaphore;
use watertight_core::{BuildError, Deadline};
use watertight_events::ViewStore;

use super::{Fresh, Lookup, QueryError, QueryRequest, ViewReader, wait::Wait};
use crate::View;

/// The longest wait, because the clock has an end.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Queries of a view as a tower Service.
///
/// It reads the version that is active when it is asked. A query with a token waits until the view has reached it, and no
/// longer than it may. It does not wait at all for what cannot come: the token of another store, a view that nobody runs.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use watertight_cqrs::{Event, Fact, Lookup, QueryError, View, ViewReader};
/// # use watertight_events::{Expected, StreamId, ViewStore, Write};
/// use tower::ServiceExt;
/// use watertight_cqrs::{ConsistencyToken, Projection, QueryHandler, QueryRequest};
/// use watertight_events::{EventStore, MemoryStore};
/// # #[derive(Deserialize, Serialize)]
/// # enum Door { Opened }
/// # impl Event for Door {}
/// # struct Doors;
/// # impl View for Doors {
/// #     type Event = Door;
/// #     type Document = u64;
/// #     const NAME: &'static str = "doors";
/// #     const VERSION: u32 = 1;
/// #     fn keys(fact: &Fact<Door>) -> Vec<String> { vec![fact.stream.key().into()] }
/// #     fn apply(_: &str, times: Option<u64>, _: &Fact<Door>) -> Option<u64> { Some(times.unwrap_or(0) + 1) }
/// # }
/// # struct HowOften;
/// # impl Lookup for HowOften {
/// #     type View = Doors;
/// #     type Query = u32;
/// #     type Output = Option<u64>;
/// #     async fn answer<S: ViewStore>(&self, door: &u32, doors: &ViewReader<Doors, S>) -> Result<Option<u64>, QueryError> {
/// #         doors.get(&door.to_string()).await
/// #     }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// let doors = Projection::<Doors, _, _>::new(store.clone(), store.clone());
/// let handle = doors.handle();
/// tokio::spawn(doors.run());
/// # handle.until(|it| it.state.is_healthy()).await;
///
/// # let opened = Write::to(StreamId::new("door", 7), Expected::Any, vec![Door::Opened.encode()?.into()]);
/// let written = store.write(opened).await?;
/// let token = ConsistencyToken { store: store.id(), position: written.position };
/// let how_often = QueryHandler::new(HowOften, store);
/// let answer = how_often.oneshot(QueryRequest::new(7).at_least(token)).await?;
/// assert_eq!((answer.value, answer.as_of), (Some(1), token.position));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Readiness
///
/// It has so many places (1 024 unless the builder is told), and `poll_ready` reserves one, which is held until the answer.
///
/// # Clone
///
/// A clone shares the places. A reserved place is not copied.
///
/// # Cancellation
///
/// Safe: a query changes nothing.
pub struct QueryHandler<L, S> {
    pub(super) shared: Arc<Shared<L, S>>,
    pub(super) places: PollSemaphore,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// Builds a [`QueryHandler`].
///
/// | setting | default | what it is |
/// |---|---|---|
/// | `places` | 1 024 | queries under way; more wait in `poll_ready` |
/// | `waiting` | half of the places | queries that wait for their token; one more is [`Behind`](QueryError::Behind) at once |
/// | `version` | the active one | the version of the view that is read |
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct QueryHandlerBuilder<L, S> {
    lookup: L,
    store: S,
    version: Option<u32>,
    places: usize,
    waiting: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Shared<L, S> {
    lookup: L,
    store: S,
    version: Option<u32>,
    /// Places of those that wait for their token. A view that lags leaves the others to queries that take it as it is.
    waiting: Semaphore,
}

impl<L: Lookup, S: ViewStore> QueryHandler<L, S> {
    /// A handler with the usual bounds.
    pub fn new(lookup: L, store: S) -> Self {
        Self::of(Self::builder(lookup, store))
    }

    /// Starts to build a handler.
    pub const fn builder(lookup: L, store: S) -> QueryHandlerBuilder<L, S> {
        QueryHandlerBuilder {
            lookup,
            store,
            version: None,
            places: 1_024,
            waiting: None,
        }
    }

    fn of(builder: QueryHandlerBuilder<L, S>) -> Self {
        let QueryHandlerBuilder {
            lookup,
            store,
            version,
            places,
            waiting,
        } = builder;
        Self {
            shared: Arc::new(Shared {
                lookup,
                store,
                version,
                waiting: Semaphore::new(waiting.unwrap_or(places.div_ceil(2))),
            }),
            places: PollSemaphore::new(Arc::new(Semaphore::new(places))),
            place: None,
        }
    }
}

impl<L: Lookup, S: ViewStore> QueryHandlerBuilder<L, S> {
    /// Queries under way at the same time.
    pub const fn places(mut self, queries: usize) -> Self {
        self.places = queries;
        self
    }

    /// Queries that wait for their token at the same time; none, if it is 0.
    pub const fn waiting(mut self, queries: usize) -> Self {
        self.waiting = Some(queries);
        self
    }

    /// Reads this version of the view, whichever is active.
    pub const fn version(mut self, version: u32) -> Self {
        self.version = Some(version);
        self
    }

    /// Builds the handler.
    ///
    /// # Errors
    ///
    /// No places; or more of them, or of those that wait, than a semaphore has.
    pub fn build(self) -> Result<QueryHandler<L, S>, BuildError> {
        let wrong = |field, value, expected| {
            let name = <L::View as View>::NAME;
            Err(BuildError::invalid(name, field, value, expected))
        };
        if !(1..=Semaphore::MAX_PERMITS).contains(&self.places) {
            return wrong("places", self.places, "at least 1");
        }
        match self.waiting {
            Some(more) if more > Semaphore::MAX_PERMITS => wrong("waiting", more, "fewer"),
            _ => Ok(QueryHandler::of(self)),
        }
    }
}

impl<L: Lookup, S: ViewStore> Shared<L, S> {
    /// Answers a query, until the current deadline.
    pub(super) async fn answer(
        &self,
        request: QueryRequest<L::Query>,
    ) -> Result<Fresh<L::Output>, QueryError> {
        match Deadline::current() {
            None => self.run(request).await,
            Some(deadline) if deadline.has_passed() => Err(QueryError::Deadline),
            Some(deadline) => {
                let in_time = timeout_at(deadline.instant(), self.run(request)).await;
                in_time.unwrap_or(Err(QueryError::Deadline))
            }
        }
    }

    async fn run(&self, request: QueryRequest<L::Query>) -> Result<Fresh<L::Output>, QueryError> {
        let name = <L::View as View>::NAME;
        let until = Instant::now() + request.max_wait.min(LONGEST);
        let wait = Wait {
            token: request.at_least,
            until,
            places: &self.waiting,
        };
        let state = wait.reached(&self.store, name, self.version).await?;
        let as_of = state.checkpoint.position;
        let reader = ViewReader::new(self.store.clone(), state.view, as_of);
        let value = self.lookup.answer(&request.query, &reader).await?;
        let store = state.checkpoint.store;
        Ok(Fresh {
            value,
            as_of,
            store,
        })
    }
}

impl<L, S> Clone for QueryHandler<L, S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            places: self.places.clone(),
            place: None,
        }
    }
}

impl<L: Lookup, S> fmt::Debug for QueryHandler<L, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryHandler")
            .field("view", &<L::View as View>::NAME)
            .field("version", &self.shared.version)
            .field("free_places", &self.places.available_permits())
            .finish_non_exhaustive()
    }
}
