//! seatbelt's layers, through their `tower_service::Service`.

use seatbelt::{
    RecoveryInfo, ResilienceContext,
    breaker::{Breaker, BreakerLayer},
    fallback::Fallback,
    timeout::Timeout,
};
use tick::Clock;
use tower::{Layer, Service};
use watertight_benches::{
    lab::Lab,
    ours::NEVER,
    service::{Answers, Fault, Yields},
    subject::{Subject, fail},
};

/// The name in every case.
pub const NAME: &str = "seatbelt";

/// What its layers are about.
pub type Out = Result<u64, Fault>;

/// Closed, with a window of 30 seconds, its only kind.
pub fn closed(lab: &Lab) -> Subject {
    Subject::answering(NAME, closed_service(lab))
}

/// The service of [`closed`].
pub fn closed_service(
    lab: &Lab,
) -> impl Service<u64, Response = u64, Error = Fault, Future: Send> + Clone + Send + 'static {
    breaker(lab).layer(Answers)
}

/// Opened by failures.
pub fn open(lab: &Lab) -> Subject {
    let service = breaker(lab).break_duration(NEVER).layer(Answers);
    fail(lab, &service, 1_000);
    Subject::refusing(NAME, service)
}

/// A timeout around a service that answers at once.
pub fn timeout_ready(lab: &Lab) -> Subject {
    timeout(lab, Answers)
}

/// A timeout around a service that answers at the second poll.
pub fn timeout_yielding(lab: &Lab) -> Subject {
    timeout(lab, Yields)
}

/// A fallback that is never needed.
pub fn fallback(lab: &Lab) -> Subject {
    let layer = Fallback::layer("benched", &context(lab))
        .should_fallback(|out: &Out| out.is_err())
        .fallback_output(Ok(0));
    Subject::answering(NAME, layer.layer(Answers))
}

fn breaker(lab: &Lab) -> BreakerLayer<u64, Out> {
    breaker_by(clock(lab))
}

/// A breaker with half the calls failing as its limit, and its defaults else.
pub fn breaker_by(clock: Clock) -> BreakerLayer<u64, Out> {
    Breaker::layer("benched", &ResilienceContext::new(clock))
        .recovery_with(|out: &Out, _| match out {
            Ok(_) => RecoveryInfo::never(),
            Err(_) => RecoveryInfo::retry(),
        })
        .rejected_input_error(|_, _| Fault)
        .failure_threshold(0.5)
        .min_throughput(20)
}

fn timeout<S>(lab: &Lab, inner: S) -> Subject
where
    S: Service<u64, Response = u64, Error = Fault, Future: Send> + Clone + Send + Sync + 'static,
{
    let layer = Timeout::layer("benched", &context(lab))
        .timeout(NEVER)
        .timeout_error(|_| Fault);
    Subject::answering(NAME, layer.layer(inner))
}

fn context(lab: &Lab) -> ResilienceContext<u64, Out> {
    ResilienceContext::new(clock(lab))
}

fn clock(lab: &Lab) -> Clock {
    lab.block_on(async { Clock::new_tokio() })
}
