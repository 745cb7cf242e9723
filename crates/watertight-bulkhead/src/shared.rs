use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use tokio::time::Instant;
use watertight_core::{EventSource, Reason, Rejected};

use crate::{event::BulkheadEvent, mode::Mode, snapshot::KIND, telemetry::Telemetry};

/// Everything that the handles and permits of one bulkhead share.
#[derive(Debug)]
pub(crate) struct Shared<M> {
    pub(crate) name: &'static str,
    pub(crate) limit: AtomicUsize,
    pub(crate) mode: M,
    pub(crate) counts: Counts,
    pub(crate) events: EventSource<BulkheadEvent>,
    pub(crate) telemetry: Telemetry,
    generation: AtomicU64,
    resizing: Mutex<()>,
}

/// What one worker thread touches per call; a counted reference of its own keeps workers from meeting.
#[derive(Debug)]
pub(crate) struct Stripe<M> {
    pub(crate) shared: Arc<Shared<M>>,
    pub(crate) worker: usize,
    // Two stripes that lie side by side on the heap must not share a cache line.
    _distance: [u64; 8],
}

/// Calls that did not succeed, by what became of them.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) failed: AtomicU64,
    pub(crate) ignored: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) gave_up: AtomicU64,
    pub(crate) full: AtomicU64,
    pub(crate) queue_full: AtomicU64,
    pub(crate) waited_too_long: AtomicU64,
    pub(crate) deadline_passed: AtomicU64,
}

impl<M> Stripe<M> {
    pub(crate) fn new(shared: &Arc<Shared<M>>, worker: usize) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::clone(shared),
            worker,
            _distance: [0; 8],
        })
    }
}

impl<M> Shared<M> {
    pub(crate) fn new(name: &'static str, limit: usize, mode: M, telemetry: Telemetry) -> Self {
        Self {
            name,
            limit: AtomicUsize::new(limit),
            mode,
            counts: Counts::default(),
            events: EventSource::new(KIND),
            telemetry,
            generation: AtomicU64::new(0),
            resizing: Mutex::new(()),
        }
    }

    /// Counts a refusal where nobody else is told.
    pub(crate) fn count(&self, reason: Reason) {
        let count = match reason {
            Reason::QueueFull => &self.counts.queue_full,
            Reason::WaitedTooLong => &self.counts.waited_too_long,
            Reason::DeadlinePassed => &self.counts.deadline_passed,
            _ => &self.counts.full,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a refusal, and tells whoever listens.
    #[inline(always)]
    pub(crate) fn refuse(&self, reason: Reason) -> Rejected {
        self.tell_refused(reason);
        Rejected::new(self.name, reason)
    }

    #[inline(never)]
    fn tell_refused(&self, reason: Reason) {
        self.count(reason);
        self.telemetry.refused(self.name, &self.limit, reason);
        if self.events.is_heard() {
            self.tell(BulkheadEvent::Refused { reason });
        }
        #[cfg(feature = "tracing")]
        tracing::debug!(
            name = self.name,
            reason = reason.as_str(),
            "bulkhead refused a call"
        );
    }

    fn tell(&self, event: BulkheadEvent) {
        let generation = self.generation.load(Ordering::Relaxed);
        self.events
            .emit(self.name, generation, Instant::now(), event);
    }
}

impl<M: Mode> Shared<M> {
    pub(crate) fn resize(&self, limit: usize) {
        let _resizing = self.resizing.lock().unwrap_or_else(PoisonError::into_inner);
        let from = self.limit.swap(limit, Ordering::Relaxed);
        let by = limit.abs_diff(from) as u64;
        if limit >= from {
            self.mode.grow(by);
        } else {
            self.mode.shrink(by);
        }
        if by > 0 {
            self.generation.fetch_add(1, Ordering::Relaxed);
            self.telemetry.resized(self.name, &self.limit);
            self.tell(BulkheadEvent::Resized { from, to: limit });
        }
    }
}
