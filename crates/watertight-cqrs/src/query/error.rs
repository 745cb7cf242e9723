use std::sync::Arc;

use watertight_events::{Position, StoreId, ViewError, ViewId};

use crate::CodecError;

/// Why a query was not answered.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// What is asked makes no sense.
    #[error("no such query: {why}")]
    Invalid {
        /// What is wrong with it.
        why: Arc<str>,
    },
    /// The token is of another store than the view's events; no waiting helps.
    #[error("the token is of another store than view {view}, which is of {store}")]
    OtherStore {
        /// The view.
        view: ViewId,
        /// The store of its events.
        store: StoreId,
    },
    /// The view is behind the token, and nobody runs it.
    #[error("view {view} is at position {actual}, and nobody runs it{}", because(why.as_deref()))]
    Stopped {
        /// The view.
        view: ViewId,
        /// How far it is.
        actual: Position,
        /// Why it was stopped, if that was told.
        why: Option<Arc<str>>,
    },
    /// Nobody has ever run the view.
    #[error("there is no view {name}")]
    Unknown {
        /// The name of the view.
        name: Arc<str>,
    },
    /// The view has not reached the token in time; or as many queries as may wait for it already.
    #[error("view {view} is at position {actual}, and {wanted} is asked for")]
    Behind {
        /// The view.
        view: ViewId,
        /// How far the token is.
        wanted: Position,
        /// How far the view is.
        actual: Position,
    },
    /// Every place is taken; nothing was tried.
    #[error("every place is taken")]
    Overloaded,
    /// The deadline has passed.
    #[error("the deadline has passed")]
    Deadline,
    /// A document is not of the view's type.
    #[error("document {key} of view {view} cannot be read: {why}")]
    Corrupt {
        /// The view.
        view: ViewId,
        /// The document's key.
        key: String,
        /// What is wrong with it.
        why: Arc<str>,
    },
    /// The answer has no JSON.
    #[error("the answer cannot be told: {0}")]
    Codec(#[source] Arc<CodecError>),
    /// The store failed.
    #[error("the store failed: {message}")]
    Store {
        /// Whether trying again may help.
        transient: bool,
        /// What it said.
        message: Arc<str>,
    },
}

impl QueryError {
    /// Whether the same query may be answered a little later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Behind { .. }
                | Self::Overloaded
                | Self::Deadline
                | Self::Store {
                    transient: true,
                    ..
                }
        )
    }
}

impl From<CodecError> for QueryError {
    fn from(error: CodecError) -> Self {
        Self::Codec(Arc::new(error))
    }
}

impl From<ViewError> for QueryError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Unknown { view } => Self::Unknown { name: view.name },
            ViewError::Store { transient, message } => Self::Store { transient, message },
            // A view has names and values from its query only.
            ViewError::Invalid(_) | ViewError::TooLarge { .. } => Self::Invalid {
                why: error.to_string().into(),
            },
            other => Self::Store {
                transient: false,
                message: other.to_string().into(),
            },
        }
    }
}

fn because(why: Option<&str>) -> String {
    why.map_or_else(String::new, |why| format!(": {why}"))
}
