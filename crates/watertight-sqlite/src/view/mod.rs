//! Views: changed by the writer, read by the readers.

mod checkpoint;
mod find;
mod park;
mod save;
mod table;
mod versions;

use std::{sync::Arc, time::Duration};

use rusqlite::Connection;
use tokio::sync::watch;
use uuid::Uuid;
use watertight_events::{
    Claimed, Find, Found, Lane, Lease, Loaded, Parked, Save, Saved, StoreId, Versions, ViewError,
    ViewId, ViewStore,
};

use self::checkpoint::Kept;
use crate::{SqliteStore, error::view_error, row};

/// What was done or refused, unless SQLite failed.
type Outcome<T> = rusqlite::Result<Result<T, ViewError>>;

impl SqliteStore {
    /// Reads in one transaction something of a view that is there.
    async fn look<T, F>(&self, view: &ViewId, look: F) -> Result<T, ViewError>
    where
        F: FnOnce(&Connection, &ViewId) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let view = view.clone();
        self.read_view(move |connection| {
            if Kept::find(connection, &view)?.is_none() {
                return Ok(Err(ViewError::Unknown { view }));
            }
            look(connection, &view).map(Ok)
        })
        .await
    }

    async fn read_view<T, F>(&self, read: F) -> Result<T, ViewError>
    where
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
        T: Send + 'static,
    {
        let read = move |connection: &mut Connection| read(&*connection.transaction()?);
        let read = self.0.readers.with(read).await;
        let read = read.map_err(|error| ViewError::store(error.transient, error.message))?;
        read.map_err(|error| view_error(&error))?
    }
}

impl ViewStore for SqliteStore {
    async fn claim(
        &self,
        view: &ViewId,
        events: StoreId,
        owner: Uuid,
        keep: Duration,
    ) -> Result<Claimed, ViewError> {
        view.check()?;
        let (view, now) = (view.clone(), self.0.clock.now());
        let until = now.saturating_add(row::micros(keep));
        self.0
            .change(0, move |tx| {
                checkpoint::claim(tx, &view, events, owner, now, until)
            })
            .await
    }

    async fn release(&self, lease: &Lease, why: Option<Arc<str>>) -> Result<(), ViewError> {
        let lease = lease.clone();
        self.0
            .change(0, move |tx| checkpoint::release(tx, &lease, why.as_deref()))
            .await
    }

    async fn load(&self, view: &ViewId, lanes: &[Lane]) -> Result<Loaded, ViewError> {
        let lanes = lanes.to_vec();
        self.look(view, move |tx, view| find::load(tx, view, &lanes))
            .await
    }

    async fn save(&self, save: &Save) -> Result<Saved, ViewError> {
        save.check()?;
        let (bytes, save) = (save.bytes(), save.clone());
        self.0.change(bytes, move |tx| save::save(tx, &save)).await
    }

    async fn find(&self, view: &ViewId, find: &Find) -> Result<Found, ViewError> {
        let find = find.clone();
        self.look(view, move |tx, view| find::find(tx, view, &find))
            .await
    }

    async fn versions(&self, name: &str) -> Result<Versions, ViewError> {
        let (name, now) = (name.to_owned(), self.0.clock.now());
        self.read_view(move |tx| versions::versions(tx, &name, now).map(Ok))
            .await
    }

    async fn promote(&self, view: &ViewId) -> Result<(), ViewError> {
        let view = view.clone();
        self.0
            .change(0, move |tx| versions::promote(tx, &view))
            .await
    }

    async fn roll_back(&self, name: &str) -> Result<u32, ViewError> {
        let name = name.to_owned();
        self.0
            .change(0, move |tx| versions::roll_back(tx, &name))
            .await
    }

    async fn erase(&self, view: &ViewId) -> Result<(), ViewError> {
        let (view, now) = (view.clone(), self.0.clock.now());
        self.0
            .change(0, move |tx| versions::erase(tx, &view, now))
            .await
    }

    async fn parked(
        &self,
        view: &ViewId,
        after: Option<&Parked>,
        limit: usize,
    ) -> Result<Vec<Parked>, ViewError> {
        let after = after.cloned();
        self.look(view, move |tx, view| {
            park::list(tx, view, after.as_ref(), limit)
        })
        .await
    }

    async fn requeue(&self, view: &ViewId, lane: &Lane) -> Result<u64, ViewError> {
        let (view, lane) = (view.clone(), lane.clone());
        self.0
            .change(0, move |tx| park::requeue(tx, &view, &lane))
            .await
    }

    async fn requeued(&self, view: &ViewId, limit: usize) -> Result<Vec<Parked>, ViewError> {
        self.look(view, move |tx, view| park::requeued(tx, view, limit))
            .await
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }
}
