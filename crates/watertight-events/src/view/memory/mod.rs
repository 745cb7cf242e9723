//! Views in memory: under one lock, on tokio's clock.

mod kept;
mod shelf;

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

pub(crate) use self::shelf::Shelf;
use super::{
    Claimed, Find, Found, Lane, Lease, Loaded, Parked, Save, Saved, Versions, ViewError, ViewId,
    ViewStore,
};
use crate::{MemoryStore, StoreId};

impl ViewStore for MemoryStore {
    async fn claim(
        &self,
        view: &ViewId,
        events: StoreId,
        owner: Uuid,
        keep: Duration,
    ) -> Result<Claimed, ViewError> {
        view.check()?;
        self.shelf()
            .change(|views| views.claim(view, events, owner, keep, Instant::now()))
    }

    async fn release(&self, lease: &Lease, why: Option<Arc<str>>) -> Result<(), ViewError> {
        self.shelf().change(|views| {
            if let Ok(kept) = views.get_mut(&lease.view) {
                kept.release(lease, why);
            }
            Ok(())
        })
    }

    async fn load(&self, view: &ViewId, lanes: &[Lane]) -> Result<Loaded, ViewError> {
        self.shelf().look(|views| Ok(views.get(view)?.load(lanes)))
    }

    async fn save(&self, save: &Save) -> Result<Saved, ViewError> {
        save.check()?;
        self.shelf().change(|views| {
            let fenced = |actual| ViewError::Fenced {
                view: save.lease.view.clone(),
                actual,
            };
            let kept = views.get_mut(&save.lease.view);
            let kept = kept.map_err(|_| fenced(crate::Position::START))?;
            if !kept.is_held_by(&save.lease) || kept.checkpoint.position != save.from {
                return Err(fenced(kept.checkpoint.position));
            }
            kept.apply(save);
            Ok(Saved {
                parked: kept.parked_count(),
            })
        })
    }

    async fn find(&self, view: &ViewId, find: &Find) -> Result<Found, ViewError> {
        self.shelf().look(|views| Ok(views.get(view)?.find(find)))
    }

    async fn versions(&self, name: &str) -> Result<Versions, ViewError> {
        self.shelf()
            .look(|views| Ok(views.versions(name, Instant::now())))
    }

    async fn promote(&self, view: &ViewId) -> Result<(), ViewError> {
        self.shelf().change(|views| views.promote(view))
    }

    async fn roll_back(&self, name: &str) -> Result<u32, ViewError> {
        self.shelf().change(|views| views.roll_back(name))
    }

    async fn erase(&self, view: &ViewId) -> Result<(), ViewError> {
        self.shelf()
            .change(|views| views.erase(view, Instant::now()))
    }

    async fn parked(
        &self,
        view: &ViewId,
        after: Option<&Parked>,
        limit: usize,
    ) -> Result<Vec<Parked>, ViewError> {
        self.shelf()
            .look(|views| Ok(views.get(view)?.parked(after, limit)))
    }

    async fn requeue(&self, view: &ViewId, lane: &Lane) -> Result<u64, ViewError> {
        self.shelf()
            .change(|views| Ok(views.get_mut(view)?.requeue(lane)))
    }

    async fn requeued(&self, view: &ViewId, limit: usize) -> Result<Vec<Parked>, ViewError> {
        self.shelf()
            .look(|views| Ok(views.get(view)?.requeued(limit)))
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.shelf().changed()
    }
}
