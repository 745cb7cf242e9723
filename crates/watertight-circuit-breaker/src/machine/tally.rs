use std::fmt;

use crate::sync::{AtomicU64, Ordering};

/// What one worker thread has counted: written by few, read by all.
#[derive(Debug)]
pub(crate) struct Tally {
    successes: AtomicU64,
    refused: AtomicU64,
    fetched: AtomicU64,
}

/// All the tallies of a breaker, wherever they are kept.
pub(crate) trait Tallies: fmt::Debug {
    /// Takes the successes that were not fetched before. Called under the window's lock.
    fn fetch(&self) -> u64;
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            successes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            fetched: AtomicU64::new(0),
        }
    }

    pub(crate) fn succeed(&self) {
        self.successes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn fetch(&self) -> u64 {
        let successes = self.successes.load(Ordering::Relaxed);
        let fetched = self.fetched.swap(successes, Ordering::Relaxed);
        successes.saturating_sub(fetched)
    }
}

impl Tallies for Vec<Tally> {
    fn fetch(&self) -> u64 {
        self.iter().map(Tally::fetch).sum()
    }
}
