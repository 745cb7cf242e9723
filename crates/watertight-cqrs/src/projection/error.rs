use std::sync::Arc;

use watertight_events::{Position, ReadError, ViewError, ViewId, WriteError};

use crate::UpcasterError;

/// Why a projection or a reactor does not go on. What it has done up to there is done.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// An event cannot be read or applied. The checkpoint is in front of it.
    #[error("the event at position {position} cannot be applied to view {view}: {why}")]
    Poison {
        /// The view.
        view: ViewId,
        /// Where the event is.
        position: Position,
        /// What is wrong with it.
        why: Arc<str>,
    },
    /// The store has no event where the view has read one: it was restored from a backup, say. Erase the view, and build it
    /// again.
    #[error("view {view} has read up to position {checkpoint}, where the store has no event")]
    BeyondHead {
        /// The view.
        view: ViewId,
        /// How far it has read.
        checkpoint: Position,
    },
    /// The upcasters of its events do not fit together.
    #[error(transparent)]
    Upcasters(#[from] UpcasterError),
    /// The store of the view failed for good, or does not take what it was given.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The events cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store of the events does not take what a reactor emits.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The events have seen later runs of the reactor than the store of its lease knows of, which must have lost them.
    #[error("the lease of {view} is older than what was emitted")]
    OldLease {
        /// The reactor's place in the store of its lease.
        view: ViewId,
    },
}

impl ProjectionError {
    /// Whether trying again may help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::View(error) => error.is_transient(),
            Self::Read(error) => error.transient,
            // The reactor's own position tells whether a write was done whose answer was lost.
            Self::Write(error) => error.is_transient() || matches!(error, WriteError::Unknown),
            Self::Poison { .. }
            | Self::BeyondHead { .. }
            | Self::OldLease { .. }
            | Self::Upcasters(_) => false,
        }
    }
}
