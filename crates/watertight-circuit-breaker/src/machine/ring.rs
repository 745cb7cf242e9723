const BITS: usize = 64;

/// The last `n` verdicts, two bits each, with their sums: the exact sliding window of calls.
#[derive(Debug)]
pub(crate) struct Ring {
    failed: Box<[u64]>,
    slow: Box<[u64]>,
    capacity: u32,
    next: u32,
    sums: Sums,
}

/// What a window adds up to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sums {
    /// Calls in the window.
    pub(crate) total: u32,
    /// Calls that failed.
    pub(crate) failed: u32,
    /// Calls that were slow, whether they failed or not.
    pub(crate) slow: u32,
}

impl Ring {
    pub(crate) fn new(capacity: u32) -> Self {
        let words = (capacity as usize).div_ceil(BITS);
        Self {
            failed: vec![0; words].into(),
            slow: vec![0; words].into(),
            capacity,
            next: 0,
            sums: Sums::default(),
        }
    }

    pub(crate) const fn capacity(&self) -> u32 {
        self.capacity
    }

    pub(crate) const fn sums(&self) -> Sums {
        self.sums
    }

    pub(crate) fn clear(&mut self) {
        self.failed.fill(0);
        self.slow.fill(0);
        self.next = 0;
        self.sums = Sums::default();
    }

    pub(crate) fn push(&mut self, failed: bool, slow: bool) {
        let (word, bit) = (self.next as usize / BITS, 1 << (self.next as usize % BITS));
        if self.sums.total == self.capacity {
            self.sums.failed -= u32::from(self.failed[word] & bit != 0);
            self.sums.slow -= u32::from(self.slow[word] & bit != 0);
        } else {
            self.sums.total += 1;
        }
        set(&mut self.failed[word], bit, failed);
        set(&mut self.slow[word], bit, slow);
        self.sums.failed += u32::from(failed);
        self.sums.slow += u32::from(slow);
        self.next = (self.next + 1) % self.capacity;
    }

    /// Pushes so many successes; more than fit wash everything else out.
    pub(crate) fn push_successes(&mut self, count: u64) {
        if count >= u64::from(self.capacity) {
            self.clear();
            self.sums.total = self.capacity;
            return;
        }
        for _ in 0..count {
            self.push(false, false);
        }
    }
}

fn set(word: &mut u64, bit: u64, on: bool) {
    if on {
        *word |= bit;
    } else {
        *word &= !bit;
    }
}
