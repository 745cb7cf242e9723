use std::sync::Arc;

use super::{Checkpoint, ViewId};

/// The versions of a view.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    /// The one that is read.
    pub active: Option<u32>,
    /// The one that was read before the last promotion.
    pub before: Option<u32>,
    /// All of them, in order.
    pub all: Vec<VersionState>,
}

/// How one version of a view is.
#[derive(Clone, Debug)]
pub struct VersionState {
    /// Which it is.
    pub view: ViewId,
    /// How far it has read.
    pub checkpoint: Checkpoint,
    /// Whether somebody runs it: holds its lease, which has not expired.
    pub running: bool,
    /// Why it was stopped, if whoever ran it last has said so.
    pub why: Option<Arc<str>>,
    /// Events that are parked.
    pub parked: u64,
}

impl Versions {
    /// The version that is read.
    #[must_use]
    pub fn active(&self) -> Option<&VersionState> {
        self.get(self.active?)
    }

    /// This version.
    #[must_use]
    pub fn get(&self, version: u32) -> Option<&VersionState> {
        self.all.iter().find(|state| state.view.version == version)
    }
}
