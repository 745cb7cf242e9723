use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{NewEvent, Position, StreamId, Version};

/// How long an idempotency key is kept unless its writer says otherwise.
pub const KEEP_KEYS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// One request, one commit, one answer: events for one stream or several, with whatever must become true together with
/// them. All of it is done, or nothing.
///
/// ```
/// use watertight_events::{Expected, NewEvent, StreamId, Write};
///
/// let write = Write::to(StreamId::new("user", 42), Expected::NoStream, vec![NewEvent::new("user_created", "{}")])
///     .and(StreamId::new("email", "a@b.example"), Expected::NoStream, vec![NewEvent::new("email_taken", "{}")]);
/// assert_eq!(write.appends.len(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Write {
    /// What is appended, each stream once.
    pub appends: Vec<Append>,
    /// Under which key the answer is kept.
    pub key: Option<Key>,
    /// The position that a consumer reaches with it.
    pub tracking: Option<Tracking>,
}

/// Events for one stream.
#[derive(Clone, Debug)]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// Where it must be.
    pub expected: Expected,
    /// What is appended; may be nothing, then only the version is checked.
    pub events: Vec<NewEvent>,
}

/// Where a stream must be for an append.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// Anywhere.
    Any,
    /// Not there yet.
    NoStream,
    /// There, at any version.
    Exists,
    /// At this very version; `Exact(Version::NONE)` is the same as `NoStream`.
    Exact(Version),
    /// At this very version, and its event has this message id.
    ///
    /// For who decided upon an event that was still on its way: if that fails, another one may come to stand in its place.
    After(Version, Uuid),
}

/// An idempotency key: the same write is done once, however often it is sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    /// The key, with its scope in front of it: who asks, and for which command.
    pub id: Bytes,
    /// A hash of what is asked for: the same key with another one is a [`KeyMismatch`](crate::WriteError::KeyMismatch).
    pub fingerprint: u64,
    /// How long the answer is kept.
    pub keep: Duration,
}

/// A consumer's own position, compared and moved in the commit of what it emits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tracking {
    /// The consumer.
    pub consumer: Arc<str>,
    /// Where it was.
    pub from: Position,
    /// Where it is with this write.
    pub to: Position,
    /// The run of the consumer; a run with a smaller number than one that has written is fenced.
    pub epoch: u64,
}

/// The answer to a [`Write`] that is done. Its JSON is what stores keep under a key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Written {
    /// What became of each stream, in the order of the appends.
    pub streams: Vec<Appended>,
    /// The position of the last event; without one, that of the last event in the store.
    pub position: Position,
    /// Whether it was done before, under the same key.
    #[serde(skip)]
    pub replayed: bool,
}

/// What a write did to a stream.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Appended {
    /// The stream.
    pub stream: StreamId,
    /// Its version before.
    pub before: Version,
    /// Its version now.
    pub version: Version,
}

impl Write {
    /// Appends to one stream.
    #[must_use]
    pub fn to(stream: StreamId, expected: Expected, events: Vec<NewEvent>) -> Self {
        Self::default().and(stream, expected, events)
    }

    /// Appends to one more stream.
    #[must_use]
    pub fn and(mut self, stream: StreamId, expected: Expected, events: Vec<NewEvent>) -> Self {
        self.appends.push(Append {
            stream,
            expected,
            events,
        });
        self
    }

    /// Keeps the answer under a key.
    #[must_use]
    pub fn under(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Moves a consumer's position in the same commit.
    #[must_use]
    pub fn tracking(mut self, tracking: Tracking) -> Self {
        self.tracking = Some(tracking);
        self
    }
}

impl Key {
    /// A key that is kept for the usual time.
    pub fn new(id: impl Into<Bytes>, fingerprint: u64) -> Self {
        Self {
            id: id.into(),
            fingerprint,
            keep: KEEP_KEYS,
        }
    }
}

impl Expected {
    /// Whether a stream at this version will do.
    #[must_use]
    pub const fn fits(self, actual: Version) -> bool {
        match self {
            Self::Any => true,
            Self::NoStream => actual.0 == 0,
            Self::Exists => actual.0 > 0,
            Self::Exact(version) | Self::After(version, _) => version.0 == actual.0,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any version"),
            Self::NoStream => f.write_str("no stream"),
            Self::Exists => f.write_str("a stream"),
            Self::Exact(version) => write!(f, "version {version}"),
            Self::After(version, event) => write!(f, "version {version} with event {event}"),
        }
    }
}

impl Written {
    /// The version of the first stream of the write: of the only one, for most.
    #[must_use]
    pub fn version(&self) -> Version {
        self.streams
            .first()
            .map_or(Version::NONE, |stream| stream.version)
    }
}
