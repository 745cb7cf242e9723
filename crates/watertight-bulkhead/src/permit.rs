use std::sync::{Arc, atomic::Ordering};

use watertight_core::{Outcome, Permit, Verdict};

use crate::{
    mode::{Mode, Refuse},
    shared::Stripe,
    telemetry::Counted,
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
    stripe: Option<Arc<Stripe<M>>>,
    _counted: Counted,
}

impl<M: Mode> BulkheadPermit<M> {
    /// Makes a permit of a token that was taken.
    pub(crate) fn of_taken(stripe: Arc<Stripe<M>>) -> Self {
        let shared = &stripe.shared;
        let limit = shared.limit.load(Ordering::Relaxed);
        let counted = shared.telemetry.in_flight(shared.name, limit);
        Self {
            stripe: Some(stripe),
            _counted: counted,
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
}

impl<M: Mode> Permit for BulkheadPermit<M> {
    fn end(mut self, outcome: Outcome) {
        if let Some(stripe) = self.stripe.take() {
            let counts = &stripe.shared.counts;
            let count = match outcome.verdict {
                Verdict::Success => None,
                Verdict::Failure => Some(&counts.failed),
                Verdict::Ignore => Some(&counts.ignored),
            };
            if let Some(count) = count {
                count.fetch_add(1, Ordering::Relaxed);
            }
            let done = outcome.verdict == Verdict::Success;
            stripe.shared.mode.give_back(stripe.worker, done);
        }
    }
}

impl<M: Mode> Drop for BulkheadPermit<M> {
    fn drop(&mut self) {
        if let Some(stripe) = self.stripe.take() {
            stripe
                .shared
                .counts
                .cancelled
                .fetch_add(1, Ordering::Relaxed);
            stripe.shared.mode.give_back(stripe.worker, false);
        }
    }
}
