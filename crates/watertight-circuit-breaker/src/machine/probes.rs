use crate::{
    machine::{
        ring::Sums,
        word::{GENERATION_MASK, is_late},
    },
    sync::{AtomicU64, Ordering},
};

/// The most probes a round can have.
pub const MAX_PROBES: u16 = (1 << FIELD) - 1;

const FIELD: u32 = 10;
const MASK: u64 = (1 << FIELD) - 1;

/// The probes of a half-open circuit in one word: generation (24), out, done, failed, slow (10 each).
///
/// Tagged with the state's generation and reset by its first taker, so that the two words need no common atomicity.
#[derive(Debug)]
pub(crate) struct Probes(AtomicU64);

/// What a round of probes looks like.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Round {
    /// Probes in flight.
    pub out: u16,
    /// Probes that came back with a verdict.
    pub done: u16,
    /// Of those, the ones that failed.
    pub failed: u16,
    /// Of those, the ones that were slow, whether they failed or not.
    pub slow: u16,
}

/// How a probe comes back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Back {
    Judged { failed: bool, slow: bool },
    Unjudged,
}

impl Probes {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Takes a slot if fewer than `limit` are in flight or decided.
    pub(crate) fn take(&self, generation: u32, limit: u16) -> bool {
        self.change(|known, round| {
            let round = match known == generation {
                true => round,
                // A taker that comes too late must not reset the round of a later generation.
                false if is_late(generation, known) => return None,
                false => Round::default(),
            };
            let taken = round.out + round.done;
            let out = round.out + 1;
            (taken < limit).then_some((generation, Round { out, ..round }))
        })
        .is_some()
    }

    /// Gives a slot back; the round with it, or nothing where the round is over.
    pub(crate) fn give_back(&self, generation: u32, how: Back) -> Option<Round> {
        self.change(|known, round| {
            let out = round.out.checked_sub(1)?;
            let round = match how {
                Back::Unjudged => Round { out, ..round },
                Back::Judged { failed, slow } => Round {
                    out,
                    done: round.done + 1,
                    failed: round.failed + u16::from(failed),
                    slow: round.slow + u16::from(slow),
                },
            };
            (known == generation).then_some((generation, round))
        })
    }

    pub(crate) fn round(&self, generation: u32) -> Round {
        let (known, round) = unpack(self.0.load(Ordering::Acquire));
        if known == generation {
            round
        } else {
            Round::default()
        }
    }

    fn change(&self, step: impl Fn(u32, Round) -> Option<(u32, Round)>) -> Option<Round> {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let (generation, round) = unpack(word);
            let (generation, round) = step(generation, round)?;
            let new = pack(generation, round);
            match self
                .0
                .compare_exchange_weak(word, new, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Some(round),
                Err(actual) => word = actual,
            }
        }
    }
}

impl Round {
    pub(crate) fn sums(self) -> Sums {
        Sums {
            total: self.done.into(),
            failed: self.failed.into(),
            slow: self.slow.into(),
        }
    }
}

fn pack(generation: u32, round: Round) -> u64 {
    let fields = [round.out, round.done, round.failed, round.slow];
    let word = u64::from(generation & GENERATION_MASK);
    fields
        .iter()
        .fold(word, |word, field| (word << FIELD) | u64::from(*field))
}

const fn unpack(word: u64) -> (u32, Round) {
    let round = Round {
        out: (word >> (3 * FIELD) & MASK) as u16,
        done: (word >> (2 * FIELD) & MASK) as u16,
        failed: (word >> FIELD & MASK) as u16,
        slow: (word & MASK) as u16,
    };
    ((word >> (4 * FIELD)) as u32, round)
}
