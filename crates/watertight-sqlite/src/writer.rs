//! The one writer: a batch of writes, and of whatever else is to be changed, in one transaction.

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::watch;
use watertight_events::{
    Position, StreamId, Version, ViewId, Write, WriteError, Written,
    group_commit::{Commit, CommitError},
    plan::{Ask, End, Facts, Plan},
};

use crate::{
    answer::look_up_answer, failed::Failed, inline, lock::FileLock, outbox::move_staged, row,
    task::Task, transaction::SqliteTransaction,
};

/// Streams whose ends are kept in mind; beyond it, all are forgotten and looked up again.
const STREAMS: usize = 100_000;

/// Expired keys that are deleted per batch that brings new ones.
const EXPIRED: usize = 1_000;

const END: &str =
    "SELECT version, event_id FROM events WHERE stream_id = ?1 ORDER BY version DESC LIMIT 1";
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
    /// Ends of streams, known as long as nobody else writes, which the lock sees to.
    ends: HashMap<StreamId, End>,
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
            ends: HashMap::new(),
            head,
            changes,
            _lock: lock,
        }
    }

    /// What was planned, first the writes of the batch and then what its tasks have staged; and the read model without which
    /// no events may be appended, if it is missing.
    fn commit_now(&mut self, batch: &[Job]) -> Result<(Vec<Plan>, Option<ViewId>), Failed> {
        let now = row::now();
        let missing = self.transaction.models.missing().cloned();
        let writes = || batch.iter().filter_map(|job| job.write(missing.is_some()));
        let mut transaction = self.transaction.begin()?;
        let facts = look_up(&transaction, &self.ends, Ask::of(writes()), now)?;
        let plan = Plan::of(writes(), facts);
        if !plan.is_empty() {
            write(&transaction, &plan, now)?;
            inline::apply_plan(&mut transaction, &plan, now)?;
        }
        let mut plans = vec![plan];
        for task in batch.iter().filter_map(Job::task) {
            task.run(&mut transaction)?;
        }
        if batch.iter().any(|job| job.task().is_some()) {
            move_staged(&mut transaction, now, |plan| plans.push(plan))?;
        }
        transaction.commit()?;
        Ok((plans, missing))
    }

    fn remember(&mut self, plan: &Plan) {
        if self.ends.len() + plan.rows.len() > STREAMS {
            self.ends.clear();
        }
        for row in &plan.rows {
            self.ends.insert(row.stream.clone(), row.end());
        }
    }
}

impl Commit for Batches {
    type Request = Job;
    type Answer = Done;

    async fn commit(&mut self, batch: &[Job]) -> Result<Vec<Done>, CommitError> {
        let committed = self.commit_now(batch);
        let (plans, missing) = committed.map_err(CommitError::from)?;
        for plan in &plans {
            self.remember(plan);
        }
        let last = plans.last().map_or(Position::START, |plan| plan.head);
        self.head.send_if_modified(|head| {
            let moved = last > *head;
            *head = last.max(*head);
            moved
        });
        let inline = !self.transaction.models.is_empty();
        if inline || batch.iter().any(|job| job.task().is_some()) {
            self.changes.send_modify(|changes| *changes += 1);
        }
        let mut answers = plans.into_iter().flat_map(|plan| plan.answers);
        let done = batch.iter().map(|job| match job {
            Job::Task(_) => Done::Task,
            Job::Write(write) => Done::Write(match &missing {
                Some(view) if has_events(write) => {
                    Err(WriteError::NotAttached { view: view.clone() })
                }
                _ => answers
                    .next()
                    .expect("every write that was planned has an answer"),
            }),
        });
        Ok(done.collect())
    }
}

impl Job {
    /// A write that can be done: where read models are missing, one without events.
    fn write(&self, missing: bool) -> Option<&Write> {
        match self {
            Self::Write(write) => (!missing || !has_events(write)).then_some(write),
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

fn has_events(write: &Write) -> bool {
    write.appends.iter().any(|append| !append.events.is_empty())
}

pub(crate) fn look_up(
    transaction: &Connection,
    known: &HashMap<StreamId, End>,
    ask: Ask<'_>,
    now: i64,
) -> rusqlite::Result<Facts> {
    let mut facts = Facts {
        head: Position(transaction.query_row("SELECT position FROM head", [], |row| row.get(0))?),
        ..Facts::default()
    };
    let mut end = transaction.prepare_cached(END)?;
    for stream in ask.streams {
        if facts.ends.contains_key(stream) {
            continue;
        }
        let found = match known.get(stream) {
            Some(found) => *found,
            None => end
                .query_row([stream.as_str()], |row| {
                    let (version, last) = (Version(row.get(0)?), row.get(1)?);
                    Ok(End { version, last })
                })
                .optional()?
                .unwrap_or_default(),
        };
        facts.ends.insert(stream.clone(), found);
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

pub(crate) fn write(transaction: &Connection, plan: &Plan, now: i64) -> rusqlite::Result<()> {
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
