//! tower-resilience's layers, each with one state for all its services.

use tower::{Layer, Service};
use tower_resilience::{
    bulkhead::BulkheadLayer,
    circuitbreaker::{
        CircuitBreakerConfigBuilder, CircuitBreakerError, CircuitBreakerLayer, DefaultClassifier,
        SlidingWindowType,
    },
    fallback::FallbackLayer,
    timelimiter::TimeLimiterLayer,
};
use watertight_benches::{
    lab::Lab,
    ours::{NEVER, ROOM},
    service::{Answers, Fault, Yields},
    subject::{Subject, fail, occupy},
};

/// The name in every case.
pub const NAME: &str = "tower-resilience";

/// Closed, over the last 100 calls.
pub fn closed() -> Subject {
    Subject::answering(NAME, breaker(builder()).layer(Answers))
}

/// Closed, and calls that take long count.
pub fn slow_calls() -> Subject {
    let slow = builder()
        .slow_call_duration_threshold(NEVER)
        .slow_call_rate_threshold(0.5);
    Subject::answering(NAME, breaker(slow).layer(Answers))
}

/// Closed, over a span of time.
pub fn time_window() -> Subject {
    Subject::answering(NAME, time_window_service())
}

/// The service of [`time_window`].
pub fn time_window_service()
-> impl Service<u64, Response = u64, Error = CircuitBreakerError<Fault>, Future: Send>
+ Clone
+ Send
+ 'static {
    let window = builder()
        .sliding_window_type(SlidingWindowType::TimeBased)
        .sliding_window_duration(NEVER);
    breaker(window).layer(Answers)
}

/// Opened by failures.
pub fn open(lab: &Lab) -> Subject {
    let service = breaker(builder()).layer(Answers);
    fail(lab, &service, 200);
    Subject::refusing(NAME, service)
}

/// A bulkhead with room for every call.
pub fn bulkhead() -> Subject {
    Subject::answering(NAME, limit(ROOM).layer(Answers))
}

/// A bulkhead that is full.
pub fn bulkhead_full(lab: &Lab) -> Subject {
    let service = limit(1).layer(Answers);
    occupy(lab, &service);
    Subject::refusing(NAME, service)
}

/// A time limiter around a service that answers at once.
pub fn timeout_ready() -> Subject {
    timeout(Answers)
}

/// A time limiter around a service that answers at the second poll.
pub fn timeout_yielding() -> Subject {
    timeout(Yields)
}

/// A fallback that is never needed.
pub fn fallback() -> Subject {
    let layer = FallbackLayer::<u64, u64, Fault>::value(0);
    Subject::answering(NAME, layer.layer(Answers))
}

/// Fallback, bulkhead, circuit breaker, time limiter.
pub fn stack() -> Subject {
    let timed = time_limit().layer(Answers);
    let guarded = breaker(builder()).layer(timed);
    let limited = limit(ROOM).layer(guarded);
    Subject::answering(NAME, FallbackLayer::value(0).layer(limited))
}

/// Its breaker over the last 100 calls, that stays open once it is.
pub fn builder() -> CircuitBreakerConfigBuilder<DefaultClassifier> {
    CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_size(100)
        .wait_duration_in_open(NEVER)
}

/// A layer whose services share one state.
pub fn breaker(
    builder: CircuitBreakerConfigBuilder<DefaultClassifier>,
) -> CircuitBreakerLayer<DefaultClassifier> {
    builder
        .build_with_handle()
        .expect("the settings make sense")
        .0
}

/// A bulkhead that refuses when it is full.
pub fn limit(calls: usize) -> BulkheadLayer {
    let builder = BulkheadLayer::builder().max_concurrent_calls(calls);
    let built = builder.reject_when_full().build_with_handle();
    built.expect("the settings make sense").0
}

/// A time limiter that never fires.
pub fn time_limit() -> TimeLimiterLayer {
    TimeLimiterLayer::builder().timeout_duration(NEVER).build()
}

fn timeout<S>(inner: S) -> Subject
where
    S: Service<u64, Response = u64, Error = Fault, Future: Send> + Clone + Send + 'static,
{
    Subject::answering(NAME, time_limit().layer(inner))
}
