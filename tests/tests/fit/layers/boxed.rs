//! `boxed`: refusals join the errors of services whose error is boxed.

use tower::BoxError;
use watertight::{
    Boxed, Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerLayer, ClientDeadlineLayer,
    Errors, FailWith, FallbackLayer, FallbackValue, Local, Queue, Rejected, TimeoutLayer,
};
use watertight_fallback::{Chain, Failures, InErrors, Nothing};

use crate::{
    callers::Callers,
    checks::{self, SORRY},
    shop::Shop,
};

type Fails = FailWith<fn(Rejected) -> BoxError>;
pub(crate) type BoxedBreaker = CircuitBreakerLayer<CircuitBreaker, Errors<Boxed>, Fails>;
pub(crate) type BoxedBulkhead = BulkheadLayer<Bulkhead, Errors<Boxed>, Fails>;
pub(crate) type BoxedQueue = BulkheadLayer<Bulkhead<Queue>, Errors<Boxed>, Fails>;
pub(crate) type BoxedTimeout = TimeoutLayer<Fails>;
pub(crate) type BoxedDeadline = ClientDeadlineLayer<Local, Fails>;
pub(crate) type BoxedFallback = FallbackLayer<
    Chain<Nothing, FallbackValue<&'static str>>,
    Failures<Errors<Boxed>, InErrors<Boxed>>,
>;

pub(crate) fn one_circuit<F: Future<Output = Callers>>(
    place: impl FnOnce(BoxedBreaker, Shop) -> F,
) {
    checks::one_circuit(|breaker, shop| place(CircuitBreakerLayer::boxed(breaker), shop));
}

pub(crate) fn one_limit<F: Future<Output = Callers>>(place: impl FnOnce(BoxedBulkhead, Shop) -> F) {
    checks::one_limit(|bulkhead, shop| place(BulkheadLayer::boxed(bulkhead), shop));
}

pub(crate) fn one_queue<F: Future<Output = Callers>>(place: impl FnOnce(BoxedQueue, Shop) -> F) {
    checks::one_queue(|bulkhead, shop| place(BulkheadLayer::boxed(bulkhead), shop));
}

pub(crate) fn in_time<F: Future<Output = Callers>>(place: impl FnOnce(BoxedTimeout, Shop) -> F) {
    checks::in_time(|timeout, shop| place(TimeoutLayer::boxed(timeout), shop));
}

pub(crate) fn by_the_deadline<F: Future<Output = Callers>>(
    place: impl FnOnce(BoxedDeadline, Shop) -> F,
) {
    checks::by_the_deadline(|limit, shop| {
        let layer = ClientDeadlineLayer::new(limit);
        place(
            layer.fail_with(BoxError::from as fn(Rejected) -> BoxError),
            shop,
        )
    });
}

pub(crate) fn another_answer<F: Future<Output = Callers>>(
    place: impl FnOnce(BoxedFallback, Shop) -> F,
) {
    checks::another_answer(|fallback, shop| {
        place(FallbackLayer::boxed(fallback).value(SORRY), shop)
    });
}
