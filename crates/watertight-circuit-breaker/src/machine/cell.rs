/// Buckets in a time window; fewer where every interleaving is tried.
pub(crate) const TICKS: u64 = if cfg!(watertight_loom) { 2 } else { 16 };

const COUNT_BITS: u32 = 15;
const COUNT_MAX: u16 = (1 << COUNT_BITS) - 1;
const TICK_MASK: u64 = (1 << 10) - 1;
const GENERATION_MASK: u32 = (1 << 8) - 1;
const VALID: u64 = 1 << 63;

/// One bucket in 64 bits: valid (1), generation (8), tick (10), total, failed and slow (15 each).
///
/// When a count is full all three are halved, which keeps the rates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Cell {
    valid: bool,
    generation: u8,
    tick: u16,
    pub(crate) total: u16,
    pub(crate) failed: u16,
    pub(crate) slow: u16,
}

impl Cell {
    pub(crate) const fn empty(tick: u64, generation: u32) -> Self {
        Self {
            valid: true,
            generation: (generation & GENERATION_MASK) as u8,
            tick: (tick & TICK_MASK) as u16,
            total: 0,
            failed: 0,
            slow: 0,
        }
    }

    pub(crate) const fn unpack(cell: u64) -> Self {
        Self {
            valid: cell & VALID != 0,
            generation: (cell >> 55) as u8,
            tick: (cell >> (3 * COUNT_BITS)) as u16 & TICK_MASK as u16,
            total: (cell >> (2 * COUNT_BITS)) as u16 & COUNT_MAX,
            failed: (cell >> COUNT_BITS) as u16 & COUNT_MAX,
            slow: cell as u16 & COUNT_MAX,
        }
    }

    pub(crate) const fn pack(self) -> u64 {
        let valid = if self.valid { VALID } else { 0 };
        valid
            | ((self.generation as u64) << 55)
            | ((self.tick as u64) << (3 * COUNT_BITS))
            | ((self.total as u64) << (2 * COUNT_BITS))
            | ((self.failed as u64) << COUNT_BITS)
            | self.slow as u64
    }

    pub(crate) fn plus(mut self, failed: bool, slow: bool) -> Self {
        if self.total == COUNT_MAX {
            self.total /= 2;
            self.failed /= 2;
            self.slow /= 2;
        }
        self.total += 1;
        self.failed += u16::from(failed);
        self.slow += u16::from(slow);
        self
    }

    pub(crate) const fn is_of_generation(self, generation: u32) -> bool {
        self.valid && self.generation == (generation & GENERATION_MASK) as u8
    }

    pub(crate) const fn is_of(self, tick: u64, generation: u32) -> bool {
        self.is_of_generation(generation) && self.tick == (tick & TICK_MASK) as u16
    }

    /// Whether somebody has already moved this bucket on, to a later time or a later generation.
    pub(crate) const fn is_ahead_of(self, tick: u64, generation: u32) -> bool {
        let ahead = (self.tick as u64).wrapping_sub(tick) & TICK_MASK;
        let later = ahead != 0 && ahead <= TICK_MASK / 2;
        let newer = self.generations_since(generation);
        self.valid && (later || (ahead == 0 && newer != 0 && newer <= u8::MAX / 2))
    }

    /// Whether it was recorded in an earlier generation.
    pub(crate) const fn is_before(self, generation: u32) -> bool {
        self.valid && self.generations_since(generation) > u8::MAX / 2
    }

    const fn generations_since(self, generation: u32) -> u8 {
        self.generation
            .wrapping_sub((generation & GENERATION_MASK) as u8)
    }

    /// The whole tick, of which the bucket keeps the lower bits: the one that is nearest to `current`.
    pub(crate) const fn tick_near(self, current: u64) -> u64 {
        let ahead = (self.tick as u64).wrapping_sub(current) & TICK_MASK;
        if ahead <= TICK_MASK / 2 {
            current.saturating_add(ahead)
        } else {
            current.saturating_sub(TICK_MASK + 1 - ahead)
        }
    }
}
