use std::{
    fmt,
    sync::{Arc, OnceLock, atomic::Ordering},
};

use watertight_core::{Event, Events, Reason, Rejected, my_stripe, stripe_count};

use crate::{
    BulkheadBuilder, BulkheadPermit, MAX_PERMITS,
    event::BulkheadEvent,
    mode::{Mode, Refuse},
    shared::{Shared, Stripe},
    snapshot::Snapshot,
};

/// A bulkhead: a limit on the calls in flight, shared by its layers, services and clones.
///
/// Use one per dependency, so that a slow one takes its own share of the program and no more.
///
/// ```
/// use watertight_bulkhead::Bulkhead;
///
/// let email = Bulkhead::builder("email").max_concurrent(2).build()?;
/// let (one, two) = (email.try_acquire(), email.try_acquire());
/// assert!(one.is_ok() && two.is_ok() && email.try_acquire().is_err());
/// drop(one);
/// assert!(email.try_acquire().is_ok());
/// # Ok::<(), watertight_core::BuildError>(())
/// ```
///
/// # Clone
///
/// Clones are cheap and share everything.
pub struct Bulkhead<M = Refuse> {
    shared: Arc<Shared<M>>,
    /// Made when a worker thread first comes by, so that a bulkhead per key stays small.
    stripes: Arc<[OnceLock<Arc<Stripe<M>>>]>,
}

impl Bulkhead {
    /// Starts to build a bulkhead of this name.
    pub fn builder(name: impl Into<String>) -> BulkheadBuilder {
        BulkheadBuilder::new(name.into())
    }
}

impl<M: Mode> Bulkhead<M> {
    pub(crate) fn of(shared: Shared<M>) -> Self {
        Self {
            shared: Arc::new(shared),
            stripes: (0..stripe_count()).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared().name
    }

    /// Takes a permit at once or not at all, for code that is not a tower service.
    ///
    /// In a bulkhead with a queue, nobody who waits is overtaken.
    ///
    /// # Errors
    ///
    /// Every permit is taken.
    #[inline(always)]
    pub fn try_acquire(&self) -> Result<BulkheadPermit<M>, Rejected> {
        match self.try_permit() {
            Some(permit) => Ok(permit),
            None => Err(self.shared.refuse(Reason::Full)),
        }
    }

    /// Changes the limit at run time without waiting: cut at [`MAX_PERMITS`], zero closes the bulkhead.
    ///
    /// After it was lowered, permits that come back are not free again until the new limit holds, also while calls wait.
    pub fn resize(&self, limit: usize) {
        self.shared().resize(limit.min(MAX_PERMITS));
    }

    /// Calls that may be in flight at the same time.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.shared().limit.load(Ordering::Relaxed)
    }

    /// Everything there is to see.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared().snapshot()
    }

    /// Subscribes to what happens from now on. Bounded: a slow subscriber misses events, and is told so.
    #[must_use]
    pub fn subscribe(&self) -> Events<Event<BulkheadEvent>> {
        self.shared().events.subscribe()
    }

    #[inline(always)]
    pub(crate) fn try_permit(&self) -> Option<BulkheadPermit<M>> {
        let stripe = self.stripe();
        let taken = self.shared.mode.try_take(stripe.worker);
        taken.then(|| BulkheadPermit::of_taken(Arc::clone(stripe)))
    }

    /// The permit of a token that was taken from the mode.
    pub(crate) fn permit_of_taken(&self) -> BulkheadPermit<M> {
        BulkheadPermit::of_taken(Arc::clone(self.stripe()))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<M>> {
        &self.shared
    }

    #[inline(always)]
    fn stripe(&self) -> &Arc<Stripe<M>> {
        let worker = my_stripe() & (self.stripes.len() - 1);
        self.stripes[worker].get_or_init(|| Stripe::new(&self.shared, worker))
    }
}

impl<M> Clone for Bulkhead<M> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            stripes: Arc::clone(&self.stripes),
        }
    }
}

impl<M: fmt::Debug> fmt::Debug for Bulkhead<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulkhead")
            .field("name", &self.shared.name)
            .field("limit", &self.shared.limit)
            .field("mode", &self.shared.mode)
            .finish_non_exhaustive()
    }
}
