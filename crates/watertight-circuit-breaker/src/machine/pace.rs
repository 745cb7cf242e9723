use std::time::Duration;

use crate::{
    config::{Backoff, Ramp},
    machine::word::micros,
};

/// The wait of the n-th opening in a row, counted from zero, in microseconds.
///
/// Only repeated waits are shortened by jitter: the first one is what the user asked for. `random` is from 0 to 1.
pub(crate) fn wait(open_for: Duration, backoff: Backoff, openings: u32, random: f64) -> u64 {
    let nominal = nominal(open_for, backoff, openings);
    if openings == 0 {
        return nominal;
    }
    nominal - (nominal as f64 * backoff.jitter * random) as u64
}

/// How many openings in a row still count after a healthy time: each step back takes as long as its wait was.
///
/// Forgetting them all at the first success would let a flapping service be probed as if nothing had happened.
pub(crate) fn decay(open_for: Duration, backoff: Backoff, mut openings: u32, healthy: u64) -> u32 {
    let mut left = healthy;
    while openings > 0 {
        match left.checked_sub(nominal(open_for, backoff, openings - 1).max(1)) {
            Some(rest) => left = rest,
            None => break,
        }
        openings -= 1;
    }
    openings
}

/// The share of calls that a ramp admits after a time, in microseconds.
pub(crate) fn share(ramp: Ramp, elapsed: u64) -> f64 {
    let over = micros(ramp.over);
    if elapsed >= over {
        return 1.0;
    }
    let done = elapsed as f64 / over as f64;
    done.powf(1.0 / ramp.aggression).max(ramp.minimum)
}

/// A number from 0 to 1 from the n-th state of a seeded generator (SplitMix64, Steele, Lea and Flood 2014).
pub(crate) fn unit(seed: u64) -> f64 {
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What the generator's state is moved by for each number.
pub(crate) const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn nominal(open_for: Duration, backoff: Backoff, openings: u32) -> u64 {
    let longest = micros(backoff.max);
    // Above this the longest wait is reached by any factor that grows at all.
    let exponent = i32::try_from(openings.min(1_000)).unwrap_or(i32::MAX);
    let grown = micros(open_for) as f64 * backoff.factor.powi(exponent);
    // Casting a float saturates, so neither infinity nor a duration without end can overflow here.
    (grown as u64).min(longest)
}
