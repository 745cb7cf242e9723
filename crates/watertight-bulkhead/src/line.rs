use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{debt::Debt, turn::Turn};

/// The permits of a bulkhead where calls wait in line, first come, first served.
#[derive(Debug)]
pub(crate) struct Line {
    permits: Semaphore,
    debt: Debt,
    completed: AtomicU64,
    waiting: AtomicUsize,
}

impl Line {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            permits: Semaphore::new(limit),
            debt: Debt::none(),
            completed: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Takes a permit if one is free and nobody waits for it.
    pub(crate) fn try_take(&self) -> bool {
        while self.take_any() {
            // One that came back while the limit was lowered may be free although it is owed.
            if !self.debt.pay() {
                return true;
            }
        }
        false
    }

    /// Waits for a permit. Dropped, it leaves its place and gives back what it may have been given.
    pub(crate) async fn take(&self) {
        loop {
            let queued = Turn::new(self, self.permits.acquire()).await;
            // Whoever has queued was given the permit in flight; only a free one can be owed.
            if queued || !self.debt.pay() {
                return;
            }
        }
    }

    pub(crate) fn give_back(&self, done: bool) {
        if done {
            self.completed.fetch_add(1, Ordering::Relaxed);
        }
        if !self.debt.pay() {
            self.permits.add_permits(1);
        }
    }

    pub(crate) fn grow(&self, by: u64) {
        let added = by - self.debt.forgive(by);
        self.permits.add_permits(added as usize);
    }

    pub(crate) fn shrink(&self, by: u64) {
        // Owed first, so that nobody who waits is given a permit in between.
        self.debt.owe(by);
        while self.debt.owed() > 0 && self.take_any() {
            if !self.debt.pay() {
                self.permits.add_permits(1);
                return;
            }
        }
    }

    pub(crate) fn free(&self) -> u64 {
        self.permits.available_permits() as u64
    }

    pub(crate) fn owed(&self) -> u64 {
        self.debt.owed()
    }

    pub(crate) fn completed(&self) -> u64 {
        self.completed.load(Ordering::Relaxed)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Takes a place in a queue of this length.
    pub(crate) fn take_place(&self, queue: usize) -> bool {
        let place = |waiting| (waiting < queue).then_some(waiting + 1);
        self.waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, place)
            .is_ok()
    }

    pub(crate) fn leave_place(&self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }

    fn take_any(&self) -> bool {
        let permit = self.permits.try_acquire();
        permit.map(SemaphorePermit::forget).is_ok()
    }
}

#[cfg(all(test, not(any(watertight_loom, watertight_shuttle))))]
mod tests {
    use tokio_test::{assert_pending, task};

    use super::Line;

    /// As it is after a permit came back while the limit was lowered.
    fn with_an_owed_permit() -> Line {
        let line = Line::new(1);
        line.debt.owe(1);
        line
    }

    #[test]
    fn a_free_permit_that_is_owed_is_gone_when_somebody_wants_it() {
        assert!(!with_an_owed_permit().try_take());
        let line = with_an_owed_permit();
        assert_pending!(task::spawn(line.take()).poll());
        assert_eq!((line.free(), line.owed()), (0, 0));
    }
}
