use std::sync::{Arc, atomic::Ordering};

use watertight_core::{Outcome, Permit, Verdict};

use crate::{
    mode::{Mode, Refuse},
    shared::Stripe,
    telemetry::Entered,
};

/// The right to one call through a bulkhead. Dropped without an end, the call was cancelled; its place is free at once.
///
/// ```
/// # use watertight_bulkhead::Bulkhead;
/// let files = Bulkhead::builder("files").max_concurrent(1).build()?;
/// let permit = files.try_acquire().expect("one is free");
/// assert!(files.try_acquire().is_err());
/// permit.success();
/// assert_eq!(files.snapshot().completed, 1);
/// # Ok::<(), watertight_core::BuildError>(())
/// ```
#[must_use = "a permit that is dropped at once counts as a cancelled call"]
#[derive(Debug)]
pub struct BulkheadPermit<M: Mode = Refuse> {
    stripe: Arc<Stripe<M>>,
    ended: Ended,
    entered: Entered,
}

/// How the call has ended: a whole word, because a permit is moved more often than it is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(usize)]
enum Ended {
    Cancelled,
    Succeeded,
    Failed,
    Ignored,
    /// There was no call after all.
    Refused,
}

impl<M: Mode> BulkheadPermit<M> {
    /// Makes a permit of a token that was taken.
    #[inline(always)]
    pub(crate) fn of_taken(stripe: Arc<Stripe<M>>) -> Self {
        let shared = &stripe.shared;
        let entered = shared.telemetry.entered(shared.name, &shared.limit);
        Self {
            stripe,
            ended: Ended::Cancelled,
            entered,
        }
    }

    /// The call succeeded.
    pub fn success(self) {
        self.end(Verdict::Success.into());
    }

    /// The call failed.
    pub fn failure(self) {
        self.end(Verdict::Failure.into());
    }

    /// The call says nothing about the service.
    pub fn ignore(self) {
        self.end(Verdict::Ignore.into());
    }

    /// The call was refused by another limit.
    pub(crate) fn refused(mut self) {
        self.ended = Ended::Refused;
    }
}

impl<M: Mode> Permit for BulkheadPermit<M> {
    #[inline(always)]
    fn end(mut self, outcome: Outcome) {
        self.ended = match outcome.verdict {
            Verdict::Success => Ended::Succeeded,
            Verdict::Failure => Ended::Failed,
            Verdict::Ignore => Ended::Ignored,
        };
    }
}

impl<M: Mode> Drop for BulkheadPermit<M> {
    #[inline(always)]
    fn drop(&mut self) {
        let stripe = &*self.stripe;
        let shared = &stripe.shared;
        let counts = &shared.counts;
        let count = match self.ended {
            Ended::Succeeded => None,
            Ended::Cancelled => Some(&counts.cancelled),
            Ended::Failed => Some(&counts.failed),
            Ended::Ignored => Some(&counts.ignored),
            Ended::Refused => Some(&counts.full),
        };
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let done = self.ended == Ended::Succeeded;
        shared.mode.give_back(stripe.worker, done);
        shared
            .telemetry
            .left(self.entered, shared.name, &shared.limit);
    }
}
