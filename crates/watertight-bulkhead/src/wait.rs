use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use tokio::time::{Instant, error::Elapsed, timeout_at};
use watertight_core::{Deadline, Reason, Rejected};

use crate::{Bulkhead, BulkheadPermit, mode::Queue, shared::Shared, telemetry::Counted};

/// What a call finds at a bulkhead with a queue.
pub(crate) enum Entry {
    Permit(BulkheadPermit<Queue>),
    Wait(Waiting),
    Refused(Rejected),
}

/// A place in the queue.
///
/// Dropped, it leaves its place, and gives back a permit that it may have been given meanwhile.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Waiting {
    turn: Pin<Box<dyn Future<Output = Result<(), Elapsed>> + Send + Sync>>,
    place: Place,
    bulkhead: Bulkhead<Queue>,
    /// What it will be when time is up.
    reason: Reason,
    since: Instant,
}

/// One place in the queue, left when dropped.
struct Place {
    shared: Arc<Shared<Queue>>,
    /// How it was left, if not by the caller's leaving.
    left: Option<Left>,
    _counted: Counted,
}

enum Left {
    WithPermit,
    TooLate,
}

impl Bulkhead<Queue> {
    /// Takes a permit, a place in the queue, or neither.
    pub(crate) fn enter(&self, deadline: impl FnOnce() -> Option<Deadline>) -> Entry {
        if let Some(permit) = self.try_permit() {
            return Entry::Permit(permit);
        }
        let shared = self.shared();
        // Nobody waits for a permit of none; whoever waited before it was closed may see it opened again.
        let limit = shared.limit.load(Ordering::Relaxed);
        if limit == 0 {
            return Entry::Refused(shared.refuse(Reason::Full));
        }
        if !shared.mode.line.take_place(shared.mode.length, limit) {
            return Entry::Refused(shared.refuse(Reason::QueueFull));
        }
        let place = Place {
            shared: Arc::clone(shared),
            left: None,
            _counted: shared.telemetry.waiting(shared.name, &shared.limit),
        };
        let longest = shared.mode.max_wait.map(Deadline::after);
        let deadline = deadline();
        let until = Deadline::earliest(longest, deadline);
        let reason = match (deadline, until) {
            (Some(deadline), Some(until)) if deadline == until => Reason::DeadlinePassed,
            _ => Reason::WaitedTooLong,
        };
        let line = Arc::clone(shared);
        let turn = async move {
            match until {
                Some(until) => timeout_at(until.instant(), line.mode.line.take()).await,
                None => {
                    line.mode.line.take().await;
                    Ok(())
                }
            }
        };
        Entry::Wait(Waiting {
            turn: Box::pin(turn),
            place,
            bulkhead: self.clone(),
            reason,
            since: Instant::now(),
        })
    }

    /// Waits for a permit like a call does, for code that is not a tower service.
    ///
    /// ```
    /// # use watertight_bulkhead::Bulkhead;
    /// # tokio_test::block_on(async {
    /// let jobs = Bulkhead::builder("jobs").max_concurrent(1).queue(10).build()?;
    /// let permit = jobs.acquire().await.expect("nobody else is here");
    /// permit.success();
    /// # Ok::<(), watertight_core::BuildError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// The queue is full, or no permit became free in time: `max_wait`, or the running task's deadline.
    ///
    /// # Cancellation
    ///
    /// Safe: a dropped waiter leaves its place.
    pub async fn acquire(&self) -> Result<BulkheadPermit<Queue>, Rejected> {
        match self.enter(Deadline::current) {
            Entry::Permit(permit) => Ok(permit),
            Entry::Wait(waiting) => waiting.await,
            Entry::Refused(why) => Err(why),
        }
    }
}

impl Future for Waiting {
    type Output = Result<BulkheadPermit<Queue>, Rejected>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let turn = ready!(self.turn.as_mut().poll(cx));
        self.place.left = Some(turn.as_ref().map_or(Left::TooLate, |()| Left::WithPermit));
        let shared = self.bulkhead.shared();
        Poll::Ready(match turn {
            Ok(()) => {
                shared.mode.line.turn_came(true);
                shared
                    .telemetry
                    .waited(shared.name, &shared.limit, self.since.elapsed());
                Ok(self.bulkhead.permit_of_taken())
            }
            Err(_) => Err(shared.refuse(self.reason)),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !matches!(self.left, Some(Left::WithPermit)) {
            self.shared.mode.line.leave_place();
        }
        if self.left.is_none() {
            self.shared.counts.gave_up.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").finish_non_exhaustive()
    }
}
