use std::sync::Arc;

use crate::{Position, ReadError};

/// Why a subscriber has ended.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// An event failed in every try. It was not handled, and what follows it in its key neither.
    #[error("the event at position {position} was not handled: {why}")]
    Failed {
        /// Where the event is.
        position: Position,
        /// What the handler said the last time.
        why: Arc<str>,
    },
    /// The events cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It was stopped, or the runtime was.
    #[error("the subscriber was stopped")]
    Stopped,
}
