//! Connections that read, a few at a time, off the runtime's workers.

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use rusqlite::{Connection, Params, Statement, params, params_from_iter, types::Value};
use tokio::{sync::Semaphore, task::spawn_blocking};
use watertight_events::{
    Filter, Key, Page, Position, ReadError, Recorded, StreamId, StreamPage, Version, WriteError,
    Written, plan,
};

use crate::{
    answer::look_up_answer,
    error::{read_error, write_error},
    row::{self, COLUMNS, recorded},
};

/// Bytes of payload in one page, beyond the first event.
const PAGE_BYTES: usize = 8 << 20;

/// Positions that one read with a filter looks at.
const SCAN: usize = 20_000;

#[derive(Debug)]
pub(crate) struct Readers {
    free: Arc<Semaphore>,
    connections: Arc<[Mutex<Connection>]>,
}

impl Readers {
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        Self {
            free: Arc::new(Semaphore::new(connections.len())),
            connections: connections.into_iter().map(Mutex::new).collect(),
        }
    }

    pub(crate) async fn read_stream(
        &self,
        stream: StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        let read =
            move |connection: &mut Connection| read_stream(connection, &stream, after, limit);
        self.with(read).await?.map_err(|error| read_error(&error))
    }

    pub(crate) async fn read_all(
        &self,
        after: Position,
        filter: Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        let read = move |connection: &mut Connection| read_all(connection, after, &filter, limit);
        self.with(read).await?.map_err(|error| read_error(&error))
    }

    pub(crate) async fn answer(&self, key: Key) -> Result<Option<Written>, WriteError> {
        let read = move |connection: &mut Connection| answer(connection, &key);
        let found = self.with(read).await;
        found.map_err(|error| WriteError::store(error.transient, error.message))?
    }

    /// Has a connection read something.
    pub(crate) async fn with<T, F>(&self, read: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> T + Send + 'static,
    {
        let place = Arc::clone(&self.free).acquire_owned().await;
        let place = place.map_err(|_| ReadError::new(false, "the store is closed"))?;
        let connections = Arc::clone(&self.connections);
        let reading = spawn_blocking(move || {
            // Dropped after the connection, so whoever gets the place finds one that is free.
            let _place = place;
            let mut connection = free(&connections);
            read(&mut connection)
        });
        reading
            .await
            .map_err(|error| ReadError::new(false, error.to_string()))
    }
}

fn free(connections: &[Mutex<Connection>]) -> MutexGuard<'_, Connection> {
    let mut free = connections.iter().filter_map(|it| match it.try_lock() {
        Ok(connection) => Some(connection),
        // A connection holds nothing between two reads, so one that saw a panic is as good as any.
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    });
    free.next()
        .expect("there are as many connections as places")
}

fn read_stream(
    connection: &mut Connection,
    stream: &StreamId,
    after: Version,
    limit: usize,
) -> rusqlite::Result<StreamPage> {
    let snapshot = connection.transaction()?;
    let version = snapshot
        .prepare_cached("SELECT coalesce(max(version), 0) FROM events WHERE stream_id = ?1")?
        .query_row([stream.as_str()], |row| row.get(0))?;
    let select = format!(
        "SELECT {COLUMNS} FROM events WHERE stream_id = ?1 AND version > ?2 ORDER BY version LIMIT ?3"
    );
    let events = collect(
        &mut *snapshot.prepare_cached(&select)?,
        params![stream.as_str(), signed(after.0), limit_of(limit)],
    )?;
    Ok(StreamPage {
        events,
        version: Version(version),
    })
}

fn read_all(
    connection: &mut Connection,
    after: Position,
    filter: &Filter,
    limit: usize,
) -> rusqlite::Result<Page> {
    let snapshot = connection.transaction()?;
    let head = snapshot
        .prepare_cached("SELECT position FROM head")?
        .query_row([], |row| row.get(0))?;
    let head = Position(head);
    if after >= head {
        return Ok(Page {
            events: Vec::new(),
            scanned_to: after,
            at_head: true,
        });
    }
    let end = if filter.is_all() {
        head
    } else {
        head.min(after.after(SCAN))
    };
    let mut arguments = vec![
        Value::from(signed(after.0)),
        Value::from(signed(end.0)),
        Value::from(limit_of(limit)),
    ];
    let select = format!(
        "SELECT {COLUMNS} FROM events WHERE position > ?1 AND position <= ?2{} ORDER BY position LIMIT ?3",
        conditions(filter, &mut arguments)
    );
    let mut statement = snapshot.prepare_cached(&select)?;
    let events = collect(&mut statement, params_from_iter(arguments))?;
    let last = events.last().map_or(after, |event| event.position);
    let cut_off = events.len() >= limit || bytes(&events) >= PAGE_BYTES;
    let scanned_to = if cut_off { last } else { end };
    Ok(Page {
        events,
        scanned_to,
        at_head: scanned_to == head,
    })
}

/// The conditions of a filter, with a place for each of its arguments.
fn conditions(filter: &Filter, arguments: &mut Vec<Value>) -> String {
    let mut place = |text: &str| {
        arguments.push(Value::from(text.to_owned()));
        arguments.len()
    };
    let mut conditions = String::new();
    if !filter.kinds.is_empty() {
        let kinds = filter.kinds.iter().map(|kind| format!("?{}", place(kind)));
        let kinds: Vec<_> = kinds.collect();
        conditions += &format!(" AND type IN ({})", kinds.join(", "));
    }
    if !filter.categories.is_empty() {
        let categories = filter.categories.iter().map(|category| {
            let at = place(category);
            // Up to the character after the `-`, so that the category is what stands before the first one.
            format!("stream_id = ?{at} OR (stream_id >= ?{at} || '-' AND stream_id < ?{at} || '.')")
        });
        let categories: Vec<_> = categories.collect();
        conditions += &format!(" AND ({})", categories.join(" OR "));
    }
    conditions
}

/// The events that a query finds, up to so many bytes.
fn collect(
    statement: &mut Statement<'_>,
    arguments: impl Params,
) -> rusqlite::Result<Vec<Recorded>> {
    let (mut rows, mut events, mut bytes) = (statement.query(arguments)?, Vec::new(), 0);
    while bytes < PAGE_BYTES
        && let Some(row) = rows.next()?
    {
        let event = recorded(row)?;
        bytes += event.event.payload.len();
        events.push(event);
    }
    Ok(events)
}

fn answer(connection: &mut Connection, key: &Key) -> Result<Option<Written>, WriteError> {
    let found = look_up_answer(connection, &key.id, row::now());
    let found = found.map_err(|error| write_error(&error))?;
    found
        .map(|(fingerprint, kept)| plan::replay(key, fingerprint, &kept))
        .transpose()
}

fn bytes(events: &[Recorded]) -> usize {
    events.iter().map(|event| event.event.payload.len()).sum()
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// SQLite has no larger numbers, and no store so many events.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
