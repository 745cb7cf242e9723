//! tower's own limits as inner services: they mind who was polled ready.

use std::time::Duration;

use tower::{
    Layer, ServiceExt,
    buffer::Buffer,
    limit::{ConcurrencyLimit, RateLimit, rate::Rate},
};
use watertight::{
    BulkheadLayer, CircuitBreakerLayer, ClientDeadlineLayer, Error, FallbackLayer, TimeoutLayer,
    http::ServerErrors,
};

use crate::{
    callers::{CALLERS, Callers},
    cells,
    checks::SORRY,
    layers::boxed,
    on_tower::{Order, Plain, Serves, Serving, clones, http_clones, http_sharing, plain, sharing},
    readiness,
    shop::Shop,
};

cells! {
    fn concurrency_limit_fits_the_circuit_breaker() = readiness::circuit(|breaker, shop| {
        one_at_a_time(CircuitBreakerLayer::new(breaker), shop)
    });
    fn concurrency_limit_fits_the_bulkhead() = readiness::limit(|bulkhead, shop| {
        one_at_a_time(BulkheadLayer::new(bulkhead), shop)
    });
    fn concurrency_limit_fits_the_queue() = readiness::queue(|bulkhead, shop| {
        one_at_a_time(BulkheadLayer::new(bulkhead), shop)
    });
    fn concurrency_limit_fits_the_timeout() = readiness::timeout(|timeout, shop| {
        one_at_a_time(TimeoutLayer::new(timeout), shop)
    });
    fn concurrency_limit_fits_the_deadline() = readiness::timeout(|limit, shop| {
        one_at_a_time(ClientDeadlineLayer::new(limit), shop)
    });
    fn concurrency_limit_fits_the_fallback() = readiness::fallback(|fallback, shop| {
        one_at_a_time(FallbackLayer::new(fallback).value(SORRY), shop)
    });
    fn concurrency_limit_fits_the_server_stack() = readiness::server_stack(async |stack, shop| {
        http_clones(&stack.build().unwrap().layer(ConcurrencyLimit::new(shop, 1)))
    });
    fn concurrency_limit_fits_the_client_stack() = readiness::client_stack(async |stack, shop| {
        http_clones(&stack.build().unwrap().layer(ConcurrencyLimit::new(shop, 1)))
    });

    fn buffer_shares_one_circuit() = boxed::one_circuit(buffered);
    fn buffer_shares_one_limit() = boxed::one_limit(buffered);
    fn buffer_shares_one_queue() = boxed::one_queue(buffered);
    fn buffer_gives_up_in_time() = boxed::in_time(buffered);
    fn buffer_keeps_the_deadline() = boxed::by_the_deadline(buffered);
    fn buffer_gives_another_answer() = boxed::another_answer(buffered);
    fn buffer_fits_the_server_stack() = readiness::server_stack(async |stack, shop| {
        let stack = stack.classify(ServerErrors::boxed()).build().unwrap();
        http_clones(&stack.layer(Buffer::new(shop, CALLERS)))
    });
    fn buffer_fits_the_client_stack() = readiness::client_stack(async |stack, shop| {
        let stack = stack.classify(ServerErrors::boxed()).build().unwrap();
        http_clones(&stack.layer(Buffer::new(shop, CALLERS)).map_err(Error::into_boxed))
    });

    fn rate_limit_fits_the_circuit_breaker() = readiness::circuit(|breaker, shop| {
        a_few_per_second(CircuitBreakerLayer::new(breaker), shop)
    });
    fn rate_limit_fits_the_bulkhead() = readiness::limit(|bulkhead, shop| {
        a_few_per_second(BulkheadLayer::new(bulkhead), shop)
    });
    fn rate_limit_fits_the_queue_behind_a_buffer() = readiness::queue(|bulkhead, shop| {
        a_few_per_second_buffered(BulkheadLayer::boxed(bulkhead), shop)
    });
    fn rate_limit_fits_the_timeout() = readiness::timeout(|timeout, shop| {
        a_few_per_second(TimeoutLayer::new(timeout), shop)
    });
    fn rate_limit_fits_the_deadline() = readiness::timeout(|limit, shop| {
        a_few_per_second(ClientDeadlineLayer::new(limit), shop)
    });
    fn rate_limit_fits_the_fallback() = readiness::fallback(|fallback, shop| {
        a_few_per_second(FallbackLayer::new(fallback).value(SORRY), shop)
    });
    fn rate_limit_fits_the_server_stack() = readiness::server_stack(async |stack, shop| {
        http_sharing(stack.build().unwrap().layer(RateLimit::new(shop, rate())))
    });
    fn rate_limit_fits_the_client_stack_behind_a_buffer() = readiness::client_stack(async |stack, shop| {
        let stack = stack.classify(ServerErrors::boxed()).build().unwrap();
        let limited = Buffer::new(RateLimit::new(shop, rate()), CALLERS);
        http_clones(&stack.layer(limited).map_err(Error::into_boxed))
    });
}

type Buffered = Buffer<Order, Serving>;

/// So few that most calls wait until they are ready.
fn rate() -> Rate {
    Rate::new(5, Duration::from_secs(1))
}

async fn one_at_a_time<L>(layer: L, shop: Shop) -> Callers
where
    L: Layer<ConcurrencyLimit<Plain>, Service: Serves + Clone>,
{
    clones(&layer.layer(ConcurrencyLimit::new(plain(), 1)), shop)
}

async fn buffered<L>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Buffered, Service: Serves + Clone>,
{
    clones(&layer.layer(Buffer::new(plain(), CALLERS)), shop)
}

/// It is not `Clone`, so callers share one.
async fn a_few_per_second<L>(layer: L, shop: Shop) -> Callers
where
    L: Layer<RateLimit<Plain>, Service: Serves>,
{
    sharing(layer.layer(RateLimit::new(plain(), rate())), shop)
}

/// For layers whose calls wait with a clone of the inner service.
async fn a_few_per_second_buffered<L>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Buffered, Service: Serves + Clone>,
{
    let limited = Buffer::new(RateLimit::new(plain(), rate()), CALLERS);
    clones(&layer.layer(limited), shop)
}
