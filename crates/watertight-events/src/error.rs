use std::sync::Arc;

use crate::{Expected, Position, StreamId, Version, ViewId};

/// Something that no store takes: which field, its value, and why.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("invalid {field} {value:?}: {why}")]
#[non_exhaustive]
pub struct Invalid {
    /// The field, such as `stream`.
    pub field: &'static str,
    /// What was in it, cut off after 80 characters.
    pub value: String,
    /// Why that cannot be.
    pub why: &'static str,
}

/// Why a [`Write`](crate::Write) was not done.
///
/// Nothing of it is in the store, except after [`Unknown`](Self::Unknown).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The stream is not at the version that the append expects.
    #[error("stream {stream} is at version {actual}, expected {expected}")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// What was expected.
        expected: Expected,
        /// Where it is.
        actual: Version,
    },
    /// The idempotency key was used before, for something else.
    #[error("the idempotency key was used for another command")]
    KeyMismatch,
    /// Something in it can be in no store.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Something in it is larger than the store takes.
    #[error("the {field} is {size}, more than {limit}")]
    TooLarge {
        /// What is too large, and in which unit.
        field: &'static str,
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// Another run of the same consumer has moved its position.
    #[error("consumer {consumer} is at position {actual}, not where this run left it")]
    Fenced {
        /// The consumer.
        consumer: Arc<str>,
        /// Where it is.
        actual: Position,
    },
    /// This read model must be applied in the commit, and this process has not attached it: else it would stay wrong for ever.
    #[error(
        "read model {view} is kept in the commits of events, and is not attached in this process"
    )]
    NotAttached {
        /// The read model.
        view: ViewId,
    },
    /// The queue is full; nothing was tried.
    #[error("the queue of the store is full")]
    Overloaded,
    /// The store failed, and nothing was written.
    #[error("the store failed: {message}")]
    Store {
        /// Whether trying again may help.
        transient: bool,
        /// What it said.
        message: Arc<str>,
    },
    /// The store failed, and could not say afterwards whether it has written.
    #[error("the store was lost, and with it the answer whether the write was done")]
    Unknown,
}

/// Why a read was not done. There is no short answer: a page is whole, or it is this.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store could not be read: {message}")]
#[non_exhaustive]
pub struct ReadError {
    /// Whether trying again may help.
    pub transient: bool,
    /// What the store said.
    pub message: Arc<str>,
}

impl Invalid {
    /// A field with something in it that cannot be.
    #[must_use]
    pub fn new(field: &'static str, value: &str, why: &'static str) -> Self {
        Self {
            field,
            value: value.chars().take(80).collect(),
            why,
        }
    }
}

impl WriteError {
    /// A failure of the store before anything was written.
    pub fn store(transient: bool, message: impl Into<Arc<str>>) -> Self {
        let message = message.into();
        Self::Store { transient, message }
    }

    /// Whether the same write may succeed if it is tried again unchanged.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Overloaded
                | Self::Store {
                    transient: true,
                    ..
                }
        )
    }
}

impl ReadError {
    /// A failure to read.
    pub fn new(transient: bool, message: impl Into<Arc<str>>) -> Self {
        let message = message.into();
        Self { transient, message }
    }
}
