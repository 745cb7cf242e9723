//! Commands: what is asked, what is answered, and the service in between.

mod builder;
mod error;
mod handler;
mod service;
mod slot;
mod snapshots;
mod stream;
mod turn;

use serde::Serialize;
use watertight_core::Deadline;
use watertight_events::{Expected, Metadata, StreamId, Version, new_id};

pub(crate) use self::stream::fold;
pub use self::{
    builder::CommandHandlerBuilder, error::CommandError, handler::CommandHandler,
    service::CommandFuture, snapshots::SnapshotCounts,
};
use crate::{ConsistencyToken, IdempotencyKey};

/// A command, and how it is to be done.
///
/// ```
/// use watertight_cqrs::CommandRequest;
/// use watertight_events::{Expected, Version};
///
/// let request = CommandRequest::new("close").expecting(Expected::Exact(Version(3))).key("try-1")?;
/// assert_eq!(request.command, "close");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CommandRequest<C> {
    /// What is asked for.
    pub command: C,
    /// Where it comes from; its events are caused by it.
    pub metadata: Metadata,
    /// Where the stream must be. Without it, the handler decides again when another command came first.
    pub expected: Option<Expected>,
    /// Under which key it is done once.
    pub key: Option<IdempotencyKey>,
    /// When the answer is of no more use. Without it, the [current deadline](Deadline::current).
    pub deadline: Option<Deadline>,
}

/// The answer to a command that was accepted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Committed<E> {
    /// The stream.
    pub stream: StreamId,
    /// Its version with this command's events.
    pub version: Version,
    /// A reader that waits for this sees them.
    pub token: ConsistencyToken,
    /// What happened.
    pub events: Vec<E>,
    /// Whether it was done before, under the same key.
    pub replayed: bool,
}

impl<C> CommandRequest<C> {
    /// A command that nothing caused.
    pub fn new(command: C) -> Self {
        Self {
            command,
            metadata: Metadata::root(new_id()),
            expected: None,
            key: None,
            deadline: None,
        }
    }

    /// The same with where it comes from.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// The same, if the stream is where it must be.
    #[must_use]
    pub const fn expecting(mut self, expected: Expected) -> Self {
        self.expected = Some(expected);
        self
    }

    /// The same, done once under this key.
    ///
    /// # Errors
    ///
    /// The command has no JSON.
    pub fn key(mut self, key: impl Into<String>) -> serde_json::Result<Self>
    where
        C: Serialize,
    {
        self.key = Some(IdempotencyKey::new(key, &self.command)?);
        Ok(self)
    }

    /// The same, with when the answer is of no more use.
    #[must_use]
    pub const fn deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }
}
