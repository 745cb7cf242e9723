//! The one writer of a node: a batch in one guarded statement, or under the head's lock where another node was first.

use std::{sync::Arc, time::Duration};

use quick_cache::unsync::Cache;
use sqlx::Connection;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use watertight_events::{
    Expected, Position, StreamId, Version, Write, WriteError, Written,
    group_commit::{Commit, CommitError},
    plan::{Ask, End, Facts, Plan},
};

use crate::{
    connection::{Own, PATIENCE},
    error::{Failure, failed, failure},
    journal::{self, Head},
    locked::{Commits, Locked, in_time},
};

/// Streams whose ends are kept in mind.
const STREAMS: usize = 100_000;

/// For how long the database is looked for when it was lost during a commit.
const SEARCH: Duration = Duration::from_secs(15);

/// Times that a batch is written again that turned out not to be there.
const TRIES: u32 = 3;

/// How often expired keys are deleted.
const TIDY: Duration = Duration::from_secs(60);

type Answers = Vec<Result<Written, WriteError>>;

/// Commits batches.
#[derive(Debug)]
pub(crate) struct Batches {
    connection: Own,
    /// Where the head was after the last batch; what is kept in mind holds as long as it is there.
    known: Option<Head>,
    ends: Cache<StreamId, End>,
    tidied: Option<Instant>,
    /// What this node has committed, and what it knows of.
    committed: watch::Sender<Position>,
    head: watch::Sender<Position>,
    inline: Commits,
    /// Whether a read model is applied in every commit: then there is no quick one.
    has_inline: bool,
}

/// What became of a try.
enum Tried {
    Done(Answers),
    /// Another node has written.
    Moved,
    /// The connection was lost while this was being written, under this batch number.
    Lost(Plan, i64),
}

impl Batches {
    pub(crate) fn new(
        connection: Own,
        committed: watch::Sender<Position>,
        head: watch::Sender<Position>,
        inline: Commits,
    ) -> Self {
        Self {
            connection,
            known: None,
            ends: Cache::new(STREAMS),
            tidied: None,
            committed,
            head,
            inline,
            has_inline: false,
        }
    }

    /// One statement, which does nothing if another node has written since.
    async fn try_quickly(&mut self, batch: &[Write]) -> Result<Tried, CommitError> {
        let connection = self
            .connection
            .get()
            .await
            .map_err(|error| failed(&error))?;
        let Some(known) = self.known.filter(|_| !self.has_inline) else {
            return Ok(Tried::Moved);
        };
        let mut facts = Facts::default();
        let mut ask = Ask::of(batch);
        let fresh = |stream: &StreamId| {
            let appends = batch.iter().flat_map(|write| &write.appends);
            let mut of_stream = appends.filter(|append| append.stream == *stream);
            of_stream.all(|append| {
                append.expected.fits(Version::NONE) && append.expected != Expected::Any
            })
        };
        ask.streams.retain(|stream| {
            if let Some(end) = self.ends.get(*stream) {
                facts.ends.insert((*stream).clone(), *end);
                return false;
            }
            // Whoever creates a stream is believed: if it is there, the insert fails.
            !fresh(stream)
        });
        let looked = journal::look_up(connection, ask, known.position).await;
        let looked = match looked {
            Ok(looked) => looked,
            Err(error) => return self.not_written(error),
        };
        facts.head = known.position;
        facts.ends.extend(looked.ends);
        facts.keys = looked.keys;
        facts.consumers = looked.consumers;
        let plan = Plan::of(batch, facts);
        if plan.is_empty() {
            let connection = self
                .connection
                .get()
                .await
                .map_err(|error| failed(&error))?;
            // Refusals are as old as what they were decided upon.
            return match journal::head(connection).await {
                Ok(head) if head.batch == known.batch => Ok(Tried::Done(plan.answers)),
                Ok(_) => Ok(Tried::Moved),
                Err(error) => self.not_written(error),
            };
        }
        self.write_quickly(plan, known.batch).await
    }

