use std::time::Duration;

use watertight_core::BuildError;

/// How often, how soon, and for how large a share of the calls attempts are repeated.
///
/// | setting | default |
/// |---|---|
/// | `attempts` | 3, the first one included |
/// | `delay`, `max_delay` | 50 ms, doubled each time up to 1 s, less up to half of it at random |
/// | `min_per_second`, `share` | 10 retries per second, and one for every five calls that succeeded, over 10 s |
/// | `max_body` | 64 KiB |
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Retries {
    /// Attempts in all; 1 is no retry.
    pub attempts: u32,
    /// The wait before the second attempt, doubled for each further one.
    pub delay: Duration,
    /// The longest wait; a server's `Retry-After` beyond it is not waited for, and there is no further attempt.
    pub max_delay: Duration,
    /// Retries per second that are always granted.
    pub min_per_second: u32,
    /// The retries granted beyond that for each call that succeeded. tower counts in whole calls: one retry for
    /// every `1 / share` of them, rounded down.
    pub share: f32,
    /// The largest body, in bytes, that is kept for another attempt.
    pub max_body: u64,
    /// Makes the jitter repeatable; without it, no two runs and no two replicas draw the same.
    pub seed: Option<u64>,
}

impl Retries {
    /// What tower's budget would panic on is an error here.
    pub(super) fn check(&self, name: &str) -> Result<(), BuildError> {
        let invalid = |field, value: &dyn std::fmt::Debug, expected| {
            Err(BuildError::invalid(name, field, value, expected))
        };
        if self.attempts == 0 {
            return invalid("retries.attempts", &0, "at least 1, the first one");
        }
        if self.share != 0.0 && !(0.001..=1_000.0).contains(&self.share) {
            let expected = "0, or a share from 0.001 to 1000";
            return invalid("retries.share", &self.share, expected);
        }
        if self.min_per_second > 1_000_000 {
            let expected = "at most 1000000";
            return invalid("retries.min_per_second", &self.min_per_second, expected);
        }
        if self.delay > self.max_delay {
            let (field, other) = ("retries.delay", "retries.max_delay");
            let why = "the first wait is longer than the longest";
            return Err(BuildError::conflict(name, field, other, why));
        }
        Ok(())
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 3,
            delay: Duration::from_millis(50),
            max_delay: Duration::from_secs(1),
            min_per_second: 10,
            share: 0.2,
            max_body: 64 * 1024,
            seed: None,
        }
    }
}
