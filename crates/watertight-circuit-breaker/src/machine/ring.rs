const PER_BYTE: u32 = 4;
const FAILED: u8 = 1;
const SLOW: u8 = 2;

/// The last `n` verdicts of a generation, two bits each, with their sums: the exact sliding window of calls.
#[derive(Debug)]
pub(crate) struct Ring {
    calls: Box<[u8]>,
    capacity: u32,
    next: u32,
    sums: Sums,
    generation: u32,
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
    pub(crate) fn new(capacity: u32, generation: u32) -> Self {
        Self {
            calls: vec![0; capacity.div_ceil(PER_BYTE) as usize].into(),
            capacity,
            next: 0,
            sums: Sums::default(),
            generation,
        }
    }

    pub(crate) const fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) const fn capacity(&self) -> u32 {
        self.capacity
    }

    pub(crate) const fn sums(&self) -> Sums {
        self.sums
    }

    /// Starts over for another generation.
    pub(crate) fn clear(&mut self, generation: u32) {
        self.calls.fill(0);
        self.next = 0;
        self.sums = Sums::default();
        self.generation = generation;
    }

    pub(crate) fn push(&mut self, failed: bool, slow: bool) {
        let byte = &mut self.calls[(self.next / PER_BYTE) as usize];
        let shift = self.next % PER_BYTE * 2;
        // A place that was never written holds a success, and takes nothing off the sums.
        let gone = *byte >> shift;
        let new = u8::from(failed) * FAILED + u8::from(slow) * SLOW;
        *byte = *byte & !((FAILED | SLOW) << shift) | new << shift;

        let sums = &mut self.sums;
        sums.total = (sums.total + 1).min(self.capacity);
        sums.failed = sums.failed + u32::from(failed) - u32::from(gone & FAILED != 0);
        sums.slow = sums.slow + u32::from(slow) - u32::from(gone & SLOW != 0);
        self.next = (self.next + 1) % self.capacity;
    }

    /// Pushes so many successes; more than fit wash everything else out.
    pub(crate) fn push_successes(&mut self, count: u64) {
        if count >= u64::from(self.capacity) {
            self.clear(self.generation);
            self.sums.total = self.capacity;
            return;
        }
        for _ in 0..count {
            self.push(false, false);
        }
    }
}
