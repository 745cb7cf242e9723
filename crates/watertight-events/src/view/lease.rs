use std::{fmt, sync::Arc};

use uuid::Uuid;

use crate::{Invalid, Position, StoreId, ids::check_text};

/// One version of a view. Versions stand side by side, each with documents of its own.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ViewId {
    /// The name that all versions share.
    pub name: Arc<str>,
    /// The version of the fold.
    pub version: u32,
}

/// How far a view has read, and in which store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// The store of the events; a position in another one says nothing.
    pub store: StoreId,
    /// The last event that it has seen.
    pub position: Position,
}

/// The right to write a view.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lease {
    /// The view.
    pub view: ViewId,
    /// Who holds it.
    pub owner: Uuid,
    /// Larger with every new owner.
    pub epoch: u64,
}

/// A view that was claimed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claimed {
    /// The right to write it.
    pub lease: Lease,
    /// Where it goes on.
    pub checkpoint: Checkpoint,
    /// Events that are parked.
    pub parked: u64,
}

impl ViewId {
    /// The version of a view.
    pub fn new(name: impl Into<Arc<str>>, version: u32) -> Self {
        let name = name.into();
        Self { name, version }
    }

    /// Refuses a name that no store could hold.
    ///
    /// # Errors
    ///
    /// It is empty, longer than [`MAX_TEXT`](crate::MAX_TEXT), or has a control character.
    pub fn check(&self) -> Result<(), Invalid> {
        check_text("view", &self.name)
    }
}

impl fmt::Display for ViewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", self.name, self.version)
    }
}
