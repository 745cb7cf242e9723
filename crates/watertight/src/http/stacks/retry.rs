use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};
use tower::retry::{
    Policy, Retry,
    budget::{Budget, TpsBudget},
    future::ResponseFuture,
};
use tower_service::Service;
use watertight_core::{
    Classify, Deadline, Error, Reason, Rejected, Verdict,
    http::{ResponseHead, ServerErrors},
};

use super::{replay::Replay, retries::Retries};

/// The service that repeats attempts: tower's `Retry`, with a policy that knows what the client answers.
#[derive(Clone, Debug)]
pub struct RetryService<S, P> {
    inner: S,
    policy: P,
}

/// tower's retry policy of the standard client stack.
///
/// Another attempt is made after a failure of the service, if the request is idempotent and small enough to be kept, the
/// budget grants it, and the deadline leaves time for it. A refusal is no reason to try again, whoever refuses; if it was the
/// second attempt that was refused, the caller gets the failure of the first, because that one was sent.
pub struct RetryPolicy<C = ServerErrors, T = ()> {
    classify: C,
    retries: Retries,
    shared: Arc<Shared>,
    attempt: u32,
    failed: Option<T>,
}

/// The policy of a stack [without retries](super::client::ClientStack::without_retries): any request, one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Once;

/// What all calls draw on.
struct Shared {
    budget: TpsBudget,
    random: AtomicU64,
}

impl<S, P> RetryService<S, P> {
    pub(super) const fn new(inner: S, policy: P) -> Self {
        Self { inner, policy }
    }
}

impl<S, C, Req, E> Service<Req> for RetryService<S, RetryPolicy<C>>
where
    S: Service<Req, Response: ResponseHead, Error = Error<E>> + Clone,
    C: Classify<S::Response, Error<E>> + Clone,
    Req: Replay,
{
    type Response = S::Response;
    type Error = Error<E>;
    type Future = ResponseFuture<RetryPolicy<C, Result<S::Response, Error<E>>>, S, Req>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        // The instance that was readied makes the first attempt; its clone is readied for the next call.
        let clone = self.inner.clone();
        let readied = mem::replace(&mut self.inner, clone);
        Retry::new(self.policy.for_call(), readied).call(request)
    }
}

impl<S: Service<Req>, Req> Service<Req> for RetryService<S, Once> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> S::Future {
        self.inner.call(request)
    }
}

impl<C> RetryPolicy<C> {
    pub(super) fn new(retries: Retries, classify: C) -> Self {
        let (window, least) = (Duration::from_secs(10), retries.min_per_second);
        let shared = Shared {
            budget: TpsBudget::new(window, least, retries.share),
            random: AtomicU64::new(retries.seed.unwrap_or_else(random_seed)),
        };
        Self {
            classify,
            retries,
            shared: Arc::new(shared),
            attempt: 1,
            failed: None,
        }
    }
}

impl<C, T> RetryPolicy<C, T> {
    /// The policy of a call whose attempts have not begun.
    fn for_call<T2>(&self) -> RetryPolicy<C, T2>
    where
        C: Clone,
    {
        RetryPolicy {
            classify: self.classify.clone(),
            retries: self.retries,
            shared: Arc::clone(&self.shared),
            attempt: 1,
            failed: None,
        }
    }

    /// When to try again, if at all.
    fn next_attempt(&self, asked: Option<Duration>) -> Option<Instant> {
        if self.attempt >= self.retries.attempts {
            return None;
        }
        let until = Deadline::after(self.delay(asked)?).instant();
        // An attempt that the deadline would cut off at once only costs the service.
        let in_time = Deadline::current().is_none_or(|deadline| until < deadline.instant());
        (in_time && self.shared.budget.withdraw()).then_some(until)
    }

    /// The wait before the next attempt; none if the server asks for a longer one than we would wait.
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
        let shortened = delay.saturating_sub(delay.mul_f64(self.shared.random() / 2.0));
        Some(shortened.max(asked.unwrap_or_default()))
    }
}

impl<C, Req, Res, E> Policy<Req, Res, Error<E>> for RetryPolicy<C, Result<Res, Error<E>>>
where
    C: Classify<Res, Error<E>>,
    Req: Replay,
    Res: ResponseHead,
{
    type Future = Sleep;

    fn retry(&mut self, _: &mut Req, result: &mut Result<Res, Error<E>>) -> Option<Sleep> {
        let verdict = self.classify.classify(result.as_ref());
        if was_never_sent(result, verdict) {
            // Whoever is told of a refusal takes it that nothing was sent, but an earlier attempt was.
            if let Some(failed) = self.failed.take() {
                *result = failed;
            }
            return None;
        }
        match verdict {
            Verdict::Failure => {}
            Verdict::Success => {
                self.shared.budget.deposit();
                return None;
            }
            Verdict::Ignore => return None,
        }
        let asked = self.classify.retry_after(result.as_ref());
        let until = self.next_attempt(asked)?;
        self.attempt += 1;
        // tower drops what is left here, and the failure may yet be what the caller gets.
        let nothing = Rejected::new("", Reason::TimedOut);
        self.failed = Some(mem::replace(result, Err(Error::Rejected(nothing))));
        Some(sleep_until(until))
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        let again = self.retries.attempts > 1 && request.is_idempotent();
        again
            .then(|| request.replay(self.retries.max_body))
            .flatten()
    }
}

impl Shared {
    /// A number from 0 to 1 (Weyl sequence with a multiplicative mix).
    fn random(&self) -> f64 {
        let weyl = self
            .random
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (weyl ^ (weyl >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl<C: Clone, T> Clone for RetryPolicy<C, T> {
    fn clone(&self) -> Self {
        self.for_call()
    }
}

impl<C, T> fmt::Debug for RetryPolicy<C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// Whether it is a refusal: of the stack's own circuit, or of whatever refuses further in.
fn was_never_sent<Res: ResponseHead, E>(result: &Result<Res, Error<E>>, verdict: Verdict) -> bool {
    match result {
        Err(Error::Rejected(why)) => !why.reason.attempted(),
        // What an error has inside is the classifier's to know: a refusal says nothing about the service.
        Err(Error::Inner(_)) => verdict == Verdict::Ignore,
        Ok(response) => {
            let refused = response.extensions().get::<Rejected>();
            refused.is_some_and(|why| !why.reason.attempted())
        }
    }
}

fn random_seed() -> u64 {
    RandomState::new().hash_one(())
}
