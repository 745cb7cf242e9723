//! Rows of the table `checkpoints`.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;
use watertight_events::{
    Checkpoint, Claimed, Lease, Position, StoreId, VersionState, ViewError, ViewId,
};

use super::Outcome;
use crate::clock::between;

/// The columns that [`Kept::read`] reads, in its order.
pub(super) const COLUMNS: &str = "store_id, position, epoch, owner, held_until, why, parked";

/// How far a view has read, and who holds it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) checkpoint: Checkpoint,
    epoch: u64,
    owner: Option<Uuid>,
    until: i64,
    why: Option<String>,
    pub(super) parked: u64,
}

impl Kept {
    pub(super) fn find(connection: &Connection, view: &ViewId) -> rusqlite::Result<Option<Self>> {
        let mut select = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM checkpoints WHERE name = ?1 AND version = ?2 AND partition = 0"
        ))?;
        let found = select.query_row(params![&*view.name, view.version], Self::read);
        found.optional()
    }

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            checkpoint: Checkpoint {
                store: StoreId(row.get(0)?),
                position: Position(row.get(1)?),
            },
            epoch: row.get(2)?,
            owner: row.get(3)?,
            until: row.get(4)?,
            why: row.get(5)?,
            parked: row.get(6)?,
        })
    }

    pub(super) fn is_held_by(&self, lease: &Lease) -> bool {
        self.owner == Some(lease.owner) && self.epoch == lease.epoch
    }

    /// Refuses while somebody runs it.
    pub(super) fn is_free(&self, view: &ViewId, now: i64) -> Result<(), ViewError> {
        if self.is_running(now) {
            return Err(ViewError::Held {
                view: view.clone(),
                left: between(now, self.until),
            });
        }
        Ok(())
    }

    pub(super) fn state(self, view: ViewId, now: i64) -> VersionState {
        VersionState {
            view,
            checkpoint: self.checkpoint,
            running: self.is_running(now),
            why: self.why.map(Arc::from),
            parked: self.parked,
        }
    }

    const fn is_running(&self, now: i64) -> bool {
        self.owner.is_some() && self.until > now
    }
}

pub(super) fn claim(
    connection: &Connection,
    view: &ViewId,
    events: StoreId,
    owner: Uuid,
    now: i64,
    until: i64,
) -> Outcome<Claimed> {
    let key = params![&*view.name, view.version];
    let insert = "INSERT OR IGNORE INTO views (name, active) VALUES (?1, ?2)";
    connection.prepare_cached(insert)?.execute(key)?;
    let insert = "INSERT OR IGNORE INTO checkpoints (name, version, store_id) VALUES (?1, ?2, ?3)";
    let mut insert = connection.prepare_cached(insert)?;
    insert.execute(params![&*view.name, view.version, events.0])?;
    let Some(mut kept) = Kept::find(connection, view)? else {
        return Err(rusqlite::Error::QueryReturnedNoRows);
    };
    let store = kept.checkpoint.store;
    if store != events {
        let view = view.clone();
        return Ok(Err(ViewError::OtherStore { view, store }));
    }
    if kept.owner != Some(owner) {
        if let Err(held) = kept.is_free(view, now) {
            return Ok(Err(held));
        }
        kept.epoch += 1;
        kept.why = None;
    }
    let mut update = connection.prepare_cached(
        "UPDATE checkpoints SET epoch = ?3, owner = ?4, held_until = ?5, why = ?6
         WHERE name = ?1 AND version = ?2 AND partition = 0",
    )?;
    update.execute(params![
        &*view.name,
        view.version,
        kept.epoch,
        owner,
        until,
        kept.why
    ])?;
    Ok(Ok(Claimed {
        lease: Lease {
            view: view.clone(),
            owner,
            epoch: kept.epoch,
        },
        checkpoint: kept.checkpoint,
        parked: kept.parked,
    }))
}

pub(super) fn release(connection: &Connection, lease: &Lease, why: Option<&str>) -> Outcome<()> {
    let Lease { view, owner, epoch } = lease;
    let mut update = connection.prepare_cached(
        "UPDATE checkpoints SET owner = NULL, held_until = 0, why = ?3
         WHERE name = ?1 AND version = ?2 AND partition = 0 AND owner = ?4 AND epoch = ?5",
    )?;
    update.execute(params![&*view.name, view.version, why, owner, epoch])?;
    Ok(Ok(()))
}

/// Moves a checkpoint, if it is where it was left and still held by the lease.
pub(super) fn advance(
    connection: &Connection,
    lease: &Lease,
    from: Position,
    to: Position,
) -> Outcome<Kept> {
    let kept = Kept::find(connection, &lease.view)?;
    let actual = kept.as_ref().map(|it| it.checkpoint.position);
    let Some(kept) = kept.filter(|it| it.is_held_by(lease) && it.checkpoint.position == from)
    else {
        return Ok(Err(ViewError::Fenced {
            view: lease.view.clone(),
            actual: actual.unwrap_or_default(),
        }));
    };
    let mut update = connection.prepare_cached(
        "UPDATE checkpoints SET position = ?3 WHERE name = ?1 AND version = ?2 AND partition = 0",
    )?;
    update.execute(params![&*lease.view.name, lease.view.version, to.0])?;
    Ok(Ok(kept))
}
