//! failsafe: a breaker as a function, here around a service's future.

use std::{
    fmt,
    task::{Context, Poll},
    time::Duration,
};

use failsafe::{
    Any, Config, Error, FailurePolicy, StateMachine, backoff, failure_policy,
    futures::{CircuitBreaker, ResponseFuture},
};
use tower::Service;
use watertight_benches::{
    lab::Lab,
    ours::NEVER,
    service::{Answers, Fault},
    subject::{Subject, fail},
};

/// The name where a share of failures opens it.
pub const NAME: &str = "failsafe";

/// The name where failures in a row open it.
pub const CONSECUTIVE: &str = "failsafe (consecutive)";

/// Closed, under both of its policies.
pub fn closed() -> [Subject; 2] {
    [
        Subject::answering(NAME, guarded(rate())),
        Subject::answering(CONSECUTIVE, guarded(consecutive())),
    ]
}

/// Opened by failures in a row.
pub fn open(lab: &Lab) -> Subject {
    let service = guarded(consecutive());
    fail(lab, &service, 100);
    Subject::refusing(CONSECUTIVE, service)
}

/// A service whose breaker looks at a span of time.
pub fn over_time()
-> impl Service<u64, Response = u64, Error = Error<Fault>, Future: Send> + Clone + Send + 'static {
    guarded(rate())
}

struct Guarded<P> {
    inner: Answers,
    breaker: StateMachine<P, ()>,
}

fn rate() -> impl FailurePolicy + fmt::Debug + Send + Sync + 'static {
    let window = Duration::from_secs(10);
    failure_policy::success_rate_over_time_window(0.5, 20, window, backoff::constant(NEVER))
}

fn consecutive() -> impl FailurePolicy + fmt::Debug + Send + Sync + 'static {
    failure_policy::consecutive_failures(20, backoff::constant(NEVER))
}

fn guarded<P: FailurePolicy>(policy: P) -> Guarded<P> {
    Guarded {
        inner: Answers,
        breaker: Config::new().failure_policy(policy).build(),
    }
}

// Derived, it would ask for a policy that can be cloned.
impl<P> Clone for Guarded<P> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner,
            breaker: self.breaker.clone(),
        }
    }
}

impl<P> Service<u64> for Guarded<P>
where
    P: FailurePolicy + Send + Sync,
{
    type Response = u64;
    type Error = Error<Fault>;
    type Future = ResponseFuture<<Answers as Service<u64>>::Future, P, (), Any>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: u64) -> Self::Future {
        self.breaker.call(self.inner.call(request))
    }
}
