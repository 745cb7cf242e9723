use std::time::Duration;

use watertight_core::{Padded, stripe_count};

use crate::{
    machine::{
        cell::{Cell, TICKS},
        ring::Sums,
        word::{Now, micros},
    },
    sync::{AtomicU32, AtomicU64, Ordering, fence},
};

// More shards win nothing for a window, whose evaluation reads them all.
const MOST_SHARDS: usize = 8;

/// The window over the last span of time: sixteen buckets per shard, constant in memory and in work per call.
#[derive(Debug)]
pub(crate) struct TimeWindow {
    shards: Box<[Padded<Shard>]>,
    tick: u64,
    span: Duration,
    warm: AtomicU32,
}

#[derive(Debug)]
struct Shard {
    current: AtomicU64,
    cells: [AtomicU64; TICKS as usize],
}

impl TimeWindow {
    pub(crate) fn new(span: Duration) -> Self {
        Self::with_shards(span, stripe_count().min(MOST_SHARDS))
    }

    pub(crate) fn with_shards(span: Duration, shards: usize) -> Self {
        Self {
            shards: (0..shards).map(|_| Padded(Shard::new())).collect(),
            tick: (micros(span) / TICKS).max(1),
            span,
            warm: AtomicU32::new(0),
        }
    }

    pub(crate) const fn span(&self) -> Duration {
        self.span
    }

    /// Records a call; the sums, if this call may decide.
    ///
    /// It may when it failed or was slow, when the minimum is not known to be reached, and when it is the first of its
    /// bucket: successes that leave the window raise the rates.
    pub(crate) fn record(
        &self,
        (generation, minimum): (u32, u32),
        (failed, slow): (bool, bool),
        now: Now,
        worker: usize,
    ) -> Option<Sums> {
        let tick = now.0 / self.tick;
        let shard = &self.shards[worker % self.shards.len()];
        shard.advance(tick);
        let first = shard.add(tick, generation, failed, slow);
        let warm = self.warm.load(Ordering::Relaxed) == generation + 1;
        if warm && !failed && !slow && !first {
            return None;
        }
        // Two threads that each record the decisive failure, on two shards, must not both miss the other's.
        fence(Ordering::SeqCst);
        let sums = self.sums(generation, now);
        let warm = if sums.total >= minimum {
            generation + 1
        } else {
            0
        };
        self.warm.store(warm, Ordering::Relaxed);
        Some(sums)
    }

    /// Starts over for a generation; what it has recorded already stays.
    pub(crate) fn start(&self, generation: u32) {
        for shard in &self.shards {
            shard.clear(generation);
        }
    }

    pub(crate) fn sums(&self, generation: u32, now: Now) -> Sums {
        let tick = now.0 / self.tick;
        let mut sums = Sums::default();
        for shard in &self.shards {
            shard.sum(tick, generation, &mut sums);
        }
        sums
    }

    pub(crate) fn cool(&self) {
        self.warm.store(0, Ordering::Relaxed);
    }
}

impl Shard {
    fn new() -> Self {
        Self {
            current: AtomicU64::new(0),
            cells: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Moves on to a tick, after a sweep over the buckets that are to be used anew.
    fn advance(&self, tick: u64) {
        let mut current = self.current.load(Ordering::Relaxed);
        while current < tick {
            self.sweep(current, tick);
            let moved = self.current.compare_exchange_weak(
                current,
                tick,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match moved {
                Ok(_) => return,
                Err(actual) => current = actual,
            }
        }
    }

    /// Without it, an old bucket could be taken for a later one when its short tag comes round again.
    fn sweep(&self, current: u64, tick: u64) {
        let reused = current.max(tick.saturating_sub(TICKS)) + 1..=tick;
        for cell in reused.map(|tick| &self.cells[(tick % TICKS) as usize]) {
            let old = cell.load(Ordering::Relaxed);
            if Cell::unpack(old).tick_near(current) <= current {
                // A failed exchange means that somebody recorded here just now: that is to stay.
                let _ = cell.compare_exchange(old, 0, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
    }

    fn clear(&self, generation: u32) {
        for cell in &self.cells {
            let old = cell.load(Ordering::Relaxed);
            if Cell::unpack(old).is_before(generation) {
                // A failed exchange means that somebody recorded here just now, or cleared it, too.
                let _ = cell.compare_exchange(old, 0, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
    }

    /// Adds a call to its bucket; whether it was the first there.
    fn add(&self, tick: u64, generation: u32, failed: bool, slow: bool) -> bool {
        // So late that its bucket has left the window.
        if self.current.load(Ordering::Relaxed) >= tick.saturating_add(TICKS) {
            return false;
        }
        let cell = &self.cells[(tick % TICKS) as usize];
        let mut old = cell.load(Ordering::Relaxed);
        loop {
            let known = Cell::unpack(old);
            let same = known.is_of(tick, generation);
            if !same && known.is_ahead_of(tick, generation) {
                return false;
            }
            let base = if same {
                known
            } else {
                Cell::empty(tick, generation)
            };
            let new = base.plus(failed, slow).pack();
            match cell.compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return !same,
                Err(actual) => old = actual,
            }
        }
    }

    fn sum(&self, tick: u64, generation: u32, sums: &mut Sums) {
        let current = self.current.load(Ordering::Relaxed);
        if current.saturating_add(TICKS) <= tick {
            return;
        }
        for cell in &self.cells {
            let cell = Cell::unpack(cell.load(Ordering::Relaxed));
            let age = tick.saturating_sub(cell.tick_near(current));
            if cell.is_of_generation(generation) && age < TICKS {
                sums.total += u32::from(cell.total);
                sums.failed += u32::from(cell.failed);
                sums.slow += u32::from(cell.slow);
            }
        }
    }
}
