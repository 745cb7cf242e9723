//! The same router under different layers.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Bytes,
    error_handling::HandleErrorLayer,
    http::{Response, StatusCode},
    routing::get,
};
use tower::{
    BoxError, ServiceBuilder, layer::util::Identity, timeout::TimeoutLayer as TowerTimeoutLayer,
};
use tower_resilience::{
    bulkhead::BulkheadServiceError,
    circuitbreaker::{
        CircuitBreakerConfigBuilder, CircuitBreakerError, DefaultClassifier, SlidingWindowType,
    },
    timelimiter::TimeLimiterError,
};
use watertight_benches::ours::{NEVER, ROOM, breaker};
use watertight_bulkhead::{Bulkhead, BulkheadLayer};
use watertight_circuit_breaker::CircuitBreakerLayer;
use watertight_fallback::{Fallback, FallbackLayer};
use watertight_timeout::TimeoutLayer;

use crate::peers::tower_resilience as resilience;

/// The name of the router that others are measured against: a layer that does nothing costs a box per request.
pub const ONE_LAYER: &str = "one no-op layer";

/// The name of the router under our four layers.
pub const OURS: &str = "watertight, stack of four";

/// A span of time as one would set it: all calls of a round fit in.
const WINDOW: Duration = Duration::from_secs(10);

type ErrorOfThree = BulkheadServiceError<CircuitBreakerError<TimeLimiterError<Infallible>>>;

/// Every router, by name.
#[must_use]
pub fn routers() -> Vec<(&'static str, Router)> {
    vec![
        ("bare router", bare()),
        (ONE_LAYER, bare().layer(Identity::new())),
        ("tower, timeout", tower_timeout()),
        ("tower-resilience, breaker", guarded(resilience::builder())),
        ("tower-resilience, window of time", guarded(windowed())),
        // Its fallback asks for requests that can be cloned, so it cannot be the fourth.
        ("tower-resilience, stack of three", stack_of_three()),
        (OURS, ours()),
    ]
}

fn bare() -> Router {
    Router::new().route("/", get(async || "roses are red"))
}

fn tower_timeout() -> Router {
    let layers = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(unavailable::<BoxError>))
        .layer(TowerTimeoutLayer::new(NEVER));
    bare().layer(layers)
}

/// Only errors count as failures, of which a router has none: its layer is no longer `Clone` if responses count.
fn guarded(breaker: CircuitBreakerConfigBuilder<DefaultClassifier>) -> Router {
    let layers = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(
            unavailable::<CircuitBreakerError<Infallible>>,
        ))
        .layer(resilience::breaker(breaker));
    bare().layer(layers)
}

fn windowed() -> CircuitBreakerConfigBuilder<DefaultClassifier> {
    resilience::builder()
        .sliding_window_type(SlidingWindowType::TimeBased)
        .sliding_window_duration(WINDOW)
}

fn stack_of_three() -> Router {
    let layers = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(unavailable::<ErrorOfThree>))
        .layer(resilience::limit(ROOM))
        .layer(resilience::breaker(resilience::builder()))
        .layer(resilience::time_limit());
    bare().layer(layers)
}

fn ours() -> Router {
    let bulkhead = Bulkhead::builder("benched").max_concurrent(ROOM).build();
    let breaker = breaker::builder().build();
    let apology = Response::new(Bytes::from_static(b"violets are sold out"));
    let layers = ServiceBuilder::new()
        .layer(FallbackLayer::for_http(Fallback::default()).response(apology))
        .layer(BulkheadLayer::for_http(
            bulkhead.expect("the settings make sense"),
        ))
        .layer(CircuitBreakerLayer::for_http(
            breaker.expect("the settings make sense"),
        ))
        .layer(TimeoutLayer::for_http(NEVER));
    bare().layer(layers)
}

/// What a router must make of an error, which it may not have.
async fn unavailable<E>(_: E) -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}
