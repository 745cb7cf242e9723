use crate::{
    machine::{
        ring::{Ring, Sums},
        tally::Tallies,
        word::is_late,
    },
    sync::{AtomicU32, Mutex, Ordering, lock},
};

/// The exact window over the last calls, whose successes do not meet.
///
/// Below the minimum every call is recorded in order. Above it, a success can only lower the rates, so it is left in its
/// thread's tally; a failure or a slow call fetches what the tallies hold, and then decides.
#[derive(Debug)]
pub(crate) struct CountWindow {
    ring: Mutex<Recent>,
    /// One more than the generation that has reached its minimum, so that zero is none.
    warm: AtomicU32,
}

#[derive(Debug)]
struct Recent {
    ring: Ring,
    /// The successes that were taken from the tallies so far.
    fetched: u64,
}

impl CountWindow {
    pub(crate) fn new(capacity: u32) -> Self {
        let (ring, fetched) = (Ring::new(capacity, 0), 0);
        Self {
            ring: Mutex::new(Recent { ring, fetched }),
            warm: AtomicU32::new(0),
        }
    }

    #[inline(always)]
    pub(crate) fn is_warm(&self, generation: u32) -> bool {
        self.warm.load(Ordering::Relaxed) == generation + 1
    }

    /// Records a call that may decide, and tells the sums with it.
    pub(crate) fn record(
        &self,
        generation: u32,
        minimum: u32,
        (failed, slow): (bool, bool),
        tallies: &dyn Tallies,
    ) -> Sums {
        let mut recent = lock(&self.ring);
        self.catch_up(&mut recent, generation, tallies);
        // A size of zero: the rules have changed under this call, and the window is about to follow.
        if recent.ring.generation() != generation || recent.ring.capacity() == 0 {
            return Sums::default();
        }
        recent.ring.push(failed, slow);
        let sums = recent.ring.sums();
        if sums.total >= minimum {
            self.warm.store(generation + 1, Ordering::Relaxed);
        }
        sums
    }

    /// Starts over for a generation.
    pub(crate) fn start(&self, generation: u32, tallies: &dyn Tallies) {
        self.catch_up(&mut lock(&self.ring), generation, tallies);
    }

    /// The sums of a generation, with the successes that are still in the tallies.
    pub(crate) fn sums(&self, generation: u32, tallies: &dyn Tallies) -> Sums {
        let mut recent = lock(&self.ring);
        self.catch_up(&mut recent, generation, tallies);
        recent.ring.sums()
    }

    /// Starts over with another size.
    pub(crate) fn resize(&self, capacity: u32, generation: u32, tallies: &dyn Tallies) {
        let mut recent = lock(&self.ring);
        recent.fetched = tallies.successes();
        recent.ring = Ring::new(capacity, generation);
    }

    /// Has the next call decide whether the minimum is reached, because the minimum has changed.
    pub(crate) fn cool(&self) {
        self.warm.store(0, Ordering::Relaxed);
    }

    fn catch_up(&self, recent: &mut Recent, generation: u32, tallies: &dyn Tallies) {
        let known = tallies.successes();
        let successes = known.saturating_sub(recent.fetched);
        recent.fetched = recent.fetched.max(known);
        let ring = &mut recent.ring;
        if ring.generation() == generation {
            ring.push_successes(successes);
        } else if !is_late(generation, ring.generation()) {
            ring.clear(generation);
        }
    }
}