    /// A transaction under the head's lock.
    async fn try_locked(&mut self, batch: &[Write]) -> Result<Tried, CommitError> {
        self.ends.clear();
        // Only one that is as it was is put back.
        let connection = self.connection.take();
        let mut connection = connection.await.map_err(|error| failed(&error))?;
        let locked = match self.inline.lock_and_write(&mut connection, batch).await {
            Ok(locked) => locked,
            Err(error) => return self.not_written(error),
        };
        let Locked { head, plan, .. } = locked;
        self.known = Some(head);
        self.has_inline = locked.has_inline;
        match locked.end {
            Ok(Ok(())) => {
                self.connection.put_back(connection);
                if self.has_inline {
                    self.inline.changes.send_modify(|changes| *changes += 1);
                }
                Ok(Tried::Done(self.written(plan, head.batch)))
            }
            Ok(Err(error)) => Err(error),
            Err(error) => match failure(error) {
                Failure::Lost(_) => Ok(Tried::Lost(plan, head.batch)),
                Failure::Taken => Err(CommitError::Data(
                    "a row is there that the head does not know of".into(),
                )),
                Failure::RolledBack(error) => Err(error),
            },
        }
    }

    async fn write_quickly(&mut self, plan: Plan, batch: i64) -> Result<Tried, CommitError> {
        let connection = self.connection.get();
        let connection = connection.await.map_err(|error| failed(&error))?;
        match in_time(journal::write(connection, &plan, batch)).await {
            Ok(true) => Ok(Tried::Done(self.written(plan, batch))),
            Ok(false) => Ok(Tried::Moved),
            Err(error) => match failure(error) {
                Failure::Lost(_) => Ok(Tried::Lost(plan, batch)),
                Failure::Taken => {
                    self.known = None;
                    Ok(Tried::Moved)
                }
                Failure::RolledBack(error) => Err(error),
            },
        }
    }

    /// Looks on a new connection, under the head's lock, whether a plan was written.
    async fn settle(&mut self, plan: &Plan, batch: i64) -> Result<bool, CommitError> {
        self.known = None;
        let start = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            self.connection.give_up();
            let look = async {
                let connection = self.connection.get().await?;
                let mut transaction = connection.begin().await?;
                let written = journal::is_written(&mut transaction, plan, batch).await?;
                transaction.rollback().await?;
                Ok::<_, sqlx::Error>(written)
            };
            if let Ok(Ok(written)) = timeout(PATIENCE, look).await {
                return Ok(written);
            }
            if start.elapsed() > SEARCH {
                return Err(CommitError::Unknown);
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// Takes note of a plan that is in the database.
    fn written(&mut self, plan: Plan, batch: i64) -> Answers {
        for row in &plan.rows {
            self.ends.insert(row.stream.clone(), row.end());
        }
        let batch = if plan.is_empty() { batch } else { batch + 1 };
        self.known = Some(Head {
            position: plan.head,
            batch,
        });
        for watched in [&self.head, &self.committed] {
            watched.send_if_modified(|head| {
                let moved = plan.head > *head;
                *head = plan.head.max(*head);
                moved
            });
        }
        plan.answers
    }

    /// Before anything was written: a lost connection costs another try at most.
    fn not_written(&mut self, error: sqlx::Error) -> Result<Tried, CommitError> {
        self.known = None;
        self.connection.give_up();
        match failure(error) {
            Failure::Lost(error) => Err(failed(&error)),
            Failure::RolledBack(error) => Err(error),
            Failure::Taken => Ok(Tried::Moved),
        }
    }

    async fn tidy(&mut self, batch: &[Write]) {
        let due = self.tidied.is_none_or(|last| last.elapsed() > TIDY);
        if due && batch.iter().any(|write| write.key.is_some()) {
            self.tidied = Some(Instant::now());
            if let Ok(connection) = self.connection.get().await
                && journal::forget_expired(connection).await.is_err()
            {
                self.connection.give_up();
            }
        }
    }
}

impl Commit for Batches {
    type Request = Write;
    type Answer = Result<Written, WriteError>;

    async fn commit(&mut self, batch: &[Write]) -> Result<Answers, CommitError> {
        self.tidy(batch).await;
        for _ in 0..TRIES {
            let tried = match self.try_quickly(batch).await? {
                Tried::Moved => self.try_locked(batch).await?,
                tried => tried,
            };
            match tried {
                Tried::Done(answers) => return Ok(answers),
                Tried::Moved => self.known = None,
                Tried::Lost(plan, number) => {
                    if self.settle(&plan, number).await? {
                        return Ok(self.written_before(plan));
                    }
                }
            }
        }
        Err(CommitError::Failed {
            transient: true,
            message: Arc::from("the database was lost again and again"),
        })
    }
}

impl Batches {
    /// The answers of a plan that was written although the answer was lost; where the head is now is not known.
    fn written_before(&mut self, plan: Plan) -> Answers {
        let answers = self.written(plan, 0);
        self.known = None;
        self.ends.clear();
        answers
    }
}
