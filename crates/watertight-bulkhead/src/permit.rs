use std::sync::{Arc, atomic::Ordering};

use watertight_core::{Outcome, Permit, Verdict};

use crate::{
    mode::{Mode, Refuse},
    shared::Stripe,
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
    course: Course,
}

/// How a call has ended so far, and whether it is on the gauge.
///
/// One whole word: a permit is moved more often than it is looked at, and a move of more waits for the writes before it.
#[derive(Clone, Copy, Debug)]
struct Course(usize);

#[derive(Clone, Copy, Debug)]
#[repr(usize)]
enum Ended {
    Cancelled,
    Succeeded,
    Failed,
    Ignored,
    /// There was no call after all.
    Refused,
}

const ON_GAUGE: usize = 1 << 3;

impl Course {
    #[inline(always)]
    const fn started(on_gauge: bool) -> Self {
        let gauge = if on_gauge { ON_GAUGE } else { 0 };
        Self(gauge | Ended::Cancelled as usize)
    }

    #[inline(always)]
    const fn end(&mut self, ended: Ended) {
        self.0 = (self.0 & ON_GAUGE) | ended as usize;
    }

    #[inline(always)]
    const fn is_on_gauge(self) -> bool {
        self.0 & ON_GAUGE != 0
    }

    #[inline(always)]
    const fn has_ended(self, how: Ended) -> bool {
        self.0 & !ON_GAUGE == how as usize
    }
}

impl<M: Mode> BulkheadPermit<M> {
    /// Makes a permit of a token that was taken.
    #[inline(always)]
    pub(crate) fn of_taken(stripe: Arc<Stripe<M>>) -> Self {
        let shared = &stripe.shared;
        let on_gauge = shared.telemetry.entered(shared.name, &shared.limit);
        Self {
            stripe,
            course: Course::started(on_gauge),
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
        self.course.end(Ended::Refused);
    }
}

impl<M: Mode> Permit for BulkheadPermit<M> {
    #[inline(always)]
    fn end(mut self, outcome: Outcome) {
        self.course.end(match outcome.verdict {
            Verdict::Success => Ended::Succeeded,
            Verdict::Failure => Ended::Failed,
            Verdict::Ignore => Ended::Ignored,
        });
    }
}

impl<M: Mode> Drop for BulkheadPermit<M> {
    #[inline(always)]
    fn drop(&mut self) {
        let stripe = &*self.stripe;
        let shared = &stripe.shared;
        let counts = &shared.counts;
        let done = self.course.has_ended(Ended::Succeeded);
        if !done {
            let rare = [
                (Ended::Failed, &counts.failed),
                (Ended::Ignored, &counts.ignored),
                (Ended::Refused, &counts.full),
            ];
            let count = rare
                .into_iter()
                .find(|(how, _)| self.course.has_ended(*how));
            let count = count.map_or(&counts.cancelled, |(_, count)| count);
            count.fetch_add(1, Ordering::Relaxed);
        }
        shared.mode.give_back(stripe.worker, done);
        if self.course.is_on_gauge() {
            shared.telemetry.left(shared.name, &shared.limit);
        }
    }
}
