//! Read models on PostgreSQL. Whoever changes one locks its checkpoint first, so no two can wait for each other.

mod claim;
mod find;
mod park;
mod parked;
mod row;
mod save;
mod versions;

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::watch;
use uuid::Uuid;
use watertight_events::{
    Claimed, Find, Found, Lane, Lease, Loaded, Parked, Save, Saved, StoreId, Versions, ViewError,
    ViewId, ViewStore,
};

use crate::{
    PostgresStore,
    transaction::{Refused, patiently},
};

impl ViewStore for PostgresStore {
    async fn claim(
        &self,
        view: &ViewId,
        events: StoreId,
        owner: Uuid,
        keep: Duration,
    ) -> Result<Claimed, ViewError> {
        view.check()?;
        self.change(claim::claim(self.pool(), view, events, owner, keep))
            .await
    }

    async fn release(&self, lease: &Lease, why: Option<Arc<str>>) -> Result<(), ViewError> {
        self.change(claim::release(self.pool(), lease, why)).await
    }

    async fn load(&self, view: &ViewId, lanes: &[Lane]) -> Result<Loaded, ViewError> {
        patiently(find::load(self.pool(), view, lanes)).await
    }

    async fn save(&self, save: &Save) -> Result<Saved, ViewError> {
        save.check()?;
        self.change(save::save(self.pool(), save)).await
    }

    async fn find(&self, view: &ViewId, find: &Find) -> Result<Found, ViewError> {
        patiently(find::find(self.pool(), view, find)).await
    }

    async fn versions(&self, name: &str) -> Result<Versions, ViewError> {
        patiently(versions::versions(self.pool(), name)).await
    }

    async fn promote(&self, view: &ViewId) -> Result<(), ViewError> {
        self.change(versions::promote(self.pool(), view)).await
    }

    async fn roll_back(&self, name: &str) -> Result<u32, ViewError> {
        self.change(versions::roll_back(self.pool(), name)).await
    }

    async fn erase(&self, view: &ViewId) -> Result<(), ViewError> {
        // However long it takes to delete what may be millions of documents.
        let erased = versions::erase(self.pool(), view).await;
        self.changed_unless(erased.map_err(|Refused(why)| why))
    }

    async fn parked(
        &self,
        view: &ViewId,
        after: Option<&Parked>,
        limit: usize,
    ) -> Result<Vec<Parked>, ViewError> {
        patiently(parked::parked(self.pool(), view, after, limit)).await
    }

    async fn requeue(&self, view: &ViewId, lane: &Lane) -> Result<u64, ViewError> {
        self.change(parked::requeue(self.pool(), view, lane)).await
    }

    async fn requeued(&self, view: &ViewId, limit: usize) -> Result<Vec<Parked>, ViewError> {
        patiently(parked::requeued(self.pool(), view, limit)).await
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }
}

impl PostgresStore {
    async fn change<T>(
        &self,
        work: impl Future<Output = Result<T, Refused>>,
    ) -> Result<T, ViewError> {
        self.changed_unless(patiently(work).await)
    }

    fn changed_unless<T>(&self, failed: Result<T, ViewError>) -> Result<T, ViewError> {
        if failed.is_ok() {
            self.0.changes.send_modify(|changes| *changes += 1);
        }
        failed
    }
}

fn unknown(view: &ViewId) -> Refused {
    Refused(ViewError::Unknown { view: view.clone() })
}
