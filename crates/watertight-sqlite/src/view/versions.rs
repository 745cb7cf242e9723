//! Which versions of a view there are, and which is read.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use watertight_events::{Versions, ViewError, ViewId};

use super::{
    Outcome,
    checkpoint::{COLUMNS, Kept},
};

/// The active version of a name, and the one before it.
fn names(connection: &Connection, name: &str) -> rusqlite::Result<(Option<u32>, Option<u32>)> {
    let mut select =
        connection.prepare_cached("SELECT active, previous FROM views WHERE name = ?1")?;
    let found = select.query_row([name], |row| Ok((Some(row.get(0)?), row.get(1)?)));
    Ok(found.optional()?.unwrap_or_default())
}

fn read_now(
    connection: &Connection,
    name: &str,
    active: u32,
    previous: Option<u32>,
) -> rusqlite::Result<()> {
    let update = "UPDATE views SET active = ?2, previous = ?3 WHERE name = ?1";
    let mut update = connection.prepare_cached(update)?;
    update.execute(params![name, active, previous])?;
    Ok(())
}

pub(super) fn versions(
    connection: &Connection,
    name: &str,
    now: i64,
) -> rusqlite::Result<Versions> {
    let (active, before) = names(connection, name)?;
    let name: Arc<str> = name.into();
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, version FROM checkpoints WHERE name = ?1 AND partition = 0 ORDER BY version"
    ))?;
    let all = select.query_map([&*name], |row| {
        let view = ViewId::new(Arc::clone(&name), row.get("version")?);
        Ok(Kept::read(row)?.state(view, now))
    })?;
    Ok(Versions {
        active,
        before,
        all: all.collect::<Result<_, _>>()?,
    })
}

pub(super) fn promote(connection: &Connection, view: &ViewId) -> Outcome<()> {
    let Some(kept) = Kept::find(connection, view)? else {
        return Ok(Err(ViewError::Unknown { view: view.clone() }));
    };
    let (Some(version), _) = names(connection, &view.name)? else {
        return Ok(Err(ViewError::Unknown { view: view.clone() }));
    };
    if version == view.version {
        return Ok(Ok(()));
    }
    let other = Kept::find(connection, &ViewId::new(Arc::clone(&view.name), version))?;
    let active = other.map_or_else(Default::default, |other| other.checkpoint.position);
    let actual = kept.checkpoint.position;
    if actual < active {
        let view = view.clone();
        return Ok(Err(ViewError::Behind {
            view,
            actual,
            active,
        }));
    }
    read_now(connection, &view.name, view.version, Some(version))?;
    Ok(Ok(()))
}

pub(super) fn roll_back(connection: &Connection, name: &str) -> Outcome<u32> {
    let (_, Some(before)) = names(connection, name)? else {
        return Ok(Err(ViewError::NothingBefore { name: name.into() }));
    };
    read_now(connection, name, before, None)?;
    Ok(Ok(before))
}

pub(super) fn erase(connection: &Connection, view: &ViewId, now: i64) -> Outcome<()> {
    let Some(kept) = Kept::find(connection, view)? else {
        return Ok(Ok(()));
    };
    let (active, before) = names(connection, &view.name)?;
    if active == Some(view.version) {
        return Ok(Err(ViewError::Active { view: view.clone() }));
    }
    if let Err(held) = kept.is_free(view, now) {
        return Ok(Err(held));
    }
    for table in [
        "document_fields",
        "documents",
        "requeued_lanes",
        "dead_letters",
        "checkpoints",
    ] {
        let delete = format!("DELETE FROM {table} WHERE name = ?1 AND version = ?2");
        let mut delete = connection.prepare_cached(&delete)?;
        delete.execute(params![&*view.name, view.version])?;
    }
    if let (Some(active), true) = (active, before == Some(view.version)) {
        read_now(connection, &view.name, active, None)?;
    }
    Ok(Ok(()))
}
