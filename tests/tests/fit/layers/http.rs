//! `for_http`: refusals are problems, and the error stays what it was.

use http::Response;
use watertight::{
    Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerLayer, DeadlineLayer, Fallback,
    FallbackLayer, Millis, Queue, TimeoutLayer,
    http::{Problem, ServerErrors},
};
use watertight_fallback::{
    Chain, Failures, NoCapture, Nothing,
    http::{Constant, Http, InHttp},
};

use crate::{
    callers::Callers,
    checks::{self, SORRY},
    shop::Shop,
};

pub(crate) type HttpBreaker = CircuitBreakerLayer<CircuitBreaker, ServerErrors, Problem>;
pub(crate) type HttpBulkhead = BulkheadLayer<Bulkhead, ServerErrors, Problem>;
pub(crate) type HttpQueue = BulkheadLayer<Bulkhead<Queue>, ServerErrors, Problem>;
pub(crate) type HttpTimeout = TimeoutLayer<Problem>;
pub(crate) type HttpDeadline = DeadlineLayer<Millis, Problem>;
pub(crate) type HttpFallback =
    FallbackLayer<Chain<Nothing, Constant>, Failures<ServerErrors, InHttp>, NoCapture, Http>;

pub(crate) fn one_circuit<F: Future<Output = Callers>>(place: impl FnOnce(HttpBreaker, Shop) -> F) {
    checks::one_circuit(|breaker, shop| place(CircuitBreakerLayer::for_http(breaker), shop));
}

pub(crate) fn one_limit<F: Future<Output = Callers>>(place: impl FnOnce(HttpBulkhead, Shop) -> F) {
    checks::one_limit(|bulkhead, shop| place(BulkheadLayer::for_http(bulkhead), shop));
}

pub(crate) fn one_queue<F: Future<Output = Callers>>(place: impl FnOnce(HttpQueue, Shop) -> F) {
    checks::one_queue(|bulkhead, shop| place(BulkheadLayer::for_http(bulkhead), shop));
}

pub(crate) fn in_time<F: Future<Output = Callers>>(place: impl FnOnce(HttpTimeout, Shop) -> F) {
    checks::in_time(|timeout, shop| place(TimeoutLayer::for_http(timeout), shop));
}

pub(crate) fn by_the_deadline<F: Future<Output = Callers>>(
    place: impl FnOnce(HttpDeadline, Shop) -> F,
) {
    checks::by_the_deadline(|limit, shop| place(DeadlineLayer::for_http(limit), shop));
}

pub(crate) fn another_answer<F: Future<Output = Callers>>(
    place: impl FnOnce(HttpFallback, Shop) -> F,
) {
    checks::another_answer(|fallback, shop| place(http_fallback(fallback), shop));
}

pub(crate) fn http_fallback(fallback: Fallback) -> HttpFallback {
    FallbackLayer::for_http(fallback).response(Response::new(SORRY.into()))
}
