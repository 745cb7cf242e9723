use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

use super::kept::Kept;
use crate::{Claimed, StoreId, Versions, ViewError, ViewId};

/// All views of a store.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    views: RwLock<Views>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Views {
    views: BTreeMap<ViewId, Kept>,
    names: HashMap<Arc<str>, Names>,
}

/// Which versions of a name are read.
#[derive(Clone, Copy, Debug, Default)]
struct Names {
    active: Option<u32>,
    before: Option<u32>,
}

impl Shelf {
    pub(super) fn look<T>(
        &self,
        look: impl FnOnce(&Views) -> Result<T, ViewError>,
    ) -> Result<T, ViewError> {
        look(&self.views.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Views) -> Result<T, ViewError>,
    ) -> Result<T, ViewError> {
        let done = change(&mut self.views.write().unwrap_or_else(PoisonError::into_inner))?;
        self.changes.send_modify(|changes| *changes += 1);
        Ok(done)
    }

    pub(super) fn changed(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl Views {
    pub(super) fn get(&self, view: &ViewId) -> Result<&Kept, ViewError> {
        self.views.get(view).ok_or_else(|| unknown(view))
    }

    pub(super) fn get_mut(&mut self, view: &ViewId) -> Result<&mut Kept, ViewError> {
        self.views.get_mut(view).ok_or_else(|| unknown(view))
    }

    pub(super) fn claim(
        &mut self,
        view: &ViewId,
        events: StoreId,
        owner: Uuid,
        keep: Duration,
        now: Instant,
    ) -> Result<Claimed, ViewError> {
        let names = self.names.entry(Arc::clone(&view.name)).or_default();
        names.active.get_or_insert(view.version);
        let kept = self.views.entry(view.clone());
        let kept = kept.or_insert_with(|| Kept::new(events));
        kept.claim(view, events, owner, keep, now)
    }

    pub(super) fn versions(&self, name: &str, now: Instant) -> Versions {
        let names = self.names(name);
        let first = ViewId::new(name, 0);
        let all = self.views.range(first..);
        let all = all.take_while(|(view, _)| *view.name == *name);
        Versions {
            active: names.active,
            before: names.before,
            all: all.map(|(view, kept)| kept.state(view, now)).collect(),
        }
    }

    pub(super) fn promote(&mut self, view: &ViewId) -> Result<(), ViewError> {
        let actual = self.get(view)?.checkpoint.position;
        let names = self.names(&view.name);
        let Some(version) = names.active.filter(|active| *active != view.version) else {
            return Ok(());
        };
        let active = self.get(&ViewId::new(Arc::clone(&view.name), version))?;
        let active = active.checkpoint.position;
        if actual < active {
            return Err(ViewError::Behind {
                view: view.clone(),
                actual,
                active,
            });
        }
        let names = Names {
            active: Some(view.version),
            before: Some(version),
        };
        self.names.insert(Arc::clone(&view.name), names);
        Ok(())
    }

    pub(super) fn roll_back(&mut self, name: &str) -> Result<u32, ViewError> {
        let names = self.names.get_mut(name);
        let before = names.and_then(|names| {
            let before = names.before.take()?;
            names.active = Some(before);
            Some(before)
        });
        before.ok_or_else(|| ViewError::NothingBefore { name: name.into() })
    }

    pub(super) fn erase(&mut self, view: &ViewId, now: Instant) -> Result<(), ViewError> {
        let Some(kept) = self.views.get(view) else {
            return Ok(());
        };
        if self.names(&view.name).active == Some(view.version) {
            return Err(ViewError::Active { view: view.clone() });
        }
        kept.is_free(view, now)?;
        self.views.remove(view);
        if let Some(names) = self.names.get_mut(&view.name) {
            names.before = names.before.filter(|before| *before != view.version);
        }
        Ok(())
    }

    fn names(&self, name: &str) -> Names {
        self.names.get(name).copied().unwrap_or_default()
    }
}

fn unknown(view: &ViewId) -> ViewError {
    ViewError::Unknown { view: view.clone() }
}
