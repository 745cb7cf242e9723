use std::fmt;

use crate::sync::{AtomicU64, Ordering};

/// What one worker thread has counted: written by few, read by all.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Tally {
    owner: usize,
    successes: Count,
    refused: Count,
}

/// A count that its owner raises without a locked instruction, because nobody else writes that word.
#[derive(Debug)]
#[repr(C)]
struct Count {
    own: AtomicU64,
    others: AtomicU64,
}

/// All the tallies of a breaker, wherever they are kept.
pub(crate) trait Tallies: fmt::Debug {
    /// The successes in all of them.
    fn successes(&self) -> u64;
}

impl Tally {
    /// A tally that belongs to the worker thread of this number; no other thread ever has it.
    pub(crate) fn new(owner: usize) -> Self {
        let (successes, refused) = (Count::zero(), Count::zero());
        Self {
            owner,
            successes,
            refused,
        }
    }

    #[inline(always)]
    pub(crate) fn is_of(&self, worker: usize) -> bool {
        self.owner == worker
    }

    #[inline(always)]
    pub(crate) fn succeed(&self, worker: usize) {
        self.successes.raise(self.is_of(worker));
    }

    #[inline(always)]
    pub(crate) fn refuse(&self, worker: usize) {
        self.refused.raise(self.is_of(worker));
    }

    pub(crate) fn successes(&self) -> u64 {
        self.successes.get()
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.get()
    }
}

impl Count {
    fn zero() -> Self {
        Self {
            own: AtomicU64::new(0),
            others: AtomicU64::new(0),
        }
    }

    #[inline(always)]
    fn raise(&self, owner: bool) {
        if owner {
            let count = self.own.load(Ordering::Relaxed);
            self.own.store(count + 1, Ordering::Relaxed);
        } else {
            self.others.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn get(&self) -> u64 {
        self.own.load(Ordering::Relaxed) + self.others.load(Ordering::Relaxed)
    }
}

impl Tallies for Vec<Tally> {
    fn successes(&self) -> u64 {
        self.iter().map(Tally::successes).sum()
    }
}
