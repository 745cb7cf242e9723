use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    Change, Checkpoint, Claimed, Document, Find, Found, Lane, Lease, Loaded, Parked, Position,
    Save, StoreId, VersionState, ViewError, ViewId, memory::far,
};

/// What is kept of one view.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) checkpoint: Checkpoint,
    epoch: u64,
    owner: Option<(Uuid, Instant)>,
    why: Option<Arc<str>>,
    documents: BTreeMap<String, Document>,
    /// Field, value, key.
    index: BTreeSet<(String, String, String)>,
    parked: BTreeMap<Lane, Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    again: bool,
    events: BTreeMap<Position, Option<Arc<str>>>,
}

impl Kept {
    pub(super) const fn new(store: StoreId) -> Self {
        Self {
            checkpoint: Checkpoint {
                store,
                position: Position::START,
            },
            epoch: 0,
            owner: None,
            why: None,
            documents: BTreeMap::new(),
            index: BTreeSet::new(),
            parked: BTreeMap::new(),
        }
    }

    pub(super) fn claim(
        &mut self,
        view: &ViewId,
        events: StoreId,
        owner: Uuid,
        keep: Duration,
        now: Instant,
    ) -> Result<Claimed, ViewError> {
        let store = self.checkpoint.store;
        if store != events {
            let view = view.clone();
            return Err(ViewError::OtherStore { view, store });
        }
        if self.owner.is_none_or(|(holder, _)| holder != owner) {
            self.is_free(view, now)?;
            self.epoch += 1;
            self.why = None;
        }
        self.owner = Some((owner, far(now, keep)));
        Ok(Claimed {
            lease: Lease {
                view: view.clone(),
                owner,
                epoch: self.epoch,
            },
            checkpoint: self.checkpoint,
            parked: self.parked_count(),
        })
    }

    pub(super) fn is_held_by(&self, lease: &Lease) -> bool {
        let owner = self.owner.map(|(owner, _)| owner);
        owner == Some(lease.owner) && self.epoch == lease.epoch
    }

    /// Refuses while somebody runs it.
    pub(super) fn is_free(&self, view: &ViewId, now: Instant) -> Result<(), ViewError> {
        match self.owner {
            Some((_, until)) if until > now => Err(ViewError::Held {
                view: view.clone(),
                left: until - now,
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn release(&mut self, lease: &Lease, why: Option<Arc<str>>) {
        if self.is_held_by(lease) {
            self.owner = None;
            self.why = why;
        }
    }

    pub(super) fn state(&self, view: &ViewId, now: Instant) -> VersionState {
        VersionState {
            view: view.clone(),
            checkpoint: self.checkpoint,
            running: self.owner.is_some_and(|(_, until)| until > now),
            why: self.why.clone(),
            parked: self.parked_count(),
        }
    }

    pub(super) fn load(&self, lanes: &[Lane]) -> Loaded {
        let mut loaded = Loaded::default();
        for lane in lanes {
            if let Lane::Key(key) = lane
                && let Some(document) = self.documents.get(key)
            {
                loaded.documents.insert(key.clone(), document.clone());
            }
            if self.parked.contains_key(lane) {
                loaded.held.insert(lane.clone());
            }
        }
        loaded
    }

    pub(super) fn apply(&mut self, save: &Save) {
        self.checkpoint.position = save.to;
        for change in &save.changes {
            let (Change::Delete(key) | Change::Put(Document { key, .. })) = change;
            for (field, value) in self
                .documents
                .remove(key)
                .into_iter()
                .flat_map(|it| it.index)
            {
                self.index.remove(&(field, value, key.clone()));
            }
            if let Change::Put(document) = change {
                for (field, value) in document.index.iter().cloned() {
                    self.index.insert((field, value, key.clone()));
                }
                self.documents.insert(key.clone(), document.clone());
            }
        }
        let again = |lane: &Lane| self.parked.get(lane).is_some_and(|queue| queue.again);
        let lanes = save.unpark.iter().map(|(lane, _)| lane);
        let again: BTreeSet<_> = lanes.filter(|lane| again(lane)).cloned().collect();
        for (lane, position) in &save.unpark {
            if let Some(queue) = self.parked.get_mut(lane) {
                queue.events.remove(position);
            }
        }
        self.parked.retain(|_, queue| !queue.events.is_empty());
        for parked in &save.park {
            let lane = parked.lane.clone();
            let queue = self.parked.entry(lane).or_insert_with(|| Queue {
                again: again.contains(&parked.lane),
                events: BTreeMap::new(),
            });
            queue.again &= parked.why.is_none();
            queue.events.insert(parked.position, parked.why.clone());
        }
    }

    pub(super) fn find(&self, find: &Find) -> Found {
        let limit = find.limit.saturating_add(1);
        let after = find.after.as_deref();
        let mut documents: Vec<_> = match &find.field {
            None => {
                let from = after.map_or(Bound::Unbounded, Bound::Excluded);
                let found = self.documents.range::<str, _>((from, Bound::Unbounded));
                found.map(|(_, it)| it.clone()).take(limit).collect()
            }
            Some((field, value)) => {
                let key = |key: &str| (field.clone(), value.clone(), key.to_owned());
                let from = after.map_or(Bound::Included(key("")), |it| Bound::Excluded(key(it)));
                let found = self.index.range((from, Bound::Unbounded));
                let found = found.take_while(|it| (&it.0, &it.1) == (field, value));
                let found = found.filter_map(|(_, _, key)| self.documents.get(key).cloned());
                found.take(limit).collect()
            }
        };
        let more = documents.len() > find.limit;
        documents.truncate(find.limit);
        Found { documents, more }
    }

    pub(super) fn parked_count(&self) -> u64 {
        let queues = self.parked.values();
        queues.map(|queue| queue.events.len() as u64).sum()
    }

    pub(super) fn parked(&self, after: Option<&Parked>, limit: usize) -> Vec<Parked> {
        let after = after.map(|parked| (&parked.lane, parked.position));
        let all = self
            .parked
            .iter()
            .flat_map(|(lane, queue)| queue.list(lane));
        let all = all.filter(|it| after.is_none_or(|after| (&it.lane, it.position) > after));
        all.take(limit).collect()
    }

    pub(super) fn requeue(&mut self, lane: &Lane) -> u64 {
        self.parked.get_mut(lane).map_or(0, |queue| {
            queue.again = true;
            queue.events.len() as u64
        })
    }

    pub(super) fn requeued(&self, limit: usize) -> Vec<Parked> {
        let first = self.parked.iter().find(|(_, queue)| queue.again);
        first.map_or_else(Vec::new, |(lane, queue)| {
            queue.list(lane).take(limit).collect()
        })
    }
}

impl Queue {
    fn list<'a>(&'a self, lane: &'a Lane) -> impl Iterator<Item = Parked> + 'a {
        self.events.iter().map(|(position, why)| Parked {
            lane: lane.clone(),
            position: *position,
            why: why.clone(),
        })
    }
}
