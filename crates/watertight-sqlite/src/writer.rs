//! The one writer: a batch of writes, and of whatever else is to be changed, in one transaction.

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::watch;
use watertight_events::{
    Position, StreamId, Version, Write, WriteError, Written,
    group_commit::{Commit, CommitError},
    plan::{Ask, Facts, Plan},
};

use crate::{
    answer::look_up_answer, error::commit_error, lock::FileLock, row, task::Task,
    transaction::SqliteTransaction,
};

/// Streams whose versions are kept in mind; beyond it, all are forgotten and looked up again.
const STREAMS: usize = 100_000;

/// Expired keys that are deleted per batch that brings new ones.
const EXPIRED: usize = 1_000;

const VERSION: &str = "SELECT coalesce(max(version), 0) FROM events WHERE stream_id = ?1";
const CONSUMER: &str = "SELECT position, epoch FROM consumers WHERE name = ?1";
const KEEP: &str = "INSERT OR REPLACE INTO command_log (key, fingerprint, answer, expires_at) VALUES (?1, ?2, ?3, ?4)";
const EXPIRE: &str = "DELETE FROM command_log WHERE key IN (SELECT key FROM command_log WHERE expires_at <= ?1 LIMIT ?2)";
const MOVE: &str = "INSERT OR REPLACE INTO consumers (name, position, epoch) VALUES (?1, ?2, ?3)";

/// What is asked of the writer.
pub(crate) enum Job {
    /// Events.
    Write(Write),
    /// A change of something else, which keeps its own answer.
    Task(Arc<dyn Task>),
}

/// What the writer answers.
#[derive(Debug)]
pub(crate) enum Done {
    Write(Result<Written, WriteError>),
    Task,
}

/// Commits batches; holds the file for as long as it lives.
#[derive(Debug)]
pub(crate) struct Batches {
    transaction: SqliteTransaction,
    /// Versions that are known as long as nobody else writes, which the lock sees to.
    versions: HashMap<StreamId, Version>,
    head: watch::Sender<Position>,
    changes: watch::Sender<u64>,
    _lock: FileLock,
}

impl Batches {
    pub(crate) fn new(
        transaction: SqliteTransaction,
        head: watch::Sender<Position>,
        changes: watch::Sender<u64>,
        lock: FileLock,
    ) -> Self {
        Self {
            transaction,
            versions: HashMap::new(),
            head,
            changes,
            _lock: lock,
        }
    }

    fn commit_now(&mut self, batch: &[Job]) -> rusqlite::Result<Plan> {
        let now = row::now();
        let writes = || batch.iter().filter_map(Job::write);
        let mut transaction = self.transaction.begin()?;
        let facts = look_up(&transaction, &self.versions, Ask::of(writes()), now)?;
        let plan = Plan::of(writes(), facts);
        if !plan.is_empty() {
            write(&transaction, &plan, now)?;
        }
        for task in batch.iter().filter_map(Job::task) {
            task.run(&mut transaction)?;
        }
        transaction.commit()?;
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
    type Request = Job;
    type Answer = Done;

    async fn commit(&mut self, batch: &[Job]) -> Result<Vec<Done>, CommitError> {
        let committed = self.commit_now(batch);
        let plan = committed.map_err(|error| commit_error(&error))?;
        self.remember(&plan);
        self.head.send_if_modified(|head| {
            let moved = plan.head > *head;
            *head = plan.head.max(*head);
            moved
        });
        if batch.iter().any(|job| job.task().is_some()) {
            self.changes.send_modify(|changes| *changes += 1);
        }
        let mut answers = plan.answers.into_iter();
        let done = batch.iter().map(|job| match job {
            Job::Write(_) => Done::Write(answers.next().expect("every write has an answer")),
            Job::Task(_) => Done::Task,
        });
        Ok(done.collect())
    }
}

impl Job {
    const fn write(&self) -> Option<&Write> {
        match self {
            Self::Write(write) => Some(write),
            Self::Task(_) => None,
        }
    }

    fn task(&self) -> Option<&dyn Task> {
        match self {
            Self::Write(_) => None,
            Self::Task(task) => Some(&**task),
        }
    }
}

fn look_up(
    transaction: &Connection,
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

fn write(transaction: &Connection, plan: &Plan, now: i64) -> rusqlite::Result<()> {
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
