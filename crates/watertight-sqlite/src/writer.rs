//! The one writer: a batch of writes in one transaction.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::watch;
use watertight_events::{
    Position, StreamId, Version, Write, WriteError, Written,
    group_commit::{Commit, CommitError},
    plan::{Ask, Facts, Plan},
};

use crate::{answer::look_up_answer, error::commit_error, lock::FileLock, row};

/// Streams whose versions are kept in mind; beyond it, all are forgotten and looked up again.
const STREAMS: usize = 100_000;

/// Expired keys that are deleted per batch that brings new ones.
const EXPIRED: usize = 1_000;

const VERSION: &str = "SELECT coalesce(max(version), 0) FROM events WHERE stream_id = ?1";
const CONSUMER: &str = "SELECT position, epoch FROM consumers WHERE name = ?1";
const KEEP: &str = "INSERT OR REPLACE INTO command_log (key, fingerprint, answer, expires_at) VALUES (?1, ?2, ?3, ?4)";
const EXPIRE: &str = "DELETE FROM command_log WHERE key IN (SELECT key FROM command_log WHERE expires_at <= ?1 LIMIT ?2)";
const MOVE: &str = "INSERT OR REPLACE INTO consumers (name, position, epoch) VALUES (?1, ?2, ?3)";

/// Commits batches; holds the file for as long as it lives.
#[derive(Debug)]
pub(crate) struct Batches {
    connection: Connection,
    /// Versions that are known as long as nobody else writes, which the lock sees to.
    versions: HashMap<StreamId, Version>,
    head: watch::Sender<Position>,
    _lock: FileLock,
}

impl Batches {
    pub(crate) fn new(
        connection: Connection,
        head: watch::Sender<Position>,
        lock: FileLock,
    ) -> Self {
        Self {
            connection,
            versions: HashMap::new(),
            head,
            _lock: lock,
        }
    }

    fn commit_now(&mut self, batch: &[Write]) -> rusqlite::Result<Plan> {
        let now = row::now();
        let immediate = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(immediate)?;
        let facts = look_up(&transaction, &self.versions, Ask::of(batch), now)?;
        let plan = Plan::of(batch, facts);
        if !plan.is_empty() {
            write(&transaction, &plan, now)?;
            transaction.commit()?;
        }
        Ok(plan)
    }

    fn remember(&mut self, plan: &Plan) {
        if self.versions.len() + plan.rows.len() > STREAMS {
            self.versions.clear();
        }
        for row in &plan.rows {
            self.versions.insert(row.stream.clone(), row.version);
        }
    }
}

impl Commit for Batches {
    type Request = Write;
    type Answer = Result<Written, WriteError>;

    async fn commit(&mut self, batch: &[Write]) -> Result<Vec<Self::Answer>, CommitError> {
        let committed = self.commit_now(batch);
        let plan = committed.map_err(|error| commit_error(&error))?;
        self.remember(&plan);
        self.head.send_if_modified(|head| {
            let moved = plan.head > *head;
            *head = plan.head.max(*head);
            moved
        });
        Ok(plan.answers)
    }
}

fn look_up(
    transaction: &Transaction<'_>,
    known: &HashMap<StreamId, Version>,
    ask: Ask<'_>,
    now: i64,
) -> rusqlite::Result<Facts> {
    let mut facts = Facts {
        head: Position(transaction.query_row("SELECT position FROM head", [], |row| row.get(0))?),
        ..Facts::default()
    };
    let mut version = transaction.prepare_cached(VERSION)?;
    for stream in ask.streams {
        if facts.versions.contains_key(stream) {
            continue;
        }
        let found = match known.get(stream) {
            Some(found) => *found,
            None => Version(version.query_row([stream.as_str()], |row| row.get(0))?),
        };
        facts.versions.insert(stream.clone(), found);
    }
    for key in ask.keys {
        if let Some(found) = look_up_answer(transaction, key, now)? {
            facts.keys.insert(key.clone(), found);
        }
    }
    let mut consumer = transaction.prepare_cached(CONSUMER)?;
    for name in ask.consumers {
        let found = consumer.query_row([&**name], |row| Ok((Position(row.get(0)?), row.get(1)?)));
        if let Some(found) = found.optional()? {
            facts.consumers.insert(name.clone(), found);
        }
    }
    Ok(facts)
}

fn write(transaction: &Transaction<'_>, plan: &Plan, now: i64) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(row::INSERT)?;
    for row in &plan.rows {
        row::insert(&mut insert, row, now)?;
    }
    if !plan.keys.is_empty() {
        transaction
            .prepare_cached(EXPIRE)?
            .execute(params![now, EXPIRED])?;
    }
    let mut keep = transaction.prepare_cached(KEEP)?;
    for (key, written) in &plan.keys {
        let (fingerprint, answer) = (
            key.fingerprint.cast_signed(),
            serde_json::to_vec(written).expect("numbers and text have a JSON"),
        );
        let expires = now.saturating_add(row::micros(key.keep));
        keep.execute(params![&key.id[..], fingerprint, answer, expires])?;
    }
    let mut forward = transaction.prepare_cached(MOVE)?;
    for tracking in &plan.tracking {
        forward.execute(params![&*tracking.consumer, tracking.to.0, tracking.epoch])?;
    }
    if plan.head > plan.guard {
        let mut head = transaction.prepare_cached("UPDATE head SET position = ?1")?;
        head.execute([plan.head.0])?;
    }
    Ok(())
}
