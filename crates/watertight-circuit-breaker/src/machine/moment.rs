use std::time::Duration;

use crate::machine::word::Now;

pub(crate) const BITS: u32 = 37;
pub(crate) const MASK: u64 = (1 << BITS) - 1;

/// From here on, two years after the breaker was made, moments are kept in steps of 64 ms, and so for a century.
const COARSE: u64 = 1 << (BITS - 1);
const STEP_BITS: u32 = 6;

/// A moment as the state keeps it: in few bits, which only those who need it take apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Moment(u64);

impl Moment {
    /// The moment that never comes.
    pub(crate) const NEVER: Self = Self(MASK);

    /// When the breaker was made.
    pub(crate) const START: Self = Self(0);

    pub(crate) const fn of(now: Now) -> Self {
        let millis = now.0 / 1_000;
        let coarse = millis >> STEP_BITS;
        Self(if millis < COARSE {
            millis
        } else if coarse < COARSE {
            COARSE | coarse
        } else {
            MASK
        })
    }

    #[inline]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits & MASK)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn is_due(self, now: Now) -> bool {
        self != Self::NEVER && now.0 / 1_000 >= self.millis()
    }

    /// The time from then to now.
    pub(crate) fn elapsed(self, now: Now) -> u64 {
        now.0.saturating_sub(self.micros())
    }

    /// Microseconds from the making of the breaker to then.
    #[inline]
    pub(crate) const fn micros(self) -> u64 {
        self.millis().saturating_mul(1_000)
    }

    /// The time from the making of the breaker to then, unless it never comes.
    #[inline]
    pub(crate) fn since_start(self) -> Option<Duration> {
        (self != Self::NEVER).then(|| Duration::from_millis(self.millis()))
    }

    #[inline]
    const fn millis(self) -> u64 {
        if self.0 < COARSE {
            self.0
        } else {
            self.coarse()
        }
    }

    #[cold]
    const fn coarse(self) -> u64 {
        (self.0 - COARSE) << STEP_BITS
    }
}
