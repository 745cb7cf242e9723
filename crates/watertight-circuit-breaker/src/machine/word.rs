use std::time::Duration;

use crate::machine::moment::{self, Moment};

/// The states of a circuit.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// Calls flow and are judged.
    Closed,
    /// Calls are refused until the wait is over.
    Open,
    /// A few probes are let through to see whether the service is back.
    HalfOpen,
    /// An operator holds it open.
    ForcedOpen,
    /// Calls flow and nothing is recorded.
    Disabled,
    /// Calls flow and are judged; a circuit that would open only says so.
    MetricsOnly,
    /// Closed again, with a growing share of the traffic.
    Recovering,
}

impl State {
    /// Every state, in the order of declaration.
    pub const ALL: [Self; 7] = [
        Self::Closed,
        Self::Open,
        Self::HalfOpen,
        Self::ForcedOpen,
        Self::Disabled,
        Self::MetricsOnly,
        Self::Recovering,
    ];

    /// The state as a metric label, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
            Self::MetricsOnly => "metrics_only",
            Self::Recovering => "recovering",
        }
    }

    /// Whether finished calls are recorded in the window.
    pub(crate) const fn records(self) -> bool {
        matches!(self, Self::Closed | Self::MetricsOnly | Self::Recovering)
    }
}

/// Time since the breaker was made.
///
/// Microseconds: fine enough that a limit holds to the letter, coarse enough for half a million years in 64 bits.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Now(pub(crate) u64);

impl Now {
    /// The moment this long after the breaker was made.
    #[inline]
    pub(crate) fn since_start(elapsed: Duration) -> Self {
        Self(micros(elapsed))
    }

    pub(crate) const fn elapsed(self) -> Duration {
        Duration::from_micros(self.0)
    }

    pub(crate) fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

/// Whole microseconds, saturating; 128 bits would cost more than the rest of a quick call.
#[inline]
pub(crate) fn micros(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000);
    seconds.saturating_add(duration.subsec_micros().into())
}

const GENERATION_BITS: u32 = 24;

/// The whole state in 64 bits: mode (3), generation (24), a moment (37).
///
/// The moment is when an open circuit takes its first probe, when a round of probes is over, when a ramp started, when a
/// forced state ends, or since when the circuit is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Word {
    pub(crate) state: State,
    pub(crate) generation: u32,
    pub(crate) when: Moment,
}

impl Word {
    pub(crate) fn pack(self) -> u64 {
        let mode = State::ALL.iter().position(|state| *state == self.state);
        let mode = mode.unwrap_or_default() as u64;
        (mode << (moment::BITS + GENERATION_BITS))
            | (u64::from(self.generation & GENERATION_MASK) << moment::BITS)
            | self.when.bits()
    }

    #[inline]
    pub(crate) const fn unpack(word: u64) -> Self {
        let state = match word >> (moment::BITS + GENERATION_BITS) {
            0 => State::Closed,
            1 => State::Open,
            2 => State::HalfOpen,
            3 => State::ForcedOpen,
            4 => State::Disabled,
            5 => State::MetricsOnly,
            _ => State::Recovering,
        };
        Self {
            state,
            generation: (word >> moment::BITS) as u32 & GENERATION_MASK,
            when: Moment::from_bits(word),
        }
    }

    #[inline(always)]
    pub(crate) const fn is_closed(word: u64) -> bool {
        word < TIMED
    }

    /// The word after a transition.
    pub(crate) const fn next(self, state: State, when: Moment) -> Self {
        Self {
            state,
            generation: (self.generation + 1) & GENERATION_MASK,
            when,
        }
    }
}

pub(crate) const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

/// Whether a tag shows that a call of this generation comes too late.
///
/// A call can only be a few generations late. A tag that is much further ahead was left behind when the count wrapped around.
pub(crate) const fn is_late(generation: u32, tag: u32) -> bool {
    let ahead = tag.wrapping_sub(generation) & GENERATION_MASK;
    ahead != 0 && ahead <= u16::MAX as u32
}

/// What an admitted call carries in 64 bits: kind (3), generation (24), start in microseconds (37).
///
/// A call that was admitted while closed and need not note its start carries the state itself, so that one comparison
/// tells that nothing has changed. The start wraps after 38 hours, which no call that anybody waits for takes. A call that is
/// timed and of another kind has its time taken, in place of the start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket(u64);

// A closed circuit has none of these bits.
const TIMED: u64 = 1 << (moment::BITS + GENERATION_BITS);
const PROBE: u64 = TIMED << 1;
const OTHER: u64 = TIMED << 2;

const START: u64 = moment::MASK;

impl Ticket {
    /// What is left of a ticket whose call has ended.
    pub(crate) const SPENT: Self = Self(u64::MAX);

    /// A ticket of a closed circuit, for a call that does not note its start.
    #[inline]
    pub(crate) const fn of_closed(word: u64) -> Self {
        Self(word)
    }

    #[inline]
    pub(crate) const fn new(generation: u32, probe: bool, start: Option<Now>) -> Self {
        let probe = if probe { PROBE } else { 0 };
        let start = match start {
            Some(now) => TIMED | (now.0 & START),
            None => OTHER,
        };
        Self(((generation as u64) << moment::BITS) | probe | start)
    }

    /// Whether the circuit has been closed all the time.
    #[inline]
    pub(crate) const fn is_of_closed(self, word: u64) -> bool {
        self.0 == word
    }

    #[inline]
    pub(crate) const fn generation(self) -> u32 {
        (self.0 >> moment::BITS) as u32 & GENERATION_MASK
    }

    #[inline]
    pub(crate) const fn is_probe(self) -> bool {
        self.0 & PROBE != 0
    }

    /// How long the call has taken, where its start was noted.
    #[inline]
    pub(crate) fn elapsed(self, now: impl FnOnce() -> Now) -> Option<Duration> {
        if self.0 & TIMED == 0 {
            return None;
        }
        let mut micros = self.0 & START;
        if self.0 & OTHER == 0 {
            micros = now().0.wrapping_sub(micros) & START;
        }
        Some(Duration::from_micros(micros))
    }

    /// The same ticket with its time taken: how long the body lasts counts no more.
    pub(crate) fn stopped(self, took: Duration) -> Self {
        Self((self.0 & !START) | OTHER | micros(took).min(START))
    }
}
