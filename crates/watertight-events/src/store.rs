use std::{future::Future, sync::Arc};

use tokio::sync::watch;

use crate::{
    Key, Position, ReadError, Recorded, StoreId, StreamId, Version, Write, WriteError, Written,
};

/// A store of events that never change, each at a position of its own: 1, 2, 3 without a gap, in the order of the commits.
///
/// Because of that order nobody can read past an event that becomes visible later. What every store must keep to is written
/// down as tests: `event_store_tests!`, behind the feature `conformance`.
///
/// # Cancellation
///
/// A read that is dropped has no effect. A write that is dropped is done or not done, never in part; to find out, send it
/// again under the same [`Key`].
pub trait EventStore: Clone + Send + Sync + 'static {
    /// Which store it is; the same after it was closed, restarted or restored from a backup.
    fn id(&self) -> StoreId;

    /// Does all of a write in one commit, or nothing.
    ///
    /// It takes its place among the writes when its future is first polled: of two that were polled one after the other, the
    /// first is decided first.
    ///
    /// # Errors
    ///
    /// See [`WriteError`]. After anything but [`WriteError::Unknown`] nothing was written.
    fn write(&self, write: Write) -> impl Future<Output = Result<Written, WriteError>> + Send;

    /// The answer kept under a key, if there is one: to be asked before a command is turned down, because its first sending
    /// may have been accepted.
    ///
    /// # Errors
    ///
    /// [`WriteError::KeyMismatch`] if the key was used for something else; a failure of the store.
    fn answer(&self, key: &Key)
    -> impl Future<Output = Result<Option<Written>, WriteError>> + Send;

    /// Events of a stream after a version, at most `limit` of them; of a stream that is not there, none.
    ///
    /// # Errors
    ///
    /// The store cannot be read; there is no short answer.
    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> impl Future<Output = Result<StreamPage, ReadError>> + Send;

    /// Events of all streams after a position, as far as the filter lets them through, at most `limit` of them.
    ///
    /// # Errors
    ///
    /// The store cannot be read; there is no short answer.
    fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> impl Future<Output = Result<Page, ReadError>> + Send;

    /// The position of the last event that this process knows of, and every later one.
    ///
    /// A hint to read again, not a promise: another process may have written more.
    fn head(&self) -> watch::Receiver<Position>;
}

/// Which events of all streams are wanted. Empty lists let everything through.
///
/// ```
/// use watertight_events::Filter;
///
/// let users = Filter::all().category("user").kind("email_changed");
/// assert!(users.lets_through("user", "email_changed") && !users.lets_through("order", "email_changed"));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter {
    /// Categories of streams.
    pub categories: Vec<Arc<str>>,
    /// Kinds of events.
    pub kinds: Vec<Arc<str>>,
}

/// Some events of all streams, and how far the store was looked through for them.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The events, in order.
    pub events: Vec<Recorded>,
    /// Everything up to here has been looked at. It moves past events that the filter left out, so a checkpoint follows it
    /// and not the last event.
    pub scanned_to: Position,
    /// Whether there was nothing more when it was read.
    pub at_head: bool,
}

/// Some events of one stream.
#[derive(Clone, Debug, Default)]
pub struct StreamPage {
    /// The events, in order.
    pub events: Vec<Recorded>,
    /// The version of the stream when it was read.
    pub version: Version,
}

impl Filter {
    /// Lets everything through.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Lets events of this category of streams through.
    #[must_use]
    pub fn category(mut self, category: impl Into<Arc<str>>) -> Self {
        self.categories.push(category.into());
        self
    }

    /// Lets events of this kind through.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<Arc<str>>) -> Self {
        self.kinds.push(kind.into());
        self
    }

    /// Whether events of this kind in streams of this category are let through.
    #[must_use]
    pub fn lets_through(&self, category: &str, kind: &str) -> bool {
        let among = |list: &[Arc<str>], text: &str| {
            list.is_empty() || list.iter().any(|known| **known == *text)
        };
        among(&self.categories, category) && among(&self.kinds, kind)
    }

    /// Whether every event is let through.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.categories.is_empty() && self.kinds.is_empty()
    }
}

impl StreamPage {
    /// Whether the stream had no more events than these when it was read.
    #[must_use]
    pub fn is_last(&self) -> bool {
        let last = self.events.last().map(|event| event.version);
        last.is_none_or(|last| last >= self.version)
    }
}
