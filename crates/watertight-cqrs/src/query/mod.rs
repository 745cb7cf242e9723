//! Queries: what is asked of a view, what is answered, and the service in between.

mod error;
mod handler;
mod lookup;
mod reader;
mod service;
mod wait;

use std::time::Duration;

use watertight_events::{Metadata, Position, StoreId, new_id};

pub use self::{
    error::QueryError,
    handler::{QueryHandler, QueryHandlerBuilder},
    lookup::Lookup,
    reader::{Matches, ViewReader},
    service::QueryFuture,
};
use crate::ConsistencyToken;

/// How long a query waits for its token unless it says otherwise.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A query, and how fresh its answer must be.
///
/// ```
/// use std::time::Duration;
/// use watertight_cqrs::{ConsistencyToken, QueryRequest};
///
/// # fn ask(token: ConsistencyToken) {
/// let request = QueryRequest::new("ada").at_least(token).max_wait(Duration::from_secs(1));
/// # let _ = request;
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QueryRequest<Q> {
    /// What is asked.
    pub query: Q,
    /// Where it comes from.
    pub metadata: Metadata,
    /// What the answer must reflect: the token of a command, to read what one has written.
    pub at_least: Option<ConsistencyToken>,
    /// How long it may wait for that.
    pub max_wait: Duration,
}

/// An answer, and how fresh it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fresh<T> {
    /// The answer.
    pub value: T,
    /// Every event up to here is reflected in it; perhaps later ones too.
    pub as_of: Position,
    /// The store of the events.
    pub store: StoreId,
}

impl<T> Fresh<T> {
    /// An answer that reflects everything up to a token.
    pub const fn new(value: T, token: ConsistencyToken) -> Self {
        Self {
            value,
            as_of: token.position,
            store: token.store,
        }
    }

    /// What a reader waits for to see nothing older than this.
    #[must_use]
    pub const fn token(&self) -> ConsistencyToken {
        ConsistencyToken {
            store: self.store,
            position: self.as_of,
        }
    }

    /// The same with another answer.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Fresh<U> {
        let token = self.token();
        Fresh::new(map(self.value), token)
    }
}

impl<Q> QueryRequest<Q> {
    /// A query that nothing caused, and whose answer may be as old as the view is.
    pub fn new(query: Q) -> Self {
        Self {
            query,
            metadata: Metadata::root(new_id()),
            at_least: None,
            max_wait: MAX_WAIT,
        }
    }

    /// The same question in other words.
    pub fn map<U>(self, map: impl FnOnce(Q) -> U) -> QueryRequest<U> {
        QueryRequest {
            query: map(self.query),
            metadata: self.metadata,
            at_least: self.at_least,
            max_wait: self.max_wait,
        }
    }

    /// The same with where it comes from.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// The same, answered when the view has got so far.
    #[must_use]
    pub const fn at_least(mut self, token: ConsistencyToken) -> Self {
        self.at_least = Some(token);
        self
    }

    /// The same with how long it may wait: 5 s unless this, and never longer than the
    /// [current deadline](watertight_core::Deadline::current).
    #[must_use]
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }
}
