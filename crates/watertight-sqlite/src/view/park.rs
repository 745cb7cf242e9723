//! Rows of the tables `dead_letters` and `requeued_lanes`.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use watertight_events::{Lane, Parked, Position, Save, StreamId, ViewError, ViewId};

use super::{Outcome, checkpoint::Kept};

/// Takes out of and puts into the dead letters what a save says, and counts them.
pub(super) fn settle(connection: &Connection, save: &Save, parked: u64) -> rusqlite::Result<u64> {
    if save.park.is_empty() && save.unpark.is_empty() {
        return Ok(parked);
    }
    let view = &save.lease.view;
    let mut parked = parked;
    let mut delete = connection.prepare_cached(
        "DELETE FROM dead_letters WHERE name = ?1 AND version = ?2 AND kind = ?3 AND lane = ?4 AND position = ?5",
    )?;
    let mut take = |lane: &Lane, position: Position| {
        let (kind, lane) = split(lane);
        delete.execute(params![&*view.name, view.version, kind, lane, position.0])
    };
    for (lane, position) in &save.unpark {
        parked = parked.saturating_sub(take(lane, *position)? as u64);
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO dead_letters (name, version, kind, lane, position, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for letter in &save.park {
        parked = parked.saturating_sub(take(&letter.lane, letter.position)? as u64) + 1;
        let (kind, lane) = split(&letter.lane);
        let (position, why) = (letter.position.0, letter.why.as_deref());
        insert.execute(params![
            &*view.name,
            view.version,
            kind,
            lane,
            position,
            why
        ])?;
    }
    let bad = save.park.iter().filter(|letter| letter.why.is_some());
    for letter in bad {
        let (kind, lane) = split(&letter.lane);
        connection
            .prepare_cached("DELETE FROM requeued_lanes WHERE name = ?1 AND version = ?2 AND kind = ?3 AND lane = ?4")?
            .execute(params![&*view.name, view.version, kind, lane])?;
    }
    for (lane, _) in &save.unpark {
        let (kind, lane) = split(lane);
        connection
            .prepare_cached(
                "DELETE FROM requeued_lanes WHERE name = ?1 AND version = ?2 AND kind = ?3 AND lane = ?4
                 AND NOT EXISTS (
                     SELECT 1 FROM dead_letters WHERE name = ?1 AND version = ?2 AND kind = ?3 AND lane = ?4
                 )",
            )?
            .execute(params![&*view.name, view.version, kind, lane])?;
    }
    connection
        .prepare_cached(
            "UPDATE checkpoints SET parked = ?3 WHERE name = ?1 AND version = ?2 AND partition = 0",
        )?
        .execute(params![&*view.name, view.version, parked])?;
    Ok(parked)
}

/// Whether something of a lane is parked.
pub(super) fn holds(connection: &Connection, view: &ViewId, lane: &Lane) -> rusqlite::Result<bool> {
    let (kind, lane) = split(lane);
    connection
        .prepare_cached(
            "SELECT 1 FROM dead_letters WHERE name = ?1 AND version = ?2 AND kind = ?3 AND lane = ?4 LIMIT 1",
        )?
        .exists(params![&*view.name, view.version, kind, lane])
}

pub(super) fn list(
    connection: &Connection,
    view: &ViewId,
    after: Option<&Parked>,
    limit: usize,
) -> rusqlite::Result<Vec<Parked>> {
    let (kind, lane, position) = after.map_or((-1, "", 0), |after| {
        let (kind, lane) = split(&after.lane);
        (kind, lane, after.position.0)
    });
    let mut select = connection.prepare_cached(
        "SELECT kind, lane, position, why FROM dead_letters
         WHERE name = ?1 AND version = ?2 AND (kind, lane, position) > (?3, ?4, ?5)
         ORDER BY kind, lane, position LIMIT ?6",
    )?;
    let limit = limit_of(limit);
    let from = params![&*view.name, view.version, kind, lane, position, limit];
    select.query_map(from, read)?.collect()
}

pub(super) fn requeue(connection: &Connection, view: &ViewId, lane: &Lane) -> Outcome<u64> {
    if Kept::find(connection, view)?.is_none() {
        return Ok(Err(ViewError::Unknown { view: view.clone() }));
    }
    let (kind, lane) = split(lane);
    let key = params![&*view.name, view.version, kind, lane];
    let count = connection
        .prepare_cached(
            "SELECT count(*) FROM dead_letters WHERE name = ?1 AND version = ?2 AND kind = ?3 AND lane = ?4",
        )?
        .query_row(key, |row| row.get(0))?;
    if count > 0 {
        connection
            .prepare_cached("INSERT OR IGNORE INTO requeued_lanes (name, version, kind, lane) VALUES (?1, ?2, ?3, ?4)")?
            .execute(key)?;
    }
    Ok(Ok(count))
}

pub(super) fn requeued(
    connection: &Connection,
    view: &ViewId,
    limit: usize,
) -> rusqlite::Result<Vec<Parked>> {
    let mut select = connection.prepare_cached(
        "SELECT kind, lane, position, why FROM dead_letters
         WHERE name = ?1 AND version = ?2 AND (kind, lane) = (
             SELECT kind, lane FROM requeued_lanes WHERE name = ?1 AND version = ?2 ORDER BY kind, lane LIMIT 1
         ) ORDER BY position LIMIT ?3",
    )?;
    let first = params![&*view.name, view.version, limit_of(limit)];
    select.query_map(first, read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Parked> {
    let lane = row.get_ref(1)?.as_str()?;
    Ok(Parked {
        lane: match row.get(0)? {
            0 => Lane::Key(lane.to_owned()),
            _ => Lane::Stream(StreamId::from(lane)),
        },
        position: Position(row.get(2)?),
        why: row.get::<_, Option<String>>(3)?.map(Arc::from),
    })
}

/// The columns `kind` and `lane`, in whose order lanes are.
fn split(lane: &Lane) -> (i64, &str) {
    match lane {
        Lane::Key(key) => (0, key),
        Lane::Stream(stream) => (1, stream.as_str()),
    }
}

pub(super) fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
