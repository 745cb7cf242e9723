use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{debt::Debt, turn::Turn};

/// The permits of a bulkhead where calls wait in line, first come, first served.
#[derive(Debug)]
pub(crate) struct Line {
    permits: Semaphore,
    debt: Debt,
    completed: AtomicU64,
    /// Calls that wait, above, and calls that hold a permit, below: one word, because a call goes from one to the other.
    crowd: AtomicU64,
}

const HOLDS: u64 = 1;
const WAITS: u64 = 1 << 32;

impl Line {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            permits: Semaphore::new(limit),
            debt: Debt::none(),
            completed: AtomicU64::new(0),
            crowd: AtomicU64::new(0),
        }
    }

    /// Takes a permit if one is free and nobody waits for it.
    pub(crate) fn try_take(&self) -> bool {
        // Counted before it is sure: at no moment there may seem to be more room in the queue than there is.
        self.crowd.fetch_add(HOLDS, Ordering::AcqRel);
        let taken = self.take_free();
        if !taken {
            self.crowd.fetch_sub(HOLDS, Ordering::AcqRel);
        }
        taken
    }

    fn take_free(&self) -> bool {
        while self.take_any() {
            // One that came back while the limit was lowered may be free although it is owed.
            if !self.debt.pay() {
                return true;
            }
        }
        false
    }

    /// Waits for a permit, which [`turn_came`](Self::turn_came) then takes note of. Dropped, it leaves its place and gives back what it may have been given.
    pub(crate) async fn take(&self) {
        loop {
            let queued = Turn::new(self, self.permits.acquire()).await;
            // Whoever has queued was given the permit in flight; only a free one can be owed.
            if queued || !self.debt.pay() {
                return;
            }
        }
    }

    /// The caller holds the permit that it waited for, in the queue or elsewhere.
    pub(crate) fn turn_came(&self, in_queue: bool) {
        let left = if in_queue { WAITS } else { 0 };
        self.crowd
            .fetch_add(HOLDS.wrapping_sub(left), Ordering::AcqRel);
    }

    pub(crate) fn give_back(&self, done: bool) {
        if done {
            self.completed.fetch_add(1, Ordering::Relaxed);
        }
        self.release();
        self.crowd.fetch_sub(HOLDS, Ordering::AcqRel);
    }

    /// Frees a permit that nobody holds yet.
    pub(crate) fn release(&self) {
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

    /// Calls that wait, without those that have been given a permit and do not know it yet.
    pub(crate) fn waiting(&self, limit: usize) -> usize {
        let crowd = self.crowd.load(Ordering::Acquire);
        let waiting = (crowd / WAITS).saturating_sub(self.given(crowd, limit));
        usize::try_from(waiting).unwrap_or(usize::MAX)
    }

    /// Takes a place in a queue of this length.
    pub(crate) fn take_place(&self, queue: usize, limit: usize) -> bool {
        let place = |crowd: u64| {
            let places = (queue as u64).saturating_add(self.given(crowd, limit));
            (crowd / WAITS < places).then_some(crowd + WAITS)
        };
        self.crowd
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, place)
            .is_ok()
    }

    pub(crate) fn leave_place(&self) {
        self.crowd.fetch_sub(WAITS, Ordering::AcqRel);
    }

    /// Permits that were given to calls that have not been polled since.
    fn given(&self, crowd: u64, limit: usize) -> u64 {
        let taken = (limit as u64 + self.owed()).saturating_sub(self.free());
        taken.saturating_sub(crowd % WAITS)
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
