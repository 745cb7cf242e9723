//! `new`: for any protocol, refusals are typed errors.

use watertight::{
    Bulkhead, BulkheadLayer, CircuitBreakerLayer, ClientDeadlineLayer, FallbackLayer,
    FallbackValue, Queue, TimeoutLayer,
};
use watertight_fallback::{Chain, Nothing};

use crate::{
    callers::Callers,
    checks::{self, SORRY},
    shop::Shop,
};

pub(crate) type AnyFallback = FallbackLayer<Chain<Nothing, FallbackValue<&'static str>>>;

pub(crate) fn one_circuit<F: Future<Output = Callers>>(
    place: impl FnOnce(CircuitBreakerLayer, Shop) -> F,
) {
    checks::one_circuit(|breaker, shop| place(CircuitBreakerLayer::new(breaker), shop));
}

pub(crate) fn one_limit<F: Future<Output = Callers>>(place: impl FnOnce(BulkheadLayer, Shop) -> F) {
    checks::one_limit(|bulkhead, shop| place(BulkheadLayer::new(bulkhead), shop));
}

pub(crate) fn one_queue<F: Future<Output = Callers>>(
    place: impl FnOnce(BulkheadLayer<Bulkhead<Queue>>, Shop) -> F,
) {
    checks::one_queue(|bulkhead, shop| place(BulkheadLayer::new(bulkhead), shop));
}

pub(crate) fn in_time<F: Future<Output = Callers>>(place: impl FnOnce(TimeoutLayer, Shop) -> F) {
    checks::in_time(|timeout, shop| place(TimeoutLayer::new(timeout), shop));
}

pub(crate) fn by_the_deadline<F: Future<Output = Callers>>(
    place: impl FnOnce(ClientDeadlineLayer, Shop) -> F,
) {
    checks::by_the_deadline(|limit, shop| place(ClientDeadlineLayer::new(limit), shop));
}

pub(crate) fn another_answer<F: Future<Output = Callers>>(
    place: impl FnOnce(AnyFallback, Shop) -> F,
) {
    checks::another_answer(|fallback, shop| place(FallbackLayer::new(fallback).value(SORRY), shop));
}
