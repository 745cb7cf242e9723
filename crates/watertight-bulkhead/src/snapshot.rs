use std::sync::atomic::Ordering;

use watertight_core::{Component, ComponentSnapshot, Value};

use crate::{mode::Mode, shared::Shared};

/// The kind under which a registry knows bulkheads.
pub(crate) const KIND: &str = "bulkhead";

/// What there is to see of a bulkhead.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its name.
    pub name: &'static str,
    /// Calls that may be in flight at the same time.
    pub limit: usize,
    /// Calls in flight; above the limit for as long as it takes after the limit was lowered.
    pub in_flight: usize,
    /// Calls that wait in the queue.
    pub queued: usize,
    /// Calls that ever asked, whatever became of them.
    pub submitted: u64,
    /// Calls that succeeded.
    pub completed: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls whose end said nothing about the service.
    pub ignored: u64,
    /// Calls whose caller went away, in flight or in the queue.
    pub cancelled: u64,
    /// Calls refused because every permit was taken.
    pub full: u64,
    /// Calls refused because the queue was full too.
    pub queue_full: u64,
    /// Calls that waited for as long as they may.
    pub waited_too_long: u64,
    /// Calls whose deadline came while they waited.
    pub deadline_passed: u64,
}

impl Snapshot {
    /// Calls that were refused, for whatever reason.
    #[must_use]
    pub const fn rejected(&self) -> u64 {
        self.full + self.queue_full + self.waited_too_long + self.deadline_passed
    }
}

impl<M: Mode> Shared<M> {
    pub(crate) fn in_flight(&self) -> u64 {
        // A permit on its way from one purse to another is seen twice or not at all, so this is no exact moment.
        let all = self.limit.load(Ordering::Relaxed) as u64 + self.mode.owed();
        all.saturating_sub(self.mode.free())
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.counts;
        let limit = self.limit.load(Ordering::Relaxed);
        let mut snapshot = Snapshot {
            name: self.name,
            limit,
            in_flight: self.in_flight() as usize,
            queued: self.mode.waiting(limit),
            submitted: 0,
            completed: self.mode.completed(),
            failed: count(&counts.failed),
            ignored: count(&counts.ignored),
            cancelled: count(&counts.cancelled) + count(&counts.gave_up),
            full: count(&counts.full),
            queue_full: count(&counts.queue_full),
            waited_too_long: count(&counts.waited_too_long),
            deadline_passed: count(&counts.deadline_passed),
        };
        let Snapshot {
            completed,
            failed,
            ignored,
            cancelled,
            ..
        } = snapshot;
        let under_way = (snapshot.in_flight + snapshot.queued) as u64;
        snapshot.submitted =
            completed + failed + ignored + cancelled + snapshot.rejected() + under_way;
        snapshot
    }
}

impl<M: Mode> Component for Shared<M> {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn name(&self) -> &str {
        self.name
    }

    fn snapshot(&self) -> ComponentSnapshot {
        ComponentSnapshot::from(&Self::snapshot(self))
    }
}

impl From<&Snapshot> for ComponentSnapshot {
    fn from(snapshot: &Snapshot) -> Self {
        let fields = vec![
            ("limit", Value::Count(snapshot.limit as u64)),
            ("in_flight", Value::Count(snapshot.in_flight as u64)),
            ("queued", Value::Count(snapshot.queued as u64)),
            ("submitted", Value::Count(snapshot.submitted)),
            ("completed", Value::Count(snapshot.completed)),
            ("failed", Value::Count(snapshot.failed)),
            ("ignored", Value::Count(snapshot.ignored)),
            ("cancelled", Value::Count(snapshot.cancelled)),
            ("full", Value::Count(snapshot.full)),
            ("queue_full", Value::Count(snapshot.queue_full)),
            ("waited_too_long", Value::Count(snapshot.waited_too_long)),
            ("deadline_passed", Value::Count(snapshot.deadline_passed)),
        ];
        Self::new(KIND, snapshot.name, fields)
    }
}
