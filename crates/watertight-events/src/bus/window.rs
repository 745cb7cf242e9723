//! Which events may be handled next, and how far all of them are: pure.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::{Position, Recorded};

/// Events that were read and are not handled yet.
#[derive(Debug)]
pub(super) struct Window {
    /// The later events of keys of which one is being handled, or waits to be.
    lanes: HashMap<String, VecDeque<Recorded>>,
    /// The first event of each key that none is being handled of.
    ready: VecDeque<(String, Recorded)>,
    /// Every event in it.
    open: BTreeSet<Position>,
    scanned_to: Position,
}

impl Window {
    pub(super) fn new(after: Position) -> Self {
        Self {
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            open: BTreeSet::new(),
            scanned_to: after,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Takes in what was read.
    pub(super) fn extend(
        &mut self,
        events: impl IntoIterator<Item = (String, Recorded)>,
        scanned_to: Position,
    ) {
        for (key, event) in events {
            self.open.insert(event.position);
            if let Some(lane) = self.lanes.get_mut(&key) {
                lane.push_back(event);
            } else {
                self.lanes.insert(key.clone(), VecDeque::new());
                self.ready.push_back((key, event));
            }
        }
        self.scanned_to = scanned_to;
    }

    /// The next event to be handled.
    pub(super) fn next(&mut self) -> Option<(String, Recorded)> {
        self.ready.pop_front()
    }

    /// Takes note that an event was handled.
    pub(super) fn done(&mut self, key: String, position: Position) {
        self.open.remove(&position);
        let next = self.lanes.get_mut(&key).and_then(VecDeque::pop_front);
        match next {
            Some(event) => self.ready.push_back((key, event)),
            None => _ = self.lanes.remove(&key),
        }
    }

    /// Everything up to here is done.
    pub(super) fn handled(&self) -> Position {
        let first = self.open.first();
        first.map_or(self.scanned_to, |first| Position(first.0 - 1))
    }
}
