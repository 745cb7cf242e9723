use std::collections::{HashMap, HashSet};

use super::{Document, Lane, Lease, Parked, ViewError};
use crate::{Position, ids::check_text};

/// What a batch of events comes to in a view: all of it in one commit with the checkpoint, or nothing.
#[derive(Clone, Debug)]
pub struct Save {
    /// The right to write the view.
    pub lease: Lease,
    /// Where the checkpoint was left.
    pub from: Position,
    /// Where it goes; may be the same.
    pub to: Position,
    /// The documents, each once.
    pub changes: Vec<Change>,
    /// Parked events that are done, or are parked anew by this save.
    pub unpark: Vec<(Lane, Position)>,
    /// Events that are left out, after `unpark`. One that says why takes back that its lane is to be tried again.
    pub park: Vec<Parked>,
}

/// What becomes of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// It is this now.
    Put(Document),
    /// The document of this key is gone.
    Delete(String),
}

/// The answer to a [`Save`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Saved {
    /// Events that are parked now.
    pub parked: u64,
}

/// What is stored of some lanes.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The documents that are there, by their keys.
    pub documents: HashMap<String, Document>,
    /// The lanes with an event that is parked: what comes later must wait.
    pub held: HashSet<Lane>,
}

impl Save {
    /// Moves the checkpoint, and changes nothing so far.
    #[must_use]
    pub const fn new(lease: Lease, from: Position, to: Position) -> Self {
        Self {
            lease,
            from,
            to,
            changes: Vec::new(),
            unpark: Vec::new(),
            park: Vec::new(),
        }
    }

    /// The bytes of its documents.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let size = |change: &Change| match change {
            Change::Put(document) => document.key.len() + document.body.len(),
            Change::Delete(key) => key.len(),
        };
        self.changes.iter().map(size).sum()
    }

    /// Refuses what no store could hold.
    ///
    /// # Errors
    ///
    /// [`ViewError::Invalid`] or [`ViewError::TooLarge`] names it.
    pub fn check(&self) -> Result<(), ViewError> {
        for change in &self.changes {
            match change {
                Change::Put(document) => document.check()?,
                Change::Delete(key) => check_text("document key", key)?,
            }
        }
        Ok(())
    }
}
