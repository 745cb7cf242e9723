//! Clients in a closed loop: each waits for an answer before it asks again.

use std::time::Duration;

use anyhow::Context;
use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

use super::{Answer, Outcome, Subject};

/// Events that the hot account has before anything is measured.
pub const HOT_EVENTS: u64 = 10;

/// Commands for one account before the next one is opened: it is opened, and nine times paid into.
const PER_ACCOUNT: u64 = 10;

/// How often a conflict is tried again; beyond it something else is wrong.
const TRIES: u64 = 10_000;

/// What clients have seen.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    done: u64,
    conflicts: u64,
}

/// Commands for accounts of their own: how many per second are done, and how many conflicts each caller saw.
///
/// # Errors
///
/// A command fails.
pub async fn distinct(
    subject: &impl Subject,
    clients: usize,
    time: Duration,
) -> anyhow::Result<Answer> {
    // What is prepared once per connection is no part of the work.
    spread(subject, clients, time / 4, None).await?;
    let (seen, elapsed) = spread(subject, clients, time, None).await?;
    Ok(figures(seen, elapsed))
}

/// Commands for one account: also how many that were said to be done are not there afterwards.
///
/// # Errors
///
/// A command fails.
pub async fn hot(subject: &impl Subject, clients: usize, time: Duration) -> anyhow::Result<Answer> {
    let id = Uuid::now_v7();
    let mut before = Seen::default();
    before.send(|| subject.create(id)).await?;
    while before.done < HOT_EVENTS {
        before.send(|| subject.update(id)).await?;
    }
    let (seen, elapsed) = spread(subject, clients, time, Some(id)).await?;
    let mut answer = figures(seen, elapsed);
    let acknowledged = before.done + seen.done;
    let stored = subject.cold().stored(id).await?;
    answer.insert("acknowledged".to_owned(), acknowledged as f64);
    answer.insert(
        "lost".to_owned(),
        acknowledged.saturating_sub(stored) as f64,
    );
    Ok(answer)
}

async fn spread(
    subject: &impl Subject,
    clients: usize,
    time: Duration,
    one: Option<Uuid>,
) -> anyhow::Result<(Seen, Duration)> {
    let start = Instant::now();
    let end = start + time;
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let subject = subject.clone();
        tasks.spawn(async move {
            match one {
                Some(id) => same(&subject, id, end).await,
                None => own(&subject, end).await,
            }
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = tasks.join_next().await {
        let seen = seen.context("a client has panicked")??;
        all.done += seen.done;
        all.conflicts += seen.conflicts;
    }
    Ok((all, start.elapsed()))
}

async fn own(subject: &impl Subject, end: Instant) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    let mut id = Uuid::nil();
    while Instant::now() < end {
        if seen.done.is_multiple_of(PER_ACCOUNT) {
            id = Uuid::now_v7();
            seen.send(|| subject.create(id)).await?;
        } else {
            seen.send(|| subject.update(id)).await?;
        }
    }
    Ok(seen)
}

async fn same(subject: &impl Subject, id: Uuid, end: Instant) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    while Instant::now() < end {
        seen.send(|| subject.update(id)).await?;
    }
    Ok(seen)
}

impl Seen {
    /// Sends a command until it is done.
    async fn send<F>(&mut self, send: impl Fn() -> F) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<Outcome>>,
    {
        for _ in 0..TRIES {
            match send().await? {
                Outcome::Done => {
                    self.done += 1;
                    return Ok(());
                }
                Outcome::Conflict => self.conflicts += 1,
            }
        }
        anyhow::bail!("{TRIES} conflicts in a row")
    }
}

fn figures(seen: Seen, elapsed: Duration) -> Answer {
    let per_second = seen.done as f64 / elapsed.as_secs_f64();
    let conflicts = seen.conflicts as f64 / (seen.done as f64).max(1.0);
    [
        ("per_second".to_owned(), per_second),
        ("conflicts".to_owned(), conflicts),
    ]
    .into()
}
