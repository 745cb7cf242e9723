use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};
use tower::retry::{
    Policy,
    budget::{Budget, TpsBudget},
};
use watertight_core::{Classify, Deadline, Verdict, http::ServerErrors};

use super::replay::Replay;

/// How often, how soon, and for how large a share of the calls attempts are repeated.
///
/// | setting | default |
/// |---|---|
/// | `attempts` | 3, the first one included |
/// | `delay`, `max_delay` | 50 ms, doubled each time up to 1 s, less up to half of it at random |
/// | `budget` | 10 retries per second and a fifth of the calls, over 10 s |
/// | `max_body` | 64 KiB |
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Retries {
    /// Attempts in all; 1 is no retry.
    pub attempts: u32,
    /// The wait before the second attempt, doubled for each further one.
    pub delay: Duration,
    /// The longest wait; a server's `Retry-After` beyond it is not waited for.
    pub max_delay: Duration,
    /// Retries per second that are always granted.
    pub min_per_second: u32,
    /// The share of calls that may be retried beyond that.
    pub share: f32,
    /// The largest body, in bytes, that is kept for another attempt.
    pub max_body: u64,
    /// Makes the jitter repeatable.
    pub seed: u64,
}

/// tower's retry policy of the standard client stack.
///
/// Another attempt is made after a failure of the service, if the request is idempotent and small enough to be kept, the
/// budget grants it, and the deadline leaves time for it. A refusal by an open circuit is no reason to try again.
#[derive(Clone)]
pub struct RetryPolicy<C = ServerErrors> {
    classify: C,
    retries: Retries,
    budget: Arc<TpsBudget>,
    random: Arc<AtomicU64>,
    attempt: u32,
}

impl<C> RetryPolicy<C> {
    pub(crate) fn new(retries: Retries, classify: C) -> Self {
        let window = Duration::from_secs(10);
        Self {
            classify,
            retries,
            budget: Arc::new(TpsBudget::new(
                window,
                retries.min_per_second,
                retries.share,
            )),
            random: Arc::new(AtomicU64::new(retries.seed)),
            attempt: 1,
        }
    }

    fn delay(&self, asked: Option<Duration>) -> Option<Duration> {
        let Retries {
            delay, max_delay, ..
        } = self.retries;
        if asked.is_some_and(|asked| asked > max_delay) {
            return None;
        }
        let doubled = 2_u32
            .checked_pow(self.attempt - 1)
            .and_then(|by| delay.checked_mul(by));
        let delay = doubled.unwrap_or(max_delay).min(max_delay);
        let shortened = delay.mul_f64(1.0 - self.random() / 2.0);
        Some(shortened.max(asked.unwrap_or_default()))
    }

    /// A number from 0 to 1 (Weyl sequence with a multiplicative mix).
    fn random(&self) -> f64 {
        let weyl = self
            .random
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (weyl ^ (weyl >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl<C, Req, Res, E> Policy<Req, Res, E> for RetryPolicy<C>
where
    C: Classify<Res, E>,
    Req: Replay,
{
    type Future = Sleep;

    fn retry(&mut self, _: &mut Req, result: &mut Result<Res, E>) -> Option<Sleep> {
        if self.classify.classify(result.as_ref()) != Verdict::Failure {
            self.budget.deposit();
            return None;
        }
        if self.attempt >= self.retries.attempts {
            return None;
        }
        let delay = self.delay(self.classify.retry_after(result.as_ref()))?;
        let until = Instant::now() + delay;
        // An attempt that the deadline would cut off at once only costs the service.
        let in_time = Deadline::current().is_none_or(|deadline| until < deadline.instant());
        if !in_time || !self.budget.withdraw() {
            return None;
        }
        self.attempt += 1;
        Some(sleep_until(until))
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        let again = self.retries.attempts > 1 && request.is_idempotent();
        again
            .then(|| request.replay(self.retries.max_body))
            .flatten()
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
            seed: 0,
        }
    }
}

impl<C> fmt::Debug for RetryPolicy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}
