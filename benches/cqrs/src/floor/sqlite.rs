//! The table in a SQLite file.

use std::{fs, hint::black_box, mem};

use rusqlite::{Connection, Statement, params};
use tokio::time::Instant;
use uuid::Uuid;
use watertight_benches::events::{Answer, Ask};

use crate::rows::{KIND, METADATA, PAYLOAD, Row};

const FILE: &str = "floor.db";

const TABLE: &str = "
CREATE TABLE events (
    position        INTEGER PRIMARY KEY,
    stream_id       TEXT NOT NULL,
    version         INTEGER NOT NULL,
    event_id        BLOB NOT NULL,
    type            TEXT NOT NULL,
    schema_version  INTEGER NOT NULL,
    payload         BLOB NOT NULL,
    metadata        BLOB NOT NULL,
    recorded_at     INTEGER NOT NULL,
    UNIQUE (stream_id, version)
) STRICT";

const INSERT: &str = "
INSERT INTO events (stream_id, version, event_id, type, schema_version, payload, metadata, recorded_at)
VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, 1700000000000000)";

/// Events of one account.
const EACH: i64 = 10;

pub(crate) fn fill(ask: &Ask) -> anyhow::Result<Answer> {
    let path = ask.folder.join(FILE);
    for end in ["db", "db-wal", "db-shm"] {
        let path = path.with_extension(end);
        if path.exists() {
            fs::remove_file(path)?;
        }
    }
    let mut connection = open(ask)?;
    connection.execute_batch(TABLE)?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare(INSERT)?;
        for _ in 0..ask.events / EACH.unsigned_abs() {
            account(&mut insert)?;
        }
    }
    transaction.commit()?;
    connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
    mem::forget(connection);
    let bytes = fs::metadata(path)?.len();
    Ok([("bytes".to_owned(), bytes as f64)].into())
}

/// Transactions of one insert, one after the other.
pub(crate) fn transactions(ask: &Ask) -> anyhow::Result<Answer> {
    let connection = open(ask)?;
    let mut insert = connection.prepare(INSERT)?;
    let mut done = 0;
    let mut start = Instant::now();
    // What the first commits have to clear up is no part of the work.
    for time in [ask.time() / 4, ask.time()] {
        (start, done) = (Instant::now(), 0);
        while start.elapsed() < time {
            done += account(&mut insert)?;
        }
    }
    let per_second = done as f64 / start.elapsed().as_secs_f64();
    drop(insert);
    mem::forget(connection);
    Ok([("per_second".to_owned(), per_second)].into())
}

/// Every column of every row.
pub(crate) fn scan(ask: &Ask) -> anyhow::Result<Answer> {
    let connection = open(ask)?;
    let start = Instant::now();
    let mut select = connection.prepare(
        "SELECT position, stream_id, version, event_id, type, schema_version, payload, metadata, recorded_at
         FROM events WHERE position <= ?1 ORDER BY position",
    )?;
    let columns = select.column_count();
    let mut rows = select.query([ask.events])?;
    let mut read: u64 = 0;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            black_box(row.get_ref(column)?);
        }
        read += 1;
    }
    let per_second = read as f64 / start.elapsed().as_secs_f64();
    Ok([("per_second".to_owned(), per_second)].into())
}

fn open(ask: &Ask) -> anyhow::Result<Connection> {
    let connection = Connection::open(ask.folder.join(FILE))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

fn account(insert: &mut Statement<'_>) -> anyhow::Result<u64> {
    let id = Uuid::now_v7();
    for version in 1..=EACH {
        let row = Row::new(id, version);
        insert.execute(params![
            row.stream,
            row.version,
            row.event,
            KIND,
            PAYLOAD,
            METADATA
        ])?;
    }
    Ok(EACH.unsigned_abs())
}
