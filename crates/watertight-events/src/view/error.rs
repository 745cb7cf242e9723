use std::{sync::Arc, time::Duration};

use super::ViewId;
use crate::{Invalid, Position, StoreId};

/// Why something was not done with a view. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// Nobody has ever claimed it, or it was erased.
    #[error("there is no view {view}")]
    Unknown {
        /// The view.
        view: ViewId,
    },
    /// Another owner holds it.
    #[error("another owner holds view {view}")]
    Held {
        /// The view.
        view: ViewId,
        /// How long at least, unless it is given back.
        left: Duration,
    },
    /// Another owner took it over, or the checkpoint was moved meanwhile.
    #[error("view {view} is at position {actual}, not where this run left it")]
    Fenced {
        /// The view.
        view: ViewId,
        /// Where its checkpoint is.
        actual: Position,
    },
    /// It was made of the events of another store.
    #[error("view {view} was made of the events of store {store}")]
    OtherStore {
        /// The view.
        view: ViewId,
        /// The store that it was made of.
        store: StoreId,
    },
    /// It has not read as far as the version that is read now.
    #[error("view {view} is at position {actual}, and the active version at {active}")]
    Behind {
        /// The view.
        view: ViewId,
        /// How far it is.
        actual: Position,
        /// How far the other is.
        active: Position,
    },
    /// It is the version that is read.
    #[error("view {view} is the active version")]
    Active {
        /// The view.
        view: ViewId,
    },
    /// There is no version to go back to.
    #[error("no version of view {name} was read before")]
    NothingBefore {
        /// The name of the view.
        name: Arc<str>,
    },
    /// The work on its own tables failed.
    #[error("the work on the tables of view {view} failed: {why}")]
    Refused {
        /// The view.
        view: ViewId,
        /// What the work said.
        why: Arc<str>,
    },
    /// Something in it can be in no store.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Something in it is larger than a store takes.
    #[error("the {field} is {size}, more than {limit}")]
    TooLarge {
        /// What is too large, and in which unit.
        field: &'static str,
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The store failed. After a save that is transient, the checkpoint tells whether it was done.
    #[error("the store failed: {message}")]
    Store {
        /// Whether trying again may help.
        transient: bool,
        /// What it said.
        message: Arc<str>,
    },
}

impl ViewError {
    /// A failure of the store.
    pub fn store(transient: bool, message: impl Into<Arc<str>>) -> Self {
        let message = message.into();
        Self::Store { transient, message }
    }

    /// Whether the same may succeed if it is tried again unchanged.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Store {
                transient: true,
                ..
            }
        )
    }
}
