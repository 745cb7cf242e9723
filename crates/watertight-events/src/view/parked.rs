use std::{fmt, sync::Arc};

use crate::{Position, StreamId};

/// Events that must stay in order: those of one document, or those of one stream where the document is not known.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Lane {
    /// The document of this key.
    Key(String),
    /// A stream with an event that cannot be read.
    Stream(StreamId),
}

/// An event that was left out of a view, to be tried again later.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parked {
    /// What it holds up.
    pub lane: Lane,
    /// Where the event is.
    pub position: Position,
    /// What is wrong with it; nothing, if it only waits for an earlier one of its lane.
    pub why: Option<Arc<str>>,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "document {key}"),
            Self::Stream(stream) => write!(f, "stream {stream}"),
        }
    }
}
