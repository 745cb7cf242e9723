use crate::{
    machine::word::is_late,
    sync::{AtomicU64, Ordering},
};

/// Failures in a row, below the generation they belong to.
#[derive(Debug)]
pub(crate) struct Streak(AtomicU64);

impl Streak {
    pub(crate) fn none() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Counts a call; the failures in a row with it.
    pub(crate) fn count(&self, generation: u32, failed: bool) -> u32 {
        if !failed {
            self.end(generation);
            return 0;
        }
        let mut known = self.0.load(Ordering::Relaxed);
        loop {
            let count = match (known >> 32) as u32 {
                tag if tag == generation => known as u32,
                tag if is_late(generation, tag) => return 0,
                _ => 0,
            };
            let count = count.saturating_add(1);
            let new = pack(generation, count);
            let exchange =
                self.0
                    .compare_exchange_weak(known, new, Ordering::Relaxed, Ordering::Relaxed);
            match exchange {
                Ok(_) => return count,
                Err(actual) => known = actual,
            }
        }
    }

    /// Read-only for as long as nothing fails.
    #[inline]
    pub(crate) fn end(&self, generation: u32) {
        let known = self.0.load(Ordering::Relaxed);
        if known as u32 != 0 {
            self.forget(known, generation);
        }
    }

    #[cold]
    fn forget(&self, known: u64, generation: u32) {
        if !is_late(generation, (known >> 32) as u32) {
            let none = pack(generation, 0);
            let _ = self
                .0
                .compare_exchange(known, none, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

fn pack(generation: u32, count: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(count)
}
